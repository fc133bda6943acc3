// Several certificates in one PEM text: chains, and lists of authorities to trust. Pure; any
// thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/pki/certificate.h"

namespace bunker::pki {

// More than this is refused: nobody trusts so many by accident.
inline constexpr std::size_t kMaxBundleBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxBundleCertificates = 1000;

// The certificates in `pem`, in order; other kinds of block and text between blocks are skipped.
// invalid: none there, one of them malformed or cut off (which, by its number), or too many.
[[nodiscard]] Result<std::vector<Certificate>> parse_bundle(std::string_view pem);

[[nodiscard]] std::string to_pem(std::span<const Certificate> certificates);

// `first`, then those of `second` that it lacks; each once.
[[nodiscard]] std::vector<Certificate> merge(std::span<const Certificate> first,
                                             std::span<const Certificate> second);

}  // namespace bunker::pki
