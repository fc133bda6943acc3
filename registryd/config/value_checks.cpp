// The checks of text values, and text forms for messages.
#include <algorithm>
#include <array>

#include <re2/re2.h>

#include "lib/base/utf8.h"
#include "registryd/config/suggest.h"
#include "registryd/config/values.h"

namespace bunker::config {
namespace {

constexpr std::size_t kMaxPrinted = 80;
constexpr std::size_t kMaxRegex = 4096;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// One of `allowed`, or what to say, with the nearest of them where one is near.
std::optional<Wrong> one_of(std::string_view text, std::span<const std::string_view> allowed) {
  if (std::ranges::find(allowed, text) != allowed.end()) return std::nullopt;
  std::string message = "must be one of ";
  for (const std::string_view name : allowed) {
    if (name != allowed.front()) message += ", ";
    message += name;
  }
  const std::string_view near = nearest(text, allowed);
  return Wrong{std::move(message),
               near.empty() ? "choose one of them" : "did you mean " + std::string(near) + "?"};
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(std::string(text)) <= 65'535;
}

// Of an IPv6 address and its zone.
constexpr std::string_view kAddressCharacters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:.%-_";

bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    return text.size() > 3 && text.ends_with(']') &&
           text.substr(1, text.size() - 2).find_first_not_of(kAddressCharacters) ==
               std::string_view::npos;
  }
  return !text.empty() && text.find_first_of("/:@?#[] \\\"") == std::string_view::npos;
}

struct HostPort {
  std::string_view host, port;
};

// nullopt: there is no port, or no ':' in the right place.
std::optional<HostPort> split_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return HostPort{text.substr(0, colon), text.substr(colon + 1)};
}

// The part of a URL after its scheme; nullopt where the scheme is neither http nor https.
std::optional<std::string_view> after_scheme(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) return text.substr(scheme.size());
  }
  return std::nullopt;
}

bool is_authority(std::string_view text) {
  if (is_host(text)) return true;
  const std::optional<HostPort> parts = split_host_port(text);
  return parts && is_host(parts->host) && is_port(parts->port);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kMaxPrinted) {
    char32_t c = 0;
    const std::size_t length = decode_utf8(text, c);
    const bool is_shown = length > 0 && c >= 0x20 && (c < 0x7F || c > 0x9F);
    out += is_shown ? text.substr(0, length) : "?";
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  if (!text.empty()) out += "...";
  return out;
}

std::string in_quotes(std::string_view text) {
  return '"' + printable(text) + '"';
}

std::string hide_userinfo(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::string(text);
  const std::size_t start = scheme + 3;
  const std::string_view authority = text.substr(start, text.find_first_of("/?#", start) - start);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  return std::string(text.substr(0, start)) + "***" + std::string(text.substr(start + at));
}

