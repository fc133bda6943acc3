// Which client certificates a server takes: authorities, and what they have revoked. Verifies in
// handshakes, and again when the authorities or lists of live connections' clients have changed.
// A revocation list that is out of date still revokes; one of an authority that is not ours is
// left out. Private to lib/net. Thread-safe; immutable but for a cache. Owner: shared.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/net/openssl.h"

namespace bunker::net {

class ClientTrust {
 public:
  // What checking a chain came to.
  struct Verdict {
    int error = X509_V_OK;  // OpenSSL's X509_V_ERR_…
    SystemTime expires;     // when the first certificate of the chain does
  };

  // PEM texts; `revocations` may be empty. invalid: one of them cannot be parsed, or a list is not
  // signed by the authority that it names.
  [[nodiscard]] static Result<std::shared_ptr<const ClientTrust>> create(
      const std::string& authorities, const std::string& revocations, const Clock& clock);

  // The verification of a handshake; for SSL_CTX_set_cert_verify_callback().
  [[nodiscard]] int verify(X509_STORE_CTX* context) const;
  // Verifies `chain`, a leaf and what else its owner showed, as of now.
  [[nodiscard]] Verdict verify(std::span<const std::shared_ptr<X509>> chain) const;

  [[nodiscard]] X509_STORE* store() const { return store_.get(); }
  [[nodiscard]] const std::vector<X509Ptr>& authorities() const { return authorities_; }
  // Sentences about what is odd but no error.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  // When the first authority expires.
  [[nodiscard]] SystemTime authorities_expire() const { return authorities_expire_; }
  // When the first list is out of date; SystemTime::max() without lists.
  [[nodiscard]] SystemTime revocations_due() const { return revocations_due_; }
  [[nodiscard]] std::size_t revoked() const { return revoked_; }  // entries of all lists

 private:
  explicit ClientTrust(const Clock& clock) : clock_(clock) {}
  Result<void> add_authorities(const std::string& pem);
  Result<void> add_revocations(const std::string& pem);
  // Whether the list is to be used. invalid: its signature is wrong.
  Result<bool> belongs(X509_CRL* list, const std::string& issuer) const;
  [[nodiscard]] Verdict verify_anew(std::span<const std::shared_ptr<X509>> chain) const;

  const Clock& clock_;
  X509StorePtr store_;
  std::vector<X509Ptr> authorities_;
  std::vector<std::string> warnings_;
  SystemTime authorities_expire_ = SystemTime::max();
  SystemTime revocations_due_ = SystemTime::max();
  std::size_t revoked_ = 0;

  mutable std::mutex mutex_;
  mutable std::map<std::string, Verdict> verdicts_;  // by the chain's fingerprints
};

// The earliest end of validity in `chain`.
[[nodiscard]] SystemTime earliest_expiry(const STACK_OF(X509) * chain);

}  // namespace bunker::net
