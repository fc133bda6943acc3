// The grammar of names in certificates: builder.h.
#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>

#include "lib/base/utf8.h"
#include "lib/pki/builder.h"
#include "lib/pki/issue.h"

namespace bunker::pki {
namespace {

constexpr std::size_t kMaxCommonName = 64;  // ub-common-name, in characters
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxUri = 2048;

std::unexpected<Error> bad(std::string_view what, std::string_view name, std::string_view why) {
  // Quoted only where it is harmless to print.
  const bool printable = is_utf8(name) && std::ranges::none_of(name, [](unsigned char c) {
                           return c < 32 || c == 127;
                         });
  return fail(Code::invalid, std::string(what) +
                                 (printable ? " \"" + std::string(name) + '"' : "") + ' ' +
                                 std::string(why));
}

bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Letters, digits, '-' and '_' (which Kubernetes and compose put into names); "*." in front.
bool is_dns_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > kMaxName) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::ranges::all_of(label, is_label_character)) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_ip(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  return text.find('\0') == std::string::npos &&
         (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
          inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1);
}

bool is_graphic(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 32 && c < 127; });
}

// "scheme:rest" (RFC 3986 §3.1), graphic ASCII.
bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  return text.size() <= kMaxUri && is_graphic(text) && colon != std::string_view::npos &&
         colon > 0 && std::ranges::all_of(text.substr(0, colon), [](char c) {
           return is_label_character(c) || c == '+' || c == '.';
         });
}

bool is_email(std::string_view text) {
  const std::size_t at = text.find('@');
  return text.size() <= kMaxName && is_graphic(text) && at != std::string_view::npos && at > 0 &&
         is_dns_name(text.substr(at + 1));
}

}  // namespace

Result<void> check_common_name(const std::string& name) {
  const auto characters =
      std::ranges::count_if(name, [](unsigned char c) { return (c & 0xc0) != 0x80; });
  if (!is_utf8(name) ||
      std::ranges::any_of(name, [](unsigned char c) { return c < 32 || c == 127; })) {
    return bad("the name", name, "has characters that cannot stand in a certificate");
  }
  if (static_cast<std::size_t>(characters) > kMaxCommonName) {
    return bad("the name", name, "is longer than 64 characters");
  }
  return {};
}

Result<void> check_names(const AlternativeNames& names) {
  for (const std::string& name : names.dns) {
    if (is_ip(name)) return bad("the DNS name", name, "is an IP address: list it as one");
    if (!is_dns_name(name)) return bad("the DNS name", name, "is malformed");
  }
  for (const std::string& ip : names.ips) {
    if (!is_ip(ip)) return bad("the IP address", ip, "is malformed");
  }
  for (const std::string& uri : names.uris) {
    if (!is_uri(uri)) return bad("the URI", uri, "is malformed");
  }
  for (const std::string& email : names.emails) {
    if (!is_email(email)) return bad("the e-mail address", email, "is malformed");
  }
  return {};
}

AlternativeNames names_of_hosts(const std::vector<std::string>& hosts) {
  AlternativeNames out;
  for (const std::string& host : hosts) (is_ip(host) ? out.ips : out.dns).push_back(host);
  return out;
}

}  // namespace bunker::pki
