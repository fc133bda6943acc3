// The keys that tokens are believed from: those of a bundle of certificates and of a JSON Web Key
// Set, and the chains of certificates that end in the bundle. What a token says of its own key only
// selects among these, or is compared with them: it is never believed by itself.
// Immutable once made, so any thread may use it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "registryd/auth/jwk.h"
#include "registryd/auth/jwt.h"

struct x509_store_st;

namespace bunker::auth {

// A rootcertbundle, read: certificates in PEM, each of which may sign tokens and chains.
struct TrustedCertificates {
  std::shared_ptr<x509_store_st> store;
  std::vector<PublicKey> keys;
};
// invalid: it holds no certificate, or one that cannot be read.
[[nodiscard]] Result<TrustedCertificates> parse_certificates(std::string_view pem);

// The keys of a JSON Web Key Set (RFC 7517 §5), by name: each key's "kid" where it has one.
struct TrustedKey {
  std::string id;
  PublicKey key;
};
struct TrustedKeySet {
  std::vector<TrustedKey> keys;
  std::vector<std::string> warnings;  // keys left out, since they are of no use here
};
// invalid: malformed, two keys of one kid, or nothing that can be used.
[[nodiscard]] Result<TrustedKeySet> parse_key_set(std::string_view text);

class TokenKeys {
 public:
  TokenKeys(TrustedCertificates certificates, TrustedKeySet set);

  // The key that `jwt` must be signed with: that of its chain, its jwk or its kid, in this order of
  // precedence, as distribution has it. unauthenticated: none that is trusted is named.
  [[nodiscard]] Result<PublicKey> find(const Jwt& jwt) const;

  [[nodiscard]] std::size_t size() const noexcept { return by_thumbprint_.size(); }

 private:
  [[nodiscard]] Result<PublicKey> verify_chain(const std::vector<std::string>& chain) const;

  std::shared_ptr<x509_store_st> store_;  // null: no chain is believed
  std::map<std::string, PublicKey, std::less<>> by_id_;
  std::map<std::string, PublicKey, std::less<>> by_thumbprint_;
};

}  // namespace bunker::auth
