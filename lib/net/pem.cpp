#include "lib/net/pem.h"

#include <climits>
#include <ctime>
#include <new>

#include <openssl/pem.h>

namespace bunker::net {
namespace {

// Instead of OpenSSL's own, which asks the terminal. `user` is told that a password was wanted.
int refuse_password(char*, int, int, void* user) {
  *static_cast<bool*>(user) = true;
  return -1;
}

Result<BioPtr> open(std::string_view pem, std::string_view what) {
  if (pem.size() > kPemLimit) {
    return fail(Code::invalid, std::string(what) + " is too large",
                "at most " + std::to_string(kPemLimit >> 20) + " MiB are read");
  }
  BioPtr bio = crypto::reader_of(pem);
  if (!bio) throw std::bad_alloc();
  return bio;
}

// Reads blocks with `read` until there are no more.
template <class Handle, class Read>
Result<std::vector<Handle>> parse_all(std::string_view pem, std::string_view what,
                                      std::string_view kind, Read read) {
  BUNKER_TRY_ASSIGN(const BioPtr bio, open(pem, what));
  std::vector<Handle> found;
  ERR_clear_error();
  while (auto* object = read(bio.get())) found.emplace_back(object);
  const unsigned long code = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  const std::string reason = openssl_reason();
  if (!at_end) {
    return fail(Code::invalid, std::string(what) + " is malformed",
                "PEM block " + std::to_string(found.size() + 1) + ": " + reason);
  }
  if (found.empty()) {
    return fail(Code::invalid, std::string(what) + " holds no " + std::string(kind),
                "it must be PEM, with -----BEGIN lines");
  }
  return found;
}

}  // namespace

Result<std::vector<X509Ptr>> parse_certificates(std::string_view pem, std::string_view what) {
  return parse_all<X509Ptr>(pem, what, "certificate", [](BIO* bio) {
    return PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  });
}

Result<std::vector<X509CrlPtr>> parse_crls(std::string_view pem, std::string_view what) {
  return parse_all<X509CrlPtr>(pem, what, "revocation list", [](BIO* bio) {
    return PEM_read_bio_X509_CRL(bio, nullptr, nullptr, nullptr);
  });
}

Result<KeyPtr> parse_private_key(std::string_view pem, std::string_view what) {
  BUNKER_TRY_ASSIGN(const BioPtr bio, open(pem, what));
  bool wants_password = false;
  ERR_clear_error();
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, &wants_password));
  const std::string reason = openssl_reason();
  if (key) return key;
  if (wants_password) {
    return fail(Code::invalid, std::string(what) + " is encrypted",
                "decrypt it (openssl pkey), and protect the file by its permissions");
  }
  return fail(Code::invalid, std::string(what) + " holds no private key that can be read", reason);
}

SystemTime to_system_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return SystemTime::min();
  if (parts.tm_year + 1900 < 1678) return SystemTime::min();
  if (parts.tm_year + 1900 > 2261) return SystemTime::max();
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

}  // namespace bunker::net
