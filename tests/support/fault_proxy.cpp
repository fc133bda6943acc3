#include "tests/support/fault_proxy.h"

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bunker::test {
namespace {

sockaddr_in local(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Resets the connection, so that the other side finds out at once.
void reset(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void answer(int client, std::string_view status, std::string_view code) {
  std::array<char, 65536> buffer;
  (void)::recv(client, buffer.data(), buffer.size(), 0);
  const std::string body = "<Error><Code>" + std::string(code) + "</Code></Error>";
  send_all(client, "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body);
  ::shutdown(client, SHUT_WR);
  // What the client still sends must not destroy the answer.
  while (::recv(client, buffer.data(), buffer.size(), 0) > 0) {
  }
}

}  // namespace

FaultProxy::FaultProxy(unsigned upstream, unsigned seed) : upstream_(upstream), random_(seed) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = local(0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::listen(listener_, 128) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

FaultProxy::~FaultProxy() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  for (auto& connection : connections_) {
    ::shutdown(connection->client, SHUT_RDWR);
    connection->thread.join();
    ::close(connection->client);
  }
}

void FaultProxy::set(Faults faults) {
  const std::lock_guard lock(mutex_);
  faults_ = faults;
  for (auto& connection : connections_) {
    if (!connection->done) ::shutdown(connection->client, SHUT_RDWR);
  }
}

FaultProxy::Plan FaultProxy::choose() {
  int dice = std::uniform_int_distribution<int>(0, 99)(random_);
  for (const auto& [percent, plan] : {std::pair(faults_.cut_requests, Plan::cut_request),
                                      std::pair(faults_.cut_answers, Plan::cut_answer),
                                      std::pair(faults_.slow_downs, Plan::slow_down),
                                      std::pair(faults_.internal_errors, Plan::internal_error)}) {
    if (dice < percent) return plan;
    dice -= percent;
  }
  return Plan::pass;
}

void FaultProxy::accept_all() {
  while (!stopping_) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::lock_guard lock(mutex_);
    std::erase_if(connections_, [](const auto& old) {
      if (!old->done) return false;
      old->thread.join();
      ::close(old->client);
      return true;
    });
    auto connection = std::make_unique<Connection>();
    connection->client = client;
    const Plan plan = choose();
    const auto bytes = std::uniform_int_distribution<std::size_t>(0, faults_.most_bytes)(random_);
    ++open_;
    Connection& started = *connection;
    connections_.push_back(std::move(connection));
    started.thread = std::thread([this, &started, plan, bytes] {
      serve(started, plan, bytes);
      ::shutdown(started.client, SHUT_RDWR);
      --open_;
      started.done = true;
    });
  }
}

void FaultProxy::serve(Connection& connection, Plan plan, std::size_t bytes) {
  if (plan != Plan::pass) ++spoiled_;
  if (plan == Plan::slow_down) return answer(connection.client, "503 Slow Down", "SlowDown");
  if (plan == Plan::internal_error) {
    return answer(connection.client, "500 Internal Server Error", "InternalError");
  }
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = local(upstream_);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    pass(connection.client, server, plan, bytes);
  }
  ::close(server);
}

void FaultProxy::pass(int client, int server, Plan plan, std::size_t bytes) {
  std::array<char, 65536> buffer;
  std::size_t up = 0;
  std::size_t down = 0;
  while (true) {
    std::array<pollfd, 2> ready = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) <= 0) return;
    for (int side = 0; side < 2; ++side) {
      if (ready[side].revents == 0) continue;
      const ssize_t got = ::recv(ready[side].fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) return;
      std::size_t count = static_cast<std::size_t>(got);
      std::size_t& passed = side == 0 ? up : down;
      const bool cut = plan == (side == 0 ? Plan::cut_request : Plan::cut_answer);
      if (cut && passed + count > bytes) count = bytes - std::min(bytes, passed);
      if (!send_all(side == 0 ? server : client, {buffer.data(), count})) return;
      passed += count;
      if (cut && passed >= bytes) {
        reset(client);
        return;
      }
    }
  }
}

}  // namespace bunker::test
