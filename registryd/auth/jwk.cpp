#include "registryd/auth/jwk.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "lib/base/encoding.h"
#include "lib/base/sha256.h"
#include "lib/crypto/openssl.h"

namespace bunker::auth {
namespace {

using crypto::BignumPtr;
using crypto::KeyContextPtr;
using crypto::KeyPtr;
using nlohmann::json;

using DigestContextPtr = crypto::Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using ParametersBuilderPtr = crypto::Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using ParametersPtr = crypto::Owned<OSSL_PARAM, OSSL_PARAM_free>;
using SignaturePtr = crypto::Owned<ECDSA_SIG, ECDSA_SIG_free>;

constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // the check of a longer one takes too long

struct Curve {
  std::string_view name;   // JWA's
  std::string_view group;  // OpenSSL's
  std::size_t bytes;       // of a coordinate
};
constexpr std::array<Curve, 3> kCurves = {
    {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}}};

constexpr std::array<std::pair<std::string_view, Signing>, 10> kSignings = {{
    {"RS256", Signing::rs256},
    {"RS384", Signing::rs384},
    {"RS512", Signing::rs512},
    {"PS256", Signing::ps256},
    {"PS384", Signing::ps384},
    {"PS512", Signing::ps512},
    {"ES256", Signing::es256},
    {"ES384", Signing::es384},
    {"ES512", Signing::es512},
    {"EdDSA", Signing::eddsa},
}};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::unexpected<Error> wrong(std::string why) {
  ERR_clear_error();
  return fail(Code::invalid, std::move(why));
}

// A member that is base64url; empty: there is none that is.
std::string bytes_member(const json& jwk, const char* name) {
  const auto found = jwk.find(name);
  if (found == jwk.end() || !found->is_string()) return {};
  return base64url_decode(found->get_ref<const std::string&>()).value_or("");
}

std::string text_member(const json& jwk, const char* name) {
  const auto found = jwk.find(name);
  if (found == jwk.end() || !found->is_string()) return {};
  return found->get<std::string>();
}

BignumPtr number_of(std::string_view bytes) {
  return BignumPtr(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

// A key of `type` from parameters; null when they make none.
std::shared_ptr<EVP_PKEY> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const ParametersPtr params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) <= 0) {
    return nullptr;
  }
  return KeyPtr(key);
}

std::shared_ptr<EVP_PKEY> rsa_key(const json& jwk) {
  const std::string n = bytes_member(jwk, "n");
  const std::string e = bytes_member(jwk, "e");
  constexpr std::size_t kMostExponentBytes = 8;
  if (n.empty() || n.size() > kMostRsaBits / 8 + 1 || e.empty() || e.size() > kMostExponentBytes) {
    return nullptr;
  }
  const auto modulus = number_of(n);
  const auto exponent = number_of(e);
  if (!BN_is_odd(exponent.get()) || BN_is_one(exponent.get())) return nullptr;
  const ParametersBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) ||
      !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get())) {
    return nullptr;
  }
  return key_from("RSA", builder.get());
}

std::shared_ptr<EVP_PKEY> ec_key(const json& jwk) {
  const std::string name = text_member(jwk, "crv");
  const auto* const curve = std::ranges::find(kCurves, name, &Curve::name);
  if (curve == kCurves.end()) return nullptr;
  const std::string x = bytes_member(jwk, "x");
  const std::string y = bytes_member(jwk, "y");
  if (x.size() != curve->bytes || y.size() != curve->bytes) return nullptr;
  const std::string point = '\x04' + x + y;
  const ParametersBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                       curve->group.data(), curve->group.size()) ||
      !OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                        point.size())) {
    return nullptr;
  }
  auto key = key_from("EC", builder.get());
  if (!key) return nullptr;
  const KeyContextPtr check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!check || EVP_PKEY_public_check(check.get()) <= 0) return nullptr;
  return key;
}

std::shared_ptr<EVP_PKEY> ed25519_key(const json& jwk) {
  constexpr std::size_t kBytes = 32;
  const std::string x = bytes_member(jwk, "x");
  if (text_member(jwk, "crv") != "Ed25519" || x.size() != kBytes) return nullptr;
  return KeyPtr(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()));
}

// A parameter of a key as base64url, at least `width` bytes long.
std::string parameter(const EVP_PKEY* key, const char* name, std::size_t width = 1) {
  BIGNUM* number = nullptr;
  if (!EVP_PKEY_get_bn_param(key, name, &number)) return {};
  const BignumPtr owned(number);
  std::string out(std::max(width, static_cast<std::size_t>(BN_num_bytes(number))), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  return base64url_encode(out);
}

std::string group_of(const EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t length = 0;
  if (!EVP_PKEY_get_group_name(key, name.data(), name.size(), &length)) return {};
  return {name.data(), length};
}

// libtrust: SHA-256 of the SubjectPublicKeyInfo, its first 240 bits in base32, by fours.
std::string libtrust_fingerprint(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  if (length <= 0) return {};
  const std::string hash =
      sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(length)});
  OPENSSL_free(der);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::size_t kCharacters = 48;
  std::string out;
  for (std::size_t i = 0; i < kCharacters; ++i) {
    if (i > 0 && i % 4 == 0) out += ':';
    unsigned value = 0;
    for (std::size_t bit = i * 5; bit < i * 5 + 5; ++bit) {
      value = value << 1 | (static_cast<unsigned char>(hash[bit / 8]) >> (7 - bit % 8) & 1U);
    }
    out += kAlphabet[value];
  }
  return out;
}

