// One set of certificates, checked and ready for handshakes. Private to lib/net.
// Thread-safe; immutable. Owner: shared by the server and the handshakes that began under it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/net/client_trust.h"
#include "lib/net/openssl.h"
#include "lib/net/session_cache.h"
#include "lib/net/tls_server.h"

namespace bunker::net {

class TlsContext {
 public:
  // `sessions` and `clock` outlive it. `last`, which may be null, lends its trust where that is the
  // same. Errors: see TlsServer::create().
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> create(
      const TlsServerOptions& options, const TlsMaterial& material, const Clock& clock,
      SessionCache& sessions, const TlsContext* last);

  [[nodiscard]] SslHandle accept() const;

  // Null: clients' certificates are not verified.
  [[nodiscard]] const std::shared_ptr<const ClientTrust>& trust() const { return trust_; }
  // Grows by one whenever authorities or revocations differ from the last set's.
  [[nodiscard]] std::uint64_t trust_generation() const { return trust_generation_; }
  [[nodiscard]] const PeerCertificate& leaf() const { return leaf_; }
  [[nodiscard]] SystemTime not_before() const { return not_before_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  explicit TlsContext(ClientAuth client_auth) : client_auth_(client_auth) {}
  Result<void> set_protocol(const TlsServerOptions& options);
  Result<void> set_certificate(const TlsMaterial& material, SystemTime now);
  Result<void> set_trust(const TlsMaterial& material, const Clock& clock, const TlsContext* last);
  void ask_clients();
  void look_over(X509* leaf);
  static int on_certificate(X509_STORE_CTX* context, void* self);

  SslContextPtr context_;
  const ClientAuth client_auth_;
  std::shared_ptr<const ClientTrust> trust_;
  std::string trust_digest_;
  std::uint64_t trust_generation_ = 1;
  PeerCertificate leaf_;
  SystemTime not_before_;
  std::vector<std::string> warnings_;
};

}  // namespace bunker::net
