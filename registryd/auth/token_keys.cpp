#include "registryd/auth/token_keys.h"

#include <utility>

#include <nlohmann/json.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "lib/base/strict_json.h"
#include "lib/crypto/openssl.h"

namespace bunker::auth {
namespace {

using crypto::BioPtr;
using crypto::KeyPtr;
using crypto::X509Ptr;
using crypto::X509StackPtr;
using crypto::X509StoreContextPtr;
using crypto::X509StorePtr;
using nlohmann::json;

constexpr std::size_t kMostKeys = 1000;

std::unexpected<Error> untrusted(std::string why) {
  return fail(Code::unauthenticated,
              "the token is signed by a key that is not trusted: " + std::move(why));
}

Result<PublicKey> key_of(X509* certificate) {
  std::shared_ptr<EVP_PKEY> key = KeyPtr(X509_get_pubkey(certificate));
  if (!key) {
    ERR_clear_error();
    return fail(Code::invalid, "a certificate's key cannot be read");
  }
  return PublicKey::make(key);
}

X509Ptr parse_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  X509Ptr out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (out && at != end) return nullptr;
  return out;
}

}  // namespace

Result<TrustedCertificates> parse_certificates(std::string_view pem) {
  TrustedCertificates out;
  out.store = X509StorePtr(X509_STORE_new());
  // A certificate of the bundle that is no authority is believed for itself.
  X509_STORE_set_flags(out.store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  const BioPtr bio = crypto::reader_of(pem);
  for (;;) {
    const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    if (out.keys.size() == kMostKeys) return fail(Code::invalid, "it holds over 1000 certificates");
    BUNKER_TRY_ASSIGN(PublicKey key, key_of(certificate.get()));
    out.keys.push_back(std::move(key));
    X509_STORE_add_cert(out.store.get(), certificate.get());
  }
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!is_end) {
    return fail(Code::invalid,
                "certificate " + std::to_string(out.keys.size() + 1) + " is no certificate in PEM");
  }
  if (out.keys.empty()) {
    return fail(Code::invalid, "it holds no certificate",
                "put the token server's certificate there, in PEM");
  }
  return out;
}

Result<TrustedKeySet> parse_key_set(std::string_view text) {
  BUNKER_TRY_ASSIGN(const json document, parse_strict_json(text));
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array()) {
    return fail(Code::invalid, "it is no JSON Web Key Set", R"(write it as {"keys": [ … ]})");
  }
  if (document["keys"].size() > kMostKeys) return fail(Code::invalid, "it holds over 1000 keys");
  TrustedKeySet out;
  std::map<std::string, bool> ids;
  for (const json& item : document["keys"]) {
    auto key = PublicKey::from_jwk(item);
    if (!key) {
      // A set may hold keys for other uses (RFC 7517 §5); HMAC secrets are never believed.
      out.warnings.push_back("key " + std::to_string(out.keys.size() + out.warnings.size() + 1) +
                             " is left out: " + key.error().message);
      continue;
    }
    std::string id;
    if (const auto found = item.find("kid"); found != item.end() && found->is_string()) {
      id = found->get<std::string>();
    }
    if (!id.empty() && !ids.emplace(id, true).second) {
      return fail(Code::invalid, "two keys have the same kid");
    }
    out.keys.push_back({std::move(id), *std::move(key)});
  }
  if (!out.keys.empty()) return out;
  return fail(Code::invalid, "it holds no key that tokens can be checked with",
              out.warnings.empty() ? std::string() : out.warnings.front());
}

TokenKeys::TokenKeys(TrustedCertificates certificates, TrustedKeySet set)
    : store_(std::move(certificates.store)) {
  const auto add = [this](const PublicKey& key) {
    by_thumbprint_.emplace(key.thumbprint(), key);
    by_id_.emplace(key.thumbprint(), key);
    by_id_.emplace(key.fingerprint(), key);
  };
  // Names that somebody chose come first; what a key is called by itself cannot be chosen.
  for (const TrustedKey& entry : set.keys) {
    if (!entry.id.empty()) by_id_.emplace(entry.id, entry.key);
  }
  for (const TrustedKey& entry : set.keys) add(entry.key);
  for (const PublicKey& key : certificates.keys) add(key);
}

Result<PublicKey> TokenKeys::find(const Jwt& jwt) const {
  if (jwt.key) {
    const auto known = by_thumbprint_.find(jwt.key->thumbprint());
    if (known != by_thumbprint_.end()) return known->second;
    if (jwt.chain.empty()) return untrusted("its jwk is none of ours");
  }
  if (!jwt.chain.empty()) {
    BUNKER_TRY_ASSIGN(PublicKey key, verify_chain(jwt.chain));
    if (jwt.key && jwt.key->thumbprint() != key.thumbprint()) {
      return untrusted("its jwk and its certificate are not of one key");
    }
    return key;
  }
  if (jwt.key_id.empty()) return untrusted("it names none: send kid, jwk or x5c");
  const auto known = by_id_.find(jwt.key_id);
  if (known == by_id_.end()) return untrusted("its kid is none of ours");
  return known->second;
}

Result<PublicKey> TokenKeys::verify_chain(const std::vector<std::string>& chain) const {
  if (!store_) return untrusted("it has a chain of certificates, and no bundle is configured");
  const X509Ptr leaf = parse_der(chain.front());
  const X509StackPtr others(sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    X509Ptr certificate = parse_der(chain[i]);
    if (!certificate) return untrusted("its x5c holds no certificates");
    if (sk_X509_push(others.get(), certificate.get()) > 0) (void)certificate.release();
  }
  if (!leaf) return untrusted("its x5c holds no certificates");
  const X509StoreContextPtr context(X509_STORE_CTX_new());
  const bool right = X509_STORE_CTX_init(context.get(), store_.get(), leaf.get(), others.get()) &&
                     X509_verify_cert(context.get()) == 1;
  const std::string why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  ERR_clear_error();
  if (!right) return untrusted("its chain of certificates: " + why);
  return key_of(leaf.get());
}

}  // namespace bunker::auth
