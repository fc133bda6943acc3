// A TCP proxy that spoils connections on purpose: between a client and a real server, to see that
// the client copes. Which connections, and how, follows from a seed. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace bunker::test {

class FaultProxy {
 public:
  struct Faults {
    // Of the connections, in percent.
    int cut_requests = 0;     // broken off while the client sends
    int cut_answers = 0;      // broken off while the server answers: what was asked for is done
    int slow_downs = 0;       // answered with 503 SlowDown
    int internal_errors = 0;  // answered with 500
    std::size_t most_bytes = 200'000;  // a cut comes before so many bytes have gone through
  };

  // To 127.0.0.1:`upstream`. Spoils nothing until set().
  FaultProxy(unsigned upstream, unsigned seed);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  [[nodiscard]] unsigned port() const { return port_; }
  // For connections from now on; those that are open are closed.
  void set(Faults faults);
  [[nodiscard]] int spoiled() const { return spoiled_; }
  [[nodiscard]] int open_connections() const { return open_; }

 private:
  enum class Plan : unsigned char { pass, cut_request, cut_answer, slow_down, internal_error };
  struct Connection {
    int client = -1;
    std::atomic<bool> done = false;
    std::thread thread;
  };

  void accept_all();
  void serve(Connection& connection, Plan plan, std::size_t bytes);
  void pass(int client, int server, Plan plan, std::size_t bytes);
  [[nodiscard]] Plan choose();

  const unsigned upstream_;
  unsigned port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> spoiled_ = 0;
  std::atomic<int> open_ = 0;
  std::mutex mutex_;
  Faults faults_;
  std::minstd_rand random_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::thread acceptor_;
};

}  // namespace bunker::test
