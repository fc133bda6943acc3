// A blocking client for tests that says exactly the bytes it is told to, well-formed or not.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace bunker::http::testing {

struct RawResponse {
  bool complete = false;  // a head, and as many body bytes as it announced
  int status = 0;
  std::string head;  // with the status line, without the empty line
  std::string body;  // decoded where it was chunked

  // The value of the first field called `name`, "" when absent.
  [[nodiscard]] std::string field(std::string_view name) const;
};

class RawClient {
 public:
  // "127.0.0.1:port" or a unix socket's path. Aborts the test program when it cannot connect.
  explicit RawClient(const std::string& address, int receive_buffer = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the server has gone.
  bool send(std::string_view bytes);
  void finish_sending();  // FIN
  void reset();           // RST

  // The next response; bodies of HEAD requests are not waited for. `complete` is false when the
  // connection ended before it was.
  RawResponse receive(bool head_only = false,
                      std::chrono::milliseconds timeout = std::chrono::seconds(10));
  RawResponse exchange(std::string_view request) {
    send(request);
    return receive();
  }
  // The next bytes as they are; "" at the end or when nothing came in time.
  std::string receive_some(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // Whether the server ends the connection within `timeout`, with a FIN and nothing before it.
  bool closed(std::chrono::milliseconds timeout = std::chrono::seconds(10));

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  bool fill(std::chrono::milliseconds timeout);  // false: end, error or time-out
  bool take_chunks(std::string& body, std::chrono::milliseconds timeout);
  bool take_line(std::string& line, std::chrono::milliseconds timeout);
  bool take(std::string& out, std::size_t count, std::chrono::milliseconds timeout);

  int fd_ = -1;
  bool ended_ = false;
  std::string buffer_;
};

}  // namespace bunker::http::testing
