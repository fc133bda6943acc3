// X.509 certificates as plain values (RFC 5280): parsed once, copied and compared freely. Pure;
// any thread. Not for verifying: lib/pki/verify.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/key.h"

namespace bunker::pki {

struct DistinguishedName {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> organizational_units;
  // RFC 2253 ("CN=ci,O=build"), all attributes; only set where it was parsed.
  std::string text;
};

// Subject alternative names (RFC 5280 §4.2.1.6).
struct AlternativeNames {
  std::vector<std::string> dns;  // "registry.example.com", "*.example.com"
  std::vector<std::string> ips;  // "192.0.2.1", "2001:db8::1"
  std::vector<std::string> uris;
  std::vector<std::string> emails;

  [[nodiscard]] bool empty() const {
    return dns.empty() && ips.empty() && uris.empty() && emails.empty();
  }
  bool operator==(const AlternativeNames&) const = default;
};

struct Certificate {
  DistinguishedName subject;
  DistinguishedName issuer;
  std::string serial;  // lower case hexadecimal, two digits a byte
  SystemTime not_before;
  SystemTime not_after;
  bool is_ca = false;
  bool signs_certificates = false;  // may, by its key usage
  bool signs_crls = false;
  bool for_servers = false;  // extended key usage; a certificate without one is for both
  bool for_clients = false;
  AlternativeNames names;
  std::string subject_key_id;             // hexadecimal; "" where it has none
  std::string authority_key_id;           // the issuer's
  std::optional<KeyAlgorithm> algorithm;  // nullopt: one that we do not make
  std::string public_key;                 // SubjectPublicKeyInfo, DER
  std::string fingerprint;                // SHA-256 of the DER, hexadecimal
  std::string der;

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.der == b.der; }
};

// invalid: malformed, or something follows it.
[[nodiscard]] Result<Certificate> parse_certificate(std::string_view der);

// One PEM block.
[[nodiscard]] std::string to_pem(const Certificate& certificate);

// Whether `key` is the certificate's.
[[nodiscard]] bool fits(const PrivateKey& key, const Certificate& certificate);

// Whether a client that asks for `host` (a DNS name, or an IP address) takes the certificate for
// it: by its alternative names alone, as browsers and Go do (RFC 9525).
[[nodiscard]] bool names_host(const Certificate& certificate, std::string_view host);

}  // namespace bunker::pki
