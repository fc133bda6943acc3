// Whether a certificate can be trusted: the chain, dates, purpose and revocation, as OpenSSL (and
// so registryd) judges it. Pure: the time is passed in. Any thread.
#pragma once

#include <span>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/certificate.h"
#include "lib/pki/crl.h"

namespace bunker::pki {

enum class Purpose { any, server, client };

struct Trust {
  std::span<const Certificate> roots;
  std::span<const Certificate> intermediates;
  // Where there are any, the leaf's issuer must have one that is current, and not list the leaf.
  std::span<const Crl> crls;
};

// forbidden: it must not be trusted, and why: which certificate, what is wrong with it, and the
// time that was compared with where dates are the reason.
[[nodiscard]] Result<void> verify(const Certificate& leaf, const Trust& trust, Purpose purpose,
                                  SystemTime now);

}  // namespace bunker::pki
