// Issues leaf certificates: servers' and clients'. Pure: the clock's time is passed in; serial
// numbers are random. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/authority.h"
#include "lib/pki/certificate.h"
#include "lib/pki/key.h"

namespace bunker::pki {

inline constexpr std::chrono::seconds kMinLifetime = std::chrono::seconds(10);

struct LeafRequest {
  DistinguishedName subject;  // `text` is ignored
  AlternativeNames names;
  bool for_servers = false;  // extended key usage: at least one of the two
  bool for_clients = false;
  std::chrono::seconds lifetime = std::chrono::days(90);
  // How far NotBefore lies in the past, for peers whose clocks are late.
  std::chrono::seconds backdate = std::chrono::minutes(5);
};

// `hosts` told apart: IP addresses, and DNS names, which everything else is taken for.
[[nodiscard]] AlternativeNames names_of_hosts(const std::vector<std::string>& hosts);

// What is wrong with the names of `request`, before any key is made. invalid: a common name over
// 64 characters, control characters, a malformed DNS name, address, URI or e-mail address, no name
// at all, or a server without alternative names.
[[nodiscard]] Result<void> check(const LeafRequest& request);

// A certificate for `key`, signed by `authority`; not valid beyond the authority's own time, at
// either end. A server's is shown with authority.intermediates() after it.
// invalid: as check(), or a lifetime under kMinLifetime; out_of_range: the authority is not valid
// now.
[[nodiscard]] Result<Certificate> issue(const Authority& authority, const PublicKey& key,
                                        const LeafRequest& request, SystemTime now);

}  // namespace bunker::pki
