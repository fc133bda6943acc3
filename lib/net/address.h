// Socket addresses as configuration and logs write them. Pure, except that host names are resolved.
// Not for URLs. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "lib/base/result.h"

namespace bunker::net {

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] const sockaddr* address() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  [[nodiscard]] sockaddr* address() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  // 0 for unix sockets.
  [[nodiscard]] unsigned port() const noexcept;
  void set_port(unsigned port) noexcept;
};

// "192.0.2.1:5000", "[::1]:5000" (an IPv4-mapped address as IPv4), a unix socket's path, or "unix"
// where it has none.
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

struct HostPort {
  std::string host;  // without brackets; may be empty
  unsigned port = 0;
};

// "host:port", ":port", "[v6]:port", "1.2.3.4:port"; the port is a number up to 65535.
[[nodiscard]] Result<HostPort> split_host_port(std::string_view text);

// The endpoints that `address` can mean, best first. "tcp": "host:port", where an empty host means
// every IPv6 and IPv4 address; "unix": a path of at most 107 bytes. Blocks while it resolves a
// host name. invalid: not an address, or the name is unknown.
[[nodiscard]] Result<std::vector<Endpoint>> listen_endpoints(std::string_view network,
                                                             std::string_view address);

// The addresses of a peer to connect to, in the order to try them; a `host` that begins with '/' is
// the path of a unix socket. Blocks. retry_later: the
// resolver failed.
[[nodiscard]] Result<std::vector<Endpoint>> resolve(const std::string& host, unsigned port);

}  // namespace bunker::net
