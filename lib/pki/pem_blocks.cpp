#include "lib/pki/pem_blocks.h"

#include <algorithm>

#include "lib/base/encoding.h"

namespace bunker::pki {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

Result<std::vector<std::string>> pem_blocks(std::string_view pem, std::string_view label,
                                            std::size_t max_bytes) {
  if (pem.size() > max_bytes) {
    return fail(Code::invalid, "there is more than " + std::to_string(max_bytes) + " bytes of PEM");
  }
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  const std::string end = "-----END " + std::string(label) + "-----";
  std::vector<std::string> out;
  std::size_t at = 0;
  while ((at = pem.find(begin, at)) != std::string_view::npos) {
    const std::string number = std::to_string(out.size() + 1);
    at += begin.size();
    const std::size_t stop = pem.find(end, at);
    if (stop == std::string_view::npos) {
      return fail(Code::invalid, std::string(label) + " number " + number + " is cut off");
    }
    std::string text(pem.substr(at, stop - at));
    std::erase_if(text, is_space);
    auto der = base64_decode(text);
    if (!der || der->empty()) {
      return fail(Code::invalid, std::string(label) + " number " + number + " is not base64");
    }
    out.push_back(std::move(*der));
    at = stop + end.size();
  }
  return out;
}

}  // namespace bunker::pki
