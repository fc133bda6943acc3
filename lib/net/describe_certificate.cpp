#include "lib/net/describe_certificate.h"

#include <array>
#include <new>

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "lib/base/encoding.h"
#include "lib/base/utf8.h"
#include "lib/net/pem.h"

namespace bunker::net {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// `text` with every byte that is no part of UTF-8 replaced, so that two different wrong names do
// not become a right one.
std::string to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    char32_t ignored = 0;
    const std::size_t length = decode_utf8(text, ignored);
    out += length > 0 ? text.substr(0, length) : kReplacement;
    text.remove_prefix(length > 0 ? length : 1);
  }
  return out;
}

// A string of a name's own type (RFC 5280 §4.1.2.4), which may be wider than a byte.
std::string name_text(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) {
    ERR_clear_error();
    return std::string(kReplacement);
  }
  std::string text = to_utf8({reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)});
  OPENSSL_free(utf8);
  return text;
}

std::string ascii_text(const ASN1_STRING* value) {
  return to_utf8({reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                  static_cast<std::size_t>(ASN1_STRING_length(value))});
}

std::vector<std::string> entries(const X509_NAME* name, int kind) {
  std::vector<std::string> found;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, kind, at)) >= 0;) {
    found.push_back(name_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
  }
  return found;
}

std::string address_text(const ASN1_OCTET_STRING* value) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int length = ASN1_STRING_length(value);
  if (length != 4 && length != 16) return std::string(kReplacement);
  ::inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text.data(),
              text.size());
  return text.data();
}

void add_alternative_names(const X509& certificate, PeerCertificate& out) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    switch (name->type) {
      case GEN_DNS:
        out.dns_names.push_back(ascii_text(name->d.dNSName));
        break;
      case GEN_EMAIL:
        out.emails.push_back(ascii_text(name->d.rfc822Name));
        break;
      case GEN_URI:
        out.uris.push_back(ascii_text(name->d.uniformResourceIdentifier));
        break;
      case GEN_IPADD:
        out.ip_addresses.push_back(address_text(name->d.iPAddress));
        break;
      default:
        break;
    }
  }
  GENERAL_NAMES_free(names);
}

std::string serial_text(const X509& certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr);
  char* digits = number == nullptr ? nullptr : BN_bn2hex(number);
  std::string text = digits == nullptr ? "" : digits;
  OPENSSL_free(digits);
  BN_free(number);
  const std::size_t first = text.find_first_not_of('0');
  text = first == std::string::npos ? "0" : text.substr(first);
  for (char& c : text) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string issuer_text(const X509& certificate) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::bad_alloc();
  X509_NAME_print_ex(bio.get(), X509_get_issuer_name(&certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return to_utf8(crypto::contents(bio.get()));
}

}  // namespace

std::string fingerprint(const X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(&certificate, EVP_sha256(), digest.data(), &size) != 1) throw std::bad_alloc();
  return hex_encode({reinterpret_cast<const char*>(digest.data()), size});
}

PeerCertificate describe_certificate(const X509& certificate) {
  PeerCertificate out;
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  auto names = entries(subject, NID_commonName);
  if (!names.empty()) out.common_name = std::move(names.back());
  out.organizations = entries(subject, NID_organizationName);
  out.organizational_units = entries(subject, NID_organizationalUnitName);
  add_alternative_names(certificate, out);
  out.serial = serial_text(certificate);
  out.issuer = issuer_text(certificate);
  out.fingerprint = fingerprint(certificate);
  out.not_after = to_system_time(X509_get0_notAfter(&certificate));
  ERR_clear_error();
  return out;
}

}  // namespace bunker::net
