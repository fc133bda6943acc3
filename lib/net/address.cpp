#include "lib/net/address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace bunker::net {
namespace {

std::string invalid_address(std::string_view text) {
  return "\"" + std::string(text) + "\" is not an address to listen on or connect to";
}

Endpoint any_ipv4(unsigned port) {
  Endpoint endpoint;
  endpoint.storage.ss_family = AF_INET;
  endpoint.length = sizeof(sockaddr_in);
  endpoint.set_port(port);
  return endpoint;
}

Endpoint any_ipv6(unsigned port) {
  Endpoint endpoint;
  endpoint.storage.ss_family = AF_INET6;
  endpoint.length = sizeof(sockaddr_in6);
  endpoint.set_port(port);
  return endpoint;
}

Result<std::vector<Endpoint>> look_up(const std::string& host, unsigned port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  const int code = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, [](addrinfo* head) {
    if (head != nullptr) ::freeaddrinfo(head);
  });
  if (code != 0) {
    const bool unknown = code == EAI_NONAME;
    return fail(unknown ? Code::invalid : Code::retry_later,
                "cannot resolve the host name \"" + host + "\"", ::gai_strerror(code));
  }
  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    Endpoint endpoint;
    std::memcpy(&endpoint.storage, entry->ai_addr, entry->ai_addrlen);
    endpoint.length = entry->ai_addrlen;
    endpoints.push_back(endpoint);
  }
  return endpoints;
}

Result<Endpoint> unix_endpoint(std::string_view path) {
  Endpoint endpoint;
  auto& address = reinterpret_cast<sockaddr_un&>(endpoint.storage);
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(Code::invalid, "\"" + std::string(path) + "\" cannot be a unix socket's path",
                "use 1 to " + std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  endpoint.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return endpoint;
}

std::string unix_path(const Endpoint& endpoint) {
  constexpr std::size_t header = offsetof(sockaddr_un, sun_path);
  const auto& address = reinterpret_cast<const sockaddr_un&>(endpoint.storage);
  if (endpoint.length <= header || address.sun_path[0] == '\0') return "unix";
  return {address.sun_path, ::strnlen(address.sun_path, endpoint.length - header)};
}

}  // namespace

unsigned Endpoint::port() const noexcept {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return 0;
}

void Endpoint::set_port(unsigned port) noexcept {
  const auto wire = htons(static_cast<std::uint16_t>(port));
  if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(storage).sin_port = wire;
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(storage).sin6_port = wire;
}

std::string to_string(const Endpoint& endpoint) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (endpoint.family() == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(endpoint.storage);
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(endpoint.port());
  }
  if (endpoint.family() == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(endpoint.storage);
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
      ::inet_ntop(AF_INET, &address.sin6_addr.s6_addr[12], text.data(), text.size());
      return std::string(text.data()) + ":" + std::to_string(endpoint.port());
    }
    ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(endpoint.port());
  }
  return unix_path(endpoint);
}

Result<HostPort> split_host_port(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::invalid, invalid_address(text),
                "write it as host:port, :port or [ipv6]:port");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 3) return bad();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  if (host.find_first_of(std::string_view("\0[]/ ", 5)) != std::string_view::npos) return bad();
  HostPort out;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (error != std::errc() || end != digits.data() + digits.size() || out.port > 65535) {
    return bad();
  }
  out.host = host;
  return out;
}

Result<std::vector<Endpoint>> listen_endpoints(std::string_view network, std::string_view address) {
  if (network == "unix") {
    BUNKER_TRY_ASSIGN(const Endpoint endpoint, unix_endpoint(address));
    return std::vector<Endpoint>{endpoint};
  }
  if (network != "tcp") {
    return fail(Code::invalid, "\"" + std::string(network) + "\" is not a network to listen on",
                "use tcp or unix");
  }
  BUNKER_TRY_ASSIGN(const HostPort parts, split_host_port(address));
  if (parts.host.empty()) {
    return std::vector<Endpoint>{any_ipv6(parts.port), any_ipv4(parts.port)};
  }
  BUNKER_TRY_ASSIGN(auto found, look_up(parts.host, parts.port, AI_PASSIVE));
  // A name with both kinds of address ("localhost") is most often meant as IPv4.
  const auto ipv4 = [](const Endpoint& endpoint) { return endpoint.family() == AF_INET; };
  const auto first = std::ranges::find_if(found, ipv4);
  if (first != found.end()) std::rotate(found.begin(), first, first + 1);
  return found;
}

Result<std::vector<Endpoint>> resolve(const std::string& host, unsigned port) {
  if (host.starts_with('/')) {
    BUNKER_TRY_ASSIGN(const Endpoint endpoint, unix_endpoint(host));
    return std::vector<Endpoint>{endpoint};
  }
  BUNKER_TRY_ASSIGN(auto found, look_up(host, port, AI_ADDRCONFIG));
  if (found.empty())
    return fail(Code::retry_later, "the host name \"" + host + "\" has no address");
  return found;
}

}  // namespace bunker::net
