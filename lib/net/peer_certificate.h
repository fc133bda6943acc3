// Who the other end of a TLS connection proved to be: what rules and logs need of a certificate
// that a handshake has verified, as plain values, so that nobody above lib/net sees OpenSSL.
// Not for making or checking certificates. Immutable once made, so any thread may read it.
// Owner: shared by the connection and its requests.
#pragma once

#include <string>
#include <vector>

#include "lib/base/clock.h"

namespace bunker::net {

// The leaf that the peer showed, after its chain was verified against our authorities. All text is
// UTF-8, with bytes that are none replaced. Lists keep the certificate's order; none is absent.
struct PeerCertificate {
  std::string common_name;  // the subject's last CN; empty where it has none
  std::vector<std::string> organizations;
  std::vector<std::string> organizational_units;
  // Subject alternative names (RFC 5280 §4.2.1.6).
  std::vector<std::string> dns_names;
  std::vector<std::string> emails;
  std::vector<std::string> uris;
  std::vector<std::string> ip_addresses;  // "192.0.2.1", "2001:db8::1"
  std::string serial;                     // lower-case hex, no leading zeros but for "0"
  std::string issuer;                     // RFC 2253: "CN=clients,O=Example"
  std::string fingerprint;                // SHA-256 of the DER, lower-case hex
  SystemTime not_after;
};

}  // namespace bunker::net
