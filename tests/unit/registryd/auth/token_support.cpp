#include "tests/unit/registryd/auth/token_support.h"

#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "lib/base/encoding.h"

namespace bunker::auth::testing {
namespace {

void require(bool condition) {
  if (!condition) throw std::runtime_error("OpenSSL failed");
}

std::string number(EVP_PKEY* key, const char* name, int width = 0) {
  BIGNUM* value = nullptr;
  require(EVP_PKEY_get_bn_param(key, name, &value) == 1);
  std::string out(static_cast<std::size_t>(std::max(width, BN_num_bytes(value))), '\0');
  BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  BN_free(value);
  return base64url_encode(out);
}

int coordinate_bytes(EVP_PKEY* key) {
  return (EVP_PKEY_get_bits(key) + 7) / 8;
}

void set_name(X509_NAME* name, const std::string& text) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(text.data()),
                             static_cast<int>(text.size()), -1, 0);
}

// DER to r and s side by side.
std::string raw_signature(const std::string& der, int width) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  require(parts != nullptr);
  std::string out(static_cast<std::size_t>(2 * width), '\0');
  auto* const target = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parts), target, width);
  BN_bn2binpad(ECDSA_SIG_get0_s(parts), target + width, width);
  ECDSA_SIG_free(parts);
  return out;
}

}  // namespace

std::shared_ptr<EVP_PKEY> make_key(std::string_view type) {
  EVP_PKEY* key = nullptr;
  if (type == "RSA") {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  } else if (type == "ED25519") {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", std::string(type).c_str());
  }
  require(key != nullptr);
  return {key, EVP_PKEY_free};
}

json jwk_of(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA")) {
    return {{"kty", "RSA"},
            {"n", number(key, OSSL_PKEY_PARAM_RSA_N)},
            {"e", number(key, OSSL_PKEY_PARAM_RSA_E)}};
  }
  if (EVP_PKEY_is_a(key, "ED25519")) {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size);
    return {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url_encode(raw)}};
  }
  const int width = coordinate_bytes(key);
  const std::string curve = width == 32 ? "P-256" : width == 48 ? "P-384" : "P-521";
  return {{"kty", "EC"},
          {"crv", curve},
          {"x", number(key, OSSL_PKEY_PARAM_EC_PUB_X, width)},
          {"y", number(key, OSSL_PKEY_PARAM_EC_PUB_Y, width)}};
}

std::string make_certificate(EVP_PKEY* key, const std::string& name, EVP_PKEY* issuer_key,
                             const std::string& issuer_name, bool is_ca) {
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  set_name(X509_get_subject_name(certificate), name);
  set_name(X509_get_issuer_name(certificate), issuer_key == nullptr ? name : issuer_name);
  X509_EXTENSION* const constraints = X509V3_EXT_conf_nid(
      nullptr, nullptr, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  X509_add_ext(certificate, constraints, -1);
  X509_EXTENSION_free(constraints);
  EVP_PKEY* const signer = issuer_key == nullptr ? key : issuer_key;
  require(X509_sign(certificate, signer,
                    EVP_PKEY_is_a(signer, "ED25519") ? nullptr : EVP_sha256()) > 0);
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  X509_free(certificate);
  return pem;
}

std::string x5c_entry(const std::string& pem) {
  std::string out;
  for (std::size_t start = 0; start < pem.size();) {
    const std::size_t end = pem.find('\n', start);
    const std::string line = pem.substr(start, end - start);
    if (!line.starts_with("-----")) out += line;
    start = end + 1;
  }
  return out;
}

std::string sign(const std::string& header, const std::string& claims, EVP_PKEY* key,
                 std::string_view algorithm) {
  const std::string text = base64url_encode(header) + '.' + base64url_encode(claims);
  const EVP_MD* hash = EVP_sha256();
  if (algorithm.ends_with("384")) hash = EVP_sha384();
  if (algorithm.ends_with("512")) hash = EVP_sha512();
  if (algorithm == "EdDSA") hash = nullptr;
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  require(EVP_DigestSignInit(context, &options, hash, nullptr, key) == 1);
  if (algorithm.starts_with("PS")) {
    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
  }
  std::string signature(1024, '\0');
  std::size_t size = signature.size();
  require(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  if (algorithm.starts_with("ES")) signature = raw_signature(signature, coordinate_bytes(key));
  return text + '.' + base64url_encode(signature);
}

}  // namespace bunker::auth::testing
