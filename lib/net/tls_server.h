// The server's side of TLS 1.2 and 1.3: handshakes under a set of certificates that changes while
// connections live, and whether what a client proved in its handshake still holds.
// Not for reading files (tls_files.h) and not for who may do what.
// Thread rule: thread-safe; a TlsPeer belongs to its connection. Owner: the composition root;
// outlives the connections, as do the clock, logger and metrics that it is given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/net/peer_certificate.h"
#include "lib/net/tls_material.h"
#include "lib/net/tls_stream.h"
#include "lib/runtime/task.h"

namespace bunker {
class Logger;
class Metrics;
}  // namespace bunker

namespace bunker::net {

struct ProvenClient;

// What clients are asked for, where the set has client authorities.
enum class ClientAuth : unsigned char {
  request,             // a certificate, which is not verified
  require_any,         // the same, and it must be there
  verify_if_given,     // it may be missing; else it must be good
  require_and_verify,  // it must be there and good
};

struct TlsServerOptions {
  ClientAuth client_auth = ClientAuth::require_and_verify;
  bool tls13_only = false;
  // For TLS 1.2, by the names of IANA's registry; empty: the strong ones. TLS 1.3 has its own,
  // which are always offered; their names are taken and mean nothing. If no others are named, TLS
  // 1.2 is not spoken.
  std::vector<std::string> cipher_suites;
};

// What a client proved in its handshake. Default: nothing.
class TlsPeer {
 public:
  // The verified certificate; null: there is none, or nobody verified it.
  [[nodiscard]] const std::shared_ptr<const PeerCertificate>& certificate() const noexcept {
    return certificate_;
  }
  // When what was proved ends by itself.
  [[nodiscard]] SystemTime expires() const noexcept { return expires_; }

 private:
  friend class TlsServer;
  std::shared_ptr<const PeerCertificate> certificate_;
  std::shared_ptr<const ProvenClient> client_;
  SystemTime expires_ = SystemTime::max();
  std::uint64_t trust_ = 0;  // the generation of authorities under which it was last verified
};

class TlsServer {
 public:
  // invalid: the set cannot be used (mismatched, malformed, out of its dates, …), or an option is
  // wrong.
  [[nodiscard]] static Result<std::unique_ptr<TlsServer>> create(TlsServerOptions options,
                                                                 const TlsMaterial& material,
                                                                 const Clock& clock, Logger& log,
                                                                 Metrics& metrics);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // Takes `material` into use for handshakes that begin from now on; live connections keep going
  // as far as check() lets them. An error (see create()) leaves everything as it is. Both are
  // logged and counted.
  Result<void> replace(const TlsMaterial& material);
  // Logs and counts a set that could not even be read.
  void note_unreadable(const Error& error);

  // Shakes hands on `stream`, which has no TLS yet, until its deadline. Errors: as
  // TlsStream::handshake(); forbidden: the client's certificate is missing or not good. The client
  // has then been told by an alert; let it read it (Stream::linger()).
  Task<Result<TlsPeer>> handshake(TlsStream& stream);

  // Whether what `peer` proved holds under today's authorities, revocations and date. Cheap unless
  // these have changed since it was last asked. forbidden: no longer, and why.
  [[nodiscard]] Result<void> check(TlsPeer& peer) const;

  // `changed` is called when check() may have become an error for some; on the thread that calls
  // replace(). Call it before others use this object.
  void on_trust_change(std::function<void()> changed);

  // How many sets have been taken into use.
  [[nodiscard]] std::uint64_t generation() const noexcept;

 private:
  struct Impl;
  explicit TlsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::net
