#include "lib/pki/bundle.h"

#include <algorithm>

#include "lib/pki/pem_blocks.h"

namespace bunker::pki {

Result<std::vector<Certificate>> parse_bundle(std::string_view pem) {
  BUNKER_TRY_ASSIGN(const auto blocks, pem_blocks(pem, "CERTIFICATE", kMaxBundleBytes));
  if (blocks.empty()) {
    return fail(Code::invalid, "there is no certificate in it",
                "give a PEM file that holds -----BEGIN CERTIFICATE-----");
  }
  if (blocks.size() > kMaxBundleCertificates) {
    return fail(Code::invalid,
                "there are more than " + std::to_string(kMaxBundleCertificates) + " certificates");
  }
  std::vector<Certificate> out;
  for (const std::string& der : blocks) {
    auto certificate = parse_certificate(der);
    if (!certificate) {
      return fail(Code::invalid, "certificate number " + std::to_string(out.size() + 1) + ": " +
                                     certificate.error().message);
    }
    out.push_back(std::move(*certificate));
  }
  return out;
}

std::string to_pem(std::span<const Certificate> certificates) {
  std::string out;
  for (const Certificate& certificate : certificates) out += to_pem(certificate);
  return out;
}

std::vector<Certificate> merge(std::span<const Certificate> first,
                               std::span<const Certificate> second) {
  std::vector<Certificate> out;
  for (const auto list : {first, second}) {
    for (const Certificate& certificate : list) {
      if (std::ranges::find(out, certificate) == out.end()) out.push_back(certificate);
    }
  }
  return out;
}

}  // namespace bunker::pki
