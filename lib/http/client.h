// An HTTP/1.1 client that keeps connections open, for the calls that the programs make: health
// checks, object stores. Bodies stream both ways. No redirects, no cookies, no retries but one: a
// kept connection that turns out to be closed is replaced.
// Thread rule: usable from every I/O thread; each keeps its own connections, which go with its
// io_context. Owner: the composition root.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/net/dialer.h"
#include "lib/net/stream.h"
#include "lib/runtime/body.h"

namespace bunker::http {

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query, percent-encoded
  Headers headers;  // Host is added where it is missing; Content-Length and the like are ours
  Body body;

  ClientRequest() = default;
  ClientRequest(std::string verb, std::string path_and_query)
      : method(std::move(verb)), target(std::move(path_and_query)) {}
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::optional<std::uint64_t> content_length;  // of the body, where the server told it
  // Never null. Read to its end, it leaves the connection to the next request; destroyed before,
  // it costs the connection. cancelled: the connection broke; invalid: malformed framing;
  // retry_later: too slow.
  std::unique_ptr<ByteSource> body;
};

class Client {
 public:
  struct Options {
    std::size_t idle_connections = 64;             // kept for a destination, on each I/O thread
    std::chrono::milliseconds idle_time{30'000};   // how long they are kept
    std::chrono::milliseconds stall_time{60'000};  // a peer that moves no byte for so long is cut
    std::size_t header_bytes = 64 * 1024;
    std::size_t header_count = 256;
  };

  // `dialer` outlives the client.
  Client(net::Dialer& dialer, Options options);
  explicit Client(net::Dialer& dialer) : Client(dialer, Options()) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends `request` and awaits the head of the answer, whatever its status. Everything, reading
  // the body included, ends at `deadline`. Errors: the dialer's; cancelled: the connection broke;
  // retry_later: too slow; invalid: the answer is not HTTP, or the request cannot be written; what
  // the request's body failed with.
  Task<Result<ClientResponse>> send(net::Destination to, ClientRequest request,
                                    SteadyTime deadline);

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

struct Url {
  net::Destination destination;
  std::string target;  // path and query, "/" where the URL has none
};

// "http://host[:port][/path][?query]", or https. invalid: not such a URL.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace bunker::http
