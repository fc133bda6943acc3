// Sets of TLS certificates from hostile files: whatever they hold, a set is taken or refused with a
// reason, and every name of a certificate comes out as UTF-8.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/base/utf8.h"
#include "lib/net/client_trust.h"
#include "lib/net/describe_certificate.h"
#include "lib/net/pem.h"
#include "lib/net/tls_context.h"

namespace {

using namespace bunker;       // NOLINT(google-build-using-namespace)
using namespace bunker::net;  // NOLINT(google-build-using-namespace)

void check_names(const PeerCertificate& found) {
  for (const auto* list : {&found.organizations, &found.organizational_units, &found.dns_names,
                           &found.emails, &found.uris, &found.ip_addresses}) {
    for (const std::string& name : *list) {
      if (!is_utf8(name)) std::abort();
    }
  }
  if (!is_utf8(found.common_name) || !is_utf8(found.issuer)) std::abort();
  if (found.serial.empty() || found.fingerprint.size() != 64) std::abort();
}

void check_refusal(const Error& error) {
  if (error.code != Code::invalid || error.message.empty()) std::abort();
}

}  // namespace

// The input is certificate, key, authorities and lists, with a NUL between them; what is missing
// is the first.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string, 4> files;
  for (std::string& file : files) {
    file = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), file.size() + 1));
    if (file.empty()) file = files[0];
  }
  if (const auto certificates = parse_certificates(files[0], "the certificate")) {
    for (const auto& certificate : *certificates) check_names(describe_certificate(*certificate));
  } else {
    check_refusal(certificates.error());
  }
  static const SystemClock clock;
  static SessionCache sessions(clock);
  const auto trust = ClientTrust::create(files[2], files[3], clock);
  if (!trust) check_refusal(trust.error());
  TlsMaterial material;
  material.certificate = files[0];
  material.key = files[1];
  material.client_authorities = files[2];
  material.revocations = files[3];
  const auto context = TlsContext::create({}, material, clock, sessions, nullptr);
  if (!context) check_refusal(context.error());
  return 0;
}
