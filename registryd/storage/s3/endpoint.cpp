#include "registryd/storage/s3/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace bunker::storage::s3 {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == ':';
}

std::unexpected<Error> not_an_endpoint(std::string_view key, std::string_view text) {
  return fail(Code::invalid,
              "storage.s3." + std::string(key) + " is not an endpoint: " + std::string(text),
              "write https://host, http://host:port or host[:port]");
}

// `authority`: "host", "host:port", "[v6]" or "[v6]:port", in lower case.
bool split_authority(std::string_view authority, std::string& host, unsigned& port) {
  std::string_view rest;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return false;
    host = authority.substr(1, close - 1);
    rest = authority.substr(close + 1);
    in6_addr ignored{};
    if (inet_pton(AF_INET6, host.c_str(), &ignored) != 1) return false;
  } else {
    const auto colon = authority.find(':');
    host = authority.substr(0, colon);
    if (colon != std::string_view::npos) rest = authority.substr(colon);
  }
  if (host.empty() || !std::ranges::all_of(host, is_host_char)) return false;
  if (rest.empty()) return true;
  if (!rest.starts_with(':')) return false;
  rest.remove_prefix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
  return error == std::errc() && end == rest.data() + rest.size() && port > 0 && port < 65536;
}

// `key`: the setting that `text` is the value of, for errors.
Result<Endpoint> parse_endpoint(std::string_view key, std::string_view text, bool secure) {
  Endpoint out;
  out.tls = secure;
  std::string_view rest = text;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    const std::string name = lower(rest.substr(0, scheme));
    if (name != "http" && name != "https") return not_an_endpoint(key, text);
    out.tls = name == "https";
    rest.remove_prefix(scheme + 3);
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) {
    out.path = rest.substr(slash);
    while (out.path.ends_with('/')) out.path.pop_back();
    rest = rest.substr(0, slash);
  }
  if (out.path.find_first_of("?#% ") != std::string::npos) return not_an_endpoint(key, text);
  const unsigned usual = out.tls ? 443 : 80;
  out.port = usual;
  const std::string authority = lower(rest);
  if (!split_authority(authority, out.host, out.port)) return not_an_endpoint(key, text);
  out.host_header = authority.starts_with('[') ? '[' + out.host + ']' : out.host;
  if (out.port != usual) out.host_header += ':' + std::to_string(out.port);
  return out;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> ignored{};
  return inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

// Whether the bucket can be a label of a host name, and of a wildcard certificate's under TLS.
bool fits_in_host(std::string_view bucket, bool tls) {
  if (bucket.size() < 3 || bucket.size() > 63) return false;
  if (tls && bucket.find('.') != std::string_view::npos) return false;
  return std::ranges::all_of(bucket, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

void add_bucket(Endpoint& endpoint, const Settings& settings, bool path_style) {
  if (path_style || is_address(endpoint.host) || !fits_in_host(settings.bucket, endpoint.tls)) {
    endpoint.path += '/' + settings.bucket;
    return;
  }
  endpoint.host = settings.bucket + '.' + endpoint.host;
  endpoint.host_header = settings.bucket + '.' + endpoint.host_header;
}

std::string aws_host(const Settings& settings, bool path_style) {
  const std::string_view domain =
      settings.region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  std::string host = "s3";
  if (settings.accelerate && !path_style) {
    host = settings.dual_stack ? "s3-accelerate.dualstack" : "s3-accelerate";
    return host + std::string(domain);
  }
  if (settings.fips_endpoint) host += "-fips";
  if (settings.dual_stack) host += ".dualstack";
  return host + '.' + settings.region + std::string(domain);
}

Result<Endpoint> resolve(const Settings& settings, std::string_view key, const std::string& text) {
  const bool path_style = settings.force_path_style.value_or(!text.empty());
  BUNKER_TRY_ASSIGN(
      Endpoint endpoint,
      parse_endpoint(key, text.empty() ? aws_host(settings, path_style) : text, settings.secure));
  add_bucket(endpoint, settings, path_style);
  return endpoint;
}

bool is_public_v4(std::uint32_t address) {  // host byte order
  const auto in = [address](std::uint32_t network, int bits) {
    return address >> (32 - bits) == network >> (32 - bits);
  };
  return !in(0x00000000, 8) && !in(0x0a000000, 8) && !in(0x64400000, 10) && !in(0x7f000000, 8) &&
         !in(0xa9fe0000, 16) && !in(0xac100000, 12) && !in(0xc0a80000, 16);
}

bool is_public_v6(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    const auto* bytes = address.s6_addr + 12;
    return is_public_v4(std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                        std::uint32_t{bytes[2]} << 8 | bytes[3]);
  }
  return !IN6_IS_ADDR_LOOPBACK(&address) && !IN6_IS_ADDR_UNSPECIFIED(&address) &&
         !IN6_IS_ADDR_LINKLOCAL(&address) && (address.s6_addr[0] & 0xfe) != 0xfc;
}

}  // namespace

Result<void> check(const Settings& settings) {
  if (settings.bucket.empty()) {
    return fail(Code::invalid, "storage.s3.bucket is missing", "name the bucket");
  }
  if (settings.bucket.find_first_of("/?#%") != std::string::npos) {
    return fail(Code::invalid, "storage.s3.bucket is not a bucket's name: " + settings.bucket);
  }
  if (settings.endpoint.empty() && settings.region.empty()) {
    return fail(Code::invalid, "storage.s3.region is missing",
                "name the region, or the regionendpoint of a store that is not AWS");
  }
  if (settings.chunk_bytes < (5u << 20) || settings.chunk_bytes > (5ull << 30)) {
    return fail(Code::invalid,
                "storage.s3.chunksize is " + std::to_string(settings.chunk_bytes) + " bytes",
                "S3 takes parts of 5 MiB to 5 GiB");
  }
  if (settings.copy_chunk_bytes < (5u << 20) || settings.copy_chunk_bytes > (5ull << 30)) {
    return fail(Code::invalid,
                "storage.s3.multipartcopychunksize is " +
                    std::to_string(settings.copy_chunk_bytes) + " bytes",
                "S3 copies parts of 5 MiB to 5 GiB");
  }
  BUNKER_TRY(resolve_endpoint(settings));
  BUNKER_TRY(resolve_redirect_endpoint(settings));
  return {};
}

Result<Endpoint> resolve_endpoint(const Settings& settings) {
  return resolve(settings, "regionendpoint", settings.endpoint);
}

Result<Endpoint> resolve_redirect_endpoint(const Settings& settings) {
  if (settings.redirect_endpoint.empty()) return resolve_endpoint(settings);
  return resolve(settings, "redirectendpoint", settings.redirect_endpoint);
}

bool is_loopback(std::string_view host) {
  const std::string name = lower(host);
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, name.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return name == "localhost" || name.ends_with(".localhost");
}

bool is_public_host(std::string_view host) {
  const std::string name = lower(host);
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return is_public_v4(ntohl(v4.s_addr));
  in6_addr v6{};
  if (inet_pton(AF_INET6, name.c_str(), &v6) == 1) return is_public_v6(v6);
  if (name.find('.') == std::string::npos) return false;
  constexpr std::array<std::string_view, 11> kLocal = {
      ".local", ".localhost", ".localdomain", ".internal", ".intranet", ".lan",
      ".home",  ".corp",      ".private",     ".svc",      ".test"};
  return std::ranges::none_of(kLocal,
                              [&name](std::string_view end) { return name.ends_with(end); });
}

}  // namespace bunker::storage::s3
