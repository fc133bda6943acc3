// Certificate revocation lists (RFC 5280 §5): making, reading, adding to. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/authority.h"
#include "lib/pki/certificate.h"

namespace bunker::pki {

inline constexpr std::size_t kMaxCrlBytes = std::size_t{16} << 20;

struct Revocation {
  std::string serial;  // as Certificate::serial
  SystemTime at;

  bool operator==(const Revocation&) const = default;
};

struct Crl {
  DistinguishedName issuer;
  std::string authority_key_id;  // hexadecimal; "" where it has none
  std::uint64_t number = 0;      // of this issuer's lists, ascending
  SystemTime this_update;
  SystemTime next_update;
  std::vector<Revocation> revoked;  // by serial, ascending
  std::string der;

  [[nodiscard]] bool revokes(std::string_view serial) const;
};

struct CrlRequest {
  std::vector<Revocation> revoked;
  std::uint64_t number = 1;
  SystemTime this_update;
  SystemTime next_update;  // after this_update
};

// A list signed by `authority`; repeated serials count once, at their earliest time.
// invalid: a serial that is no number, or dates in the wrong order; forbidden: the authority's
// certificate may not sign CRLs.
[[nodiscard]] Result<Crl> make_crl(const Authority& authority, CrlRequest request);

// The lists in `pem`, in order; none is fine. invalid: one that is malformed or cut off.
[[nodiscard]] Result<std::vector<Crl>> parse_crls(std::string_view pem);
[[nodiscard]] Result<Crl> parse_crl(std::string_view der);

[[nodiscard]] std::string to_pem(std::span<const Crl> crls);

// Whether `issuer` signed it.
[[nodiscard]] bool signed_by(const Crl& crl, const Certificate& issuer);

// Of the lists in `crls` that `issuer` signed, the one with the highest number; null: none.
[[nodiscard]] const Crl* newest_of(std::span<const Crl> crls, const Certificate& issuer);

// All of both, each serial once, at its earliest time; by serial.
[[nodiscard]] std::vector<Revocation> merge(std::span<const Revocation> first,
                                            std::span<const Revocation> second);

}  // namespace bunker::pki
