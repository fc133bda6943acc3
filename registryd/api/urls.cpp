#include "registryd/api/urls.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lib/base/encoding.h"
#include "registryd/api/text.h"

namespace bunker::api {
namespace {

bool is_alnum(char c) noexcept {
  return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

bool is_port(std::string_view text) noexcept {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535 &&
         text.size() <= 5;
}

struct HostPort {
  std::string_view host;  // with the brackets of an IPv6 address
  std::string_view port;  // may be empty
};

std::optional<HostPort> parse_host(std::string_view text) noexcept {
  if (text.empty() || text.size() > 261) return std::nullopt;
  HostPort parsed;
  std::string_view rest;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return std::nullopt;
    const std::string_view address = text.substr(1, close - 1);
    if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
      return std::nullopt;
    }
    parsed.host = text.substr(0, close + 1);
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    parsed.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    const auto valid = [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; };
    if (parsed.host.empty() || !std::ranges::all_of(parsed.host, valid)) return std::nullopt;
  }
  if (rest.empty()) return parsed;
  if (rest.front() != ':' || !is_port(rest.substr(1))) return std::nullopt;
  parsed.port = rest.substr(1);
  return parsed;
}

std::string_view first_of_list(std::string_view list) noexcept {
  return trim(list.substr(0, list.find(',')));
}

struct Forwarded {
  std::string proto;
  std::string host;
};

// Reads one value of RFC 7239 §4 (token or quoted-string) off `rest`; false when it is neither.
bool read_value(std::string_view& rest, std::string& value) {
  if (!rest.empty() && rest.front() == '"') {
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
      if (rest[i] == '\\') ++i;
      if (i == rest.size()) return false;
      value += rest[i];
    }
    if (i == rest.size()) return false;
    rest.remove_prefix(i + 1);
    return true;
  }
  const std::size_t end = std::min(rest.find_first_of(",; \t\""), rest.size());
  value = rest.substr(0, end);
  rest.remove_prefix(end);
  return !value.empty();
}

// The first element of a Forwarded header: what the proxy next to the client saw.
std::optional<Forwarded> parse_forwarded(std::string_view rest) {
  Forwarded parsed;
  while (true) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t;"), rest.size()));
    if (rest.empty() || rest.front() == ',') return parsed;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = rest.substr(0, equals);
    rest.remove_prefix(equals + 1);
    std::string value;
    if (!read_value(rest, value)) return std::nullopt;
    if (equal_fold(name, "proto")) {
      parsed.proto = std::move(value);
    } else if (equal_fold(name, "host")) {
      parsed.host = std::move(value);
    }
    rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (!rest.empty() && rest.front() != ';' && rest.front() != ',') return std::nullopt;
  }
}

std::string origin(std::string_view proto, std::string_view host, std::string_view port, bool tls) {
  std::string_view scheme = tls ? "https" : "http";
  if (!proto.empty()) {
    if (equal_fold(proto, "https")) {
      scheme = "https";
    } else if (equal_fold(proto, "http")) {
      scheme = "http";
    } else {
      return {};
    }
  }
  const std::optional<HostPort> parsed = parse_host(host);
  if (!parsed) return {};
  if (!parsed->port.empty()) port = parsed->port;
  if (!port.empty() && !is_port(port)) return {};
  std::string out(scheme);
  out += "://";
  out += parsed->host;
  if (!port.empty() && port != (scheme == "https" ? "443" : "80")) {
    out += ':';
    out += port;
  }
  return out;
}

std::string next_link(std::string url, std::string_view last, std::size_t n) {
  std::string link = "<" + std::move(url);
  link += "?last=";
  link += percent_encode(last);
  link += "&n=";
  link += std::to_string(n);
  link += ">; rel=\"next\"";
  return link;
}

}  // namespace

std::string forwarded_origin(const http::Request& request) {
  if (const auto header = request.headers.get("Forwarded")) {
    const std::optional<Forwarded> forwarded = parse_forwarded(*header);
    if (!forwarded) return {};
    return origin(forwarded->proto, forwarded->host, {}, request.peer.tls);
  }
  const auto host = request.headers.get("X-Forwarded-Host");
  if (!host) return {};
  const std::string_view proto =
      first_of_list(request.headers.get("X-Forwarded-Proto").value_or(""));
  const std::string_view port = first_of_list(request.headers.get("X-Forwarded-Port").value_or(""));
  return origin(proto, first_of_list(*host), port, request.peer.tls);
}

Urls::Urls(Options options) : path_base_(options.prefix + "/v2/"), relative_(options.relative) {
  if (options.host.empty()) return;
  fixed_base_ = std::move(options.host);
  while (fixed_base_.ends_with('/')) fixed_base_.pop_back();
  fixed_base_ += path_base_;
}

std::string Urls::base(const http::Request& request) const {
  if (relative_) return path_base_;
  if (!fixed_base_.empty()) return fixed_base_;
  return forwarded_origin(request) + path_base_;
}

std::string Urls::manifest(const http::Request& request, std::string_view name,
                           std::string_view digest) const {
  return base(request).append(name).append("/manifests/").append(digest);
}

std::string Urls::blob(const http::Request& request, std::string_view name,
                       std::string_view digest) const {
  return base(request).append(name).append("/blobs/").append(digest);
}

std::string Urls::upload(const http::Request& request, std::string_view name, std::string_view uuid,
                         std::string_view state) const {
  std::string url = base(request);
  url.append(name).append("/blobs/uploads/").append(uuid).append("?_state=").append(state);
  return url;
}

std::string Urls::next_tags(std::string_view name, std::string_view last, std::size_t n) const {
  return next_link(path_base_ + std::string(name) + "/tags/list", last, n);
}

std::string Urls::next_catalog(std::string_view last, std::size_t n) const {
  return next_link(path_base_ + "_catalog", last, n);
}

}  // namespace bunker::api