const EVP_MD* hash_of(Signing algorithm) {
  switch (algorithm) {
    case Signing::rs256:
    case Signing::ps256:
    case Signing::es256:
      return EVP_sha256();
    case Signing::rs384:
    case Signing::ps384:
    case Signing::es384:
      return EVP_sha384();
    case Signing::rs512:
    case Signing::ps512:
    case Signing::es512:
      return EVP_sha512();
    case Signing::eddsa:
      return nullptr;  // hashes by itself
  }
  return nullptr;
}

bool is_pss(Signing algorithm) {
  return algorithm == Signing::ps256 || algorithm == Signing::ps384 || algorithm == Signing::ps512;
}

// r and s side by side (RFC 7518 §3.4) as OpenSSL takes them; empty: of another length.
std::string der_signature(std::string_view signature, std::size_t width) {
  if (signature.size() != 2 * width) return {};
  const SignaturePtr parts(ECDSA_SIG_new());
  auto r = number_of(signature.substr(0, width));
  auto s = number_of(signature.substr(width));
  if (!parts || !r || !s || !ECDSA_SIG_set0(parts.get(), r.get(), s.get())) return {};
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(parts.get(), &der);
  if (length <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::optional<Signing> parse_signing(std::string_view name) noexcept {
  for (const auto& [known, algorithm] : kSignings) {
    if (known == name) return algorithm;
  }
  return std::nullopt;
}

Result<PublicKey> PublicKey::make(std::shared_ptr<EVP_PKEY> key) {
  PublicKey out;
  std::string canonical;  // RFC 7638 §3.2
  const std::string group = group_of(key.get());
  if (EVP_PKEY_is_a(key.get(), "RSA")) {
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits < kLeastRsaBits || bits > kMostRsaBits) {
      return fail(Code::unsupported, "an RSA key has " + std::to_string(bits) + " bits",
                  "use one of 2048 to 8192 bits");
    }
    canonical = R"({"e":")" + parameter(key.get(), OSSL_PKEY_PARAM_RSA_E) +
                R"(","kty":"RSA","n":")" + parameter(key.get(), OSSL_PKEY_PARAM_RSA_N) + "\"}";
  } else if (const auto* curve = std::ranges::find(kCurves, group, &Curve::group);
             curve != kCurves.end()) {
    constexpr std::array kTypes = {Type::p256, Type::p384, Type::p521};
    out.type_ = kTypes[static_cast<std::size_t>(curve - kCurves.begin())];
    canonical = R"({"crv":")" + std::string(curve->name) + R"(","kty":"EC","x":")" +
                parameter(key.get(), OSSL_PKEY_PARAM_EC_PUB_X, curve->bytes) + R"(","y":")" +
                parameter(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y, curve->bytes) + "\"}";
  } else if (EVP_PKEY_is_a(key.get(), "ED25519")) {
    out.type_ = Type::ed25519;
    std::string raw(32, '\0');
    std::size_t length = raw.size();
    EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &length);
    canonical = R"({"crv":"Ed25519","kty":"OKP","x":")" + base64url_encode(raw) + "\"}";
  } else {
    ERR_clear_error();
    return fail(Code::unsupported, "a key is of a type that signs no tokens",
                "use RSA, P-256, P-384, P-521 or Ed25519");
  }
  ERR_clear_error();
  out.thumbprint_ = base64url_encode(sha256(canonical));
  out.fingerprint_ = libtrust_fingerprint(key.get());
  out.key_ = std::move(key);
  return out;
}

Result<PublicKey> PublicKey::from_jwk(const json& jwk) {
  if (!jwk.is_object()) return wrong("a key is not a JSON object");
  if (jwk.contains("use") && jwk["use"] != "sig") return wrong("a key is not for signatures");
  const std::string type = text_member(jwk, "kty");
  std::shared_ptr<EVP_PKEY> key;
  if (type == "RSA") key = rsa_key(jwk);
  if (type == "EC") key = ec_key(jwk);
  if (type == "OKP") key = ed25519_key(jwk);
  if (type != "RSA" && type != "EC" && type != "OKP") {
    return wrong("a key is of no type that has a public half");
  }
  if (!key) return wrong("a key of type " + type + " is malformed");
  BUNKER_TRY_ASSIGN(PublicKey out, make(std::move(key)));
  if (jwk.contains("alg")) {
    out.only_for_ = parse_signing(text_member(jwk, "alg"));
    if (!out.only_for_ || !out.suits(*out.only_for_)) return wrong("a key does not suit its alg");
  }
  return out;
}

bool PublicKey::suits(Signing algorithm) const noexcept {
  if (only_for_ && *only_for_ != algorithm) return false;
  switch (algorithm) {
    case Signing::es256:
      return type_ == Type::p256;
    case Signing::es384:
      return type_ == Type::p384;
    case Signing::es512:
      return type_ == Type::p521;
    case Signing::eddsa:
      return type_ == Type::ed25519;
    default:
      return type_ == Type::rsa;
  }
}

bool PublicKey::verifies(Signing algorithm, std::string_view text,
                         std::string_view signature) const {
  if (!suits(algorithm)) return false;
  std::string der;
  if (type_ == Type::p256 || type_ == Type::p384 || type_ == Type::p521) {
    der = der_signature(signature, kCurves[static_cast<std::size_t>(type_) - 1].bytes);
    signature = der;
  }
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // owned by `context`
  const bool right =
      context && !signature.empty() &&
      EVP_DigestVerifyInit(context.get(), &options, hash_of(algorithm), nullptr, key_.get()) == 1 &&
      (!is_pss(algorithm) ||
       (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                       text.size()) == 1;
  ERR_clear_error();
  return right;
}

}  // namespace bunker::auth
