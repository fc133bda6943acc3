// An HTTP server on 127.0.0.1 that says what a test has scripted, byte for byte, for tests of
// clients: answers that come in pieces, break off, or never end. One thread a connection.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bunker {

class ScriptServer {
 public:
  // A connection that has sent `request` (head and body).
  class Exchange {
   public:
    Exchange(int fd, std::string request) : fd_(fd), request_(std::move(request)) {}

    [[nodiscard]] const std::string& request() const { return request_; }
    void send(const std::string& bytes) const;
    // A whole answer with `body`, as an API server sends it.
    void answer(int status, const std::string& body, const std::string& headers = {}) const;
    // Blocks until the client closes the connection.
    void await_close() const;

   private:
    int fd_;
    std::string request_;
  };

  // `serve` is called for each request, on the connection's thread.
  explicit ScriptServer(std::function<void(const Exchange&)> serve);
  ~ScriptServer();
  ScriptServer(const ScriptServer&) = delete;
  ScriptServer& operator=(const ScriptServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void accept_all();
  void serve_connection(int fd);

  std::function<void(const Exchange&)> serve_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace bunker
