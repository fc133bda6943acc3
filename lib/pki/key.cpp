#include "lib/pki/key.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lib/base/encoding.h"
#include "lib/base/sha256.h"
#include "lib/pki/openssl.h"

namespace bunker::pki {
namespace {

constexpr std::array<std::pair<KeyAlgorithm, std::string_view>, 6> kNames = {{
    {KeyAlgorithm::ecdsa_p256, "ecdsa-p256"},
    {KeyAlgorithm::ecdsa_p384, "ecdsa-p384"},
    {KeyAlgorithm::rsa_2048, "rsa-2048"},
    {KeyAlgorithm::rsa_3072, "rsa-3072"},
    {KeyAlgorithm::rsa_4096, "rsa-4096"},
    {KeyAlgorithm::ed25519, "ed25519"},
}};

std::string curve_of(EVP_PKEY* key) {
  std::array<char, 80> name{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return {};
  return {name.data(), size};
}

// What is refused, and why.
Result<void> check_strength(EVP_PKEY* key) {
  const int type = EVP_PKEY_get_base_id(key);
  if (type == EVP_PKEY_ED25519) return {};
  if (type == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= 2048) return {};
    return fail(Code::unsupported, "the RSA key has " + std::to_string(bits) + " bits",
                "use a key of 2048 bits or more, or ECDSA P-256");
  }
  if (type == EVP_PKEY_EC) {
    const std::string curve = curve_of(key);
    if (curve == SN_X9_62_prime256v1 || curve == SN_secp384r1) return {};
    return fail(Code::unsupported, "the key is on the curve " + curve, "use P-256 or P-384");
  }
  return fail(Code::unsupported, "the key is neither RSA, ECDSA nor Ed25519",
              "use an ECDSA P-256 key");
}

EVP_PKEY* generate_key(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::ecdsa_p256:
      return EVP_EC_gen("P-256");
    case KeyAlgorithm::ecdsa_p384:
      return EVP_EC_gen("P-384");
    case KeyAlgorithm::rsa_2048:
      return EVP_RSA_gen(2048U);
    case KeyAlgorithm::rsa_3072:
      return EVP_RSA_gen(3072U);
    case KeyAlgorithm::rsa_4096:
      return EVP_RSA_gen(4096U);
    case KeyAlgorithm::ed25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

struct Password {
  std::string_view text;
  bool asked = false;
};

// Without a callback OpenSSL would ask on the terminal.
int give_password(char* buffer, int size, int /*writing*/, void* user) {
  auto& password = *static_cast<Password*>(user);
  password.asked = true;
  if (password.text.empty() || password.text.size() > static_cast<std::size_t>(size)) return -1;
  std::ranges::copy(password.text, buffer);
  return static_cast<int>(password.text.size());
}

std::string public_der(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

}  // namespace

std::string_view to_string(KeyAlgorithm algorithm) noexcept {
  return std::ranges::find(kNames, algorithm, &decltype(kNames)::value_type::first)->second;
}

Result<KeyAlgorithm> parse_key_algorithm(std::string_view text) {
  for (const auto& [algorithm, name] : kNames) {
    if (name == text) return algorithm;
  }
  return fail(Code::invalid, "there is no key algorithm \"" + std::string(text) + '"',
              "use ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096 or ed25519");
}

PublicKey::PublicKey(std::shared_ptr<EVP_PKEY> key, std::string der)
    : key_(std::move(key)), der_(std::move(der)) {}

Result<PublicKey> PublicKey::from_der(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  KeyPtr key(d2i_PUBKEY(nullptr, &bytes, static_cast<long>(der.size())));
  if (!key) return fail(Code::invalid, "the public key is malformed: " + openssl_reason());
  BUNKER_TRY(check_strength(key.get()));
  std::string canonical = public_der(key.get());
  return PublicKey(std::shared_ptr<EVP_PKEY>(std::move(key)), std::move(canonical));
}

std::optional<KeyAlgorithm> PublicKey::algorithm() const {
  switch (EVP_PKEY_get_base_id(key_.get())) {
    case EVP_PKEY_ED25519:
      return KeyAlgorithm::ed25519;
    case EVP_PKEY_EC:
      return EVP_PKEY_get_bits(key_.get()) > 256 ? KeyAlgorithm::ecdsa_p384
                                                 : KeyAlgorithm::ecdsa_p256;
    default:
      break;
  }
  switch (EVP_PKEY_get_bits(key_.get())) {
    case 2048:
      return KeyAlgorithm::rsa_2048;
    case 3072:
      return KeyAlgorithm::rsa_3072;
    case 4096:
      return KeyAlgorithm::rsa_4096;
    default:
      return std::nullopt;
  }
}

std::string PublicKey::fingerprint() const {
  return hex_encode(sha256(der_));
}

PrivateKey::PrivateKey(std::shared_ptr<EVP_PKEY> key, PublicKey public_key)
    : key_(std::move(key)), public_(std::move(public_key)) {}

Result<PrivateKey> PrivateKey::adopt(EVP_PKEY* raw) {
  KeyPtr key(raw);
  BUNKER_TRY(check_strength(key.get()));
  // A public key of its own, so that no certificate or copy of it ever holds the private half.
  BUNKER_TRY_ASSIGN(PublicKey public_key, PublicKey::from_der(public_der(key.get())));
  return PrivateKey(std::shared_ptr<EVP_PKEY>(std::move(key)), std::move(public_key));
}

Result<PrivateKey> PrivateKey::generate(KeyAlgorithm algorithm) {
  EVP_PKEY* key = generate_key(algorithm);
  if (key == nullptr) return openssl_failed("make a key");
  return adopt(key);
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem, std::string_view password) {
  const BioPtr bio = reader_of(pem);
  if (!bio) return openssl_failed("read a key");
  Password given{password};
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &given);
  if (key != nullptr) return adopt(key);
  const std::string reason = openssl_reason();
  if (given.asked && password.empty()) {
    return fail(Code::invalid, "the private key is encrypted, and no password is given",
                "decrypt it: openssl pkey -in KEY -out KEY.plain");
  }
  if (given.asked) return fail(Code::invalid, "the private key's password is wrong");
  return fail(Code::invalid, "there is no readable private key: " + reason,
              "give a PEM file that holds -----BEGIN PRIVATE KEY-----");
}

SecretText PrivateKey::to_pem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1) {
    throw std::bad_alloc();  // the key is sound: nothing else can fail
  }
  return SecretText(contents(bio.get()));
}

}  // namespace bunker::pki