std::string quoted_yaml(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      out += "\\x";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::optional<Wrong> check_listen_address(std::string_view text) {
  const std::optional<HostPort> parts = split_host_port(text);
  if (parts && (parts->host.empty() || is_host(parts->host)) && is_port(parts->port)) {
    return std::nullopt;
  }
  return Wrong{"must be HOST:PORT or :PORT", "write it as in 127.0.0.1:5000, [::1]:5000 or :5000"};
}

std::optional<Wrong> check_address(std::string_view text) {
  const std::optional<HostPort> parts = split_host_port(text);
  if (parts && is_host(parts->host) && is_port(parts->port)) return std::nullopt;
  return Wrong{"must be HOST:PORT", "write it as in redis.example.com:6379"};
}

std::optional<Wrong> check_redis_address(std::string_view text) {
  if (text.starts_with('/') || !check_address(text)) return std::nullopt;
  return Wrong{"must be HOST:PORT, or the path of a Unix socket", "write it as in redis:6379"};
}

std::optional<Wrong> check_url(std::string_view text) {
  const std::optional<std::string_view> rest = after_scheme(text);
  if (rest && text.find_first_of("?# \\\"<>") == std::string_view::npos &&
      is_authority(rest->substr(0, rest->find('/')))) {
    return std::nullopt;
  }
  return Wrong{"must be a URL with http:// or https:// and a host",
               "write it as in https://registry.example.com"};
}

std::optional<Wrong> check_uri(std::string_view text) {
  const std::optional<std::string_view> rest = after_scheme(text);
  if (rest && !rest->empty() && !rest->contains(' ')) return std::nullopt;
  return Wrong{"must be a URL with http:// or https://", "write it as in https://example.com/path"};
}

std::optional<Wrong> check_endpoint(std::string_view text) {
  if (is_authority(text) || !check_url(text)) return std::nullopt;
  return Wrong{"must be a URL or HOST[:PORT]", "write it as in https://sos-ch-dk-2.exo.io"};
}

std::optional<Wrong> check_prefix(std::string_view text) {
  if (text.starts_with('/') && text.ends_with('/') &&
      text.find_first_of("?#% \\\"") == std::string_view::npos && !text.contains("//")) {
    return std::nullopt;
  }
  return Wrong{"must be a path that begins and ends with '/'", "write it as in /my/registry/"};
}

std::optional<Wrong> check_path(std::string_view text) {
  if (text.starts_with('/')) return std::nullopt;
  return Wrong{"must begin with '/'", "write it as in /metrics"};
}

std::optional<Wrong> check_regex(std::string_view text) {
  if (text.size() > kMaxRegex) {
    return Wrong{"is longer than " + std::to_string(kMaxRegex) + " characters", "use several"};
  }
  const re2::RE2 compiled(re2::StringPiece(text.data(), text.size()), re2::RE2::Quiet);
  if (compiled.ok()) return std::nullopt;
  return Wrong{"must be a regular expression: " + printable(compiled.error()),
               "they are RE2's, as in distribution: https://github.com/google/re2/wiki/Syntax"};
}

std::optional<Wrong> check_cipher_suite(std::string_view text) {
  static constexpr std::array<std::string_view, 17> kSuites = {
      "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
      "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
      "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
      "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
      "TLS_RSA_WITH_AES_128_CBC_SHA",
      "TLS_RSA_WITH_AES_256_CBC_SHA",
      "TLS_RSA_WITH_AES_128_GCM_SHA256",
      "TLS_RSA_WITH_AES_256_GCM_SHA384",
      "TLS_AES_128_GCM_SHA256",
      "TLS_AES_256_GCM_SHA384",
      "TLS_CHACHA20_POLY1305_SHA256"};
  if (text.contains("_RC4_") || text.contains("_3DES_")) {
    return Wrong{"names a broken cipher, which is not offered", "leave it out"};
  }
  return one_of(text, kSuites);
}

std::optional<Wrong> check_signing_algorithm(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kAlgorithms = {
      "EdDSA", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"};
  if (text.starts_with("HS")) {
    return Wrong{"names a shared secret: whoever can check such tokens can make them",
                 "use RS256, PS256, ES256 or EdDSA"};
  }
  return one_of(text, kAlgorithms);
}

namespace {

template <class T>
std::optional<Wrong> to_wrong(const Result<T>& parsed) {
  if (parsed) return std::nullopt;
  return Wrong{printable(parsed.error().message), parsed.error().detail};
}

}  // namespace

std::optional<Wrong> check_identity_pattern(std::string_view text) {
  return to_wrong(access::IdentityPattern::parse(text));
}

std::optional<Wrong> check_repository_pattern(std::string_view text) {
  return to_wrong(access::RepositoryPattern::parse(text));
}

std::optional<Wrong> check_tag_pattern(std::string_view text) {
  return to_wrong(access::parse_tag_pattern(text));
}

std::optional<Wrong> check_action(std::string_view text) {
  return to_wrong(access::parse_action(text));
}

std::optional<Wrong> check_storage_class(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kClasses = {
      "NONE",        "STANDARD",   "REDUCED_REDUNDANCY",
      "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
      "OUTPOSTS",    "GLACIER_IR", "EXPRESS_ONEZONE"};
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return one_of(upper, kClasses);
}

std::optional<Wrong> check_object_acl(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kAcls = {
      "private",       "public-read",       "public-read-write",        "authenticated-read",
      "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control"};
  return one_of(text, kAcls);
}

bool is_header_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

bool is_header_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c != '\t' && is_control(c); });
}

}  // namespace bunker::config
