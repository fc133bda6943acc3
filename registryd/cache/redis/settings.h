// How to reach Redis. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/net/dialer.h"

namespace bunker::cache::redis {

// What a connection says before anything else.
struct Login {
  std::string username;  // empty: the default user
  std::string password;  // empty: none is asked for
  std::string client_name;
  std::int64_t database = 0;
};

struct Settings {
  enum class Mode : unsigned char {
    single,
    sentinel,  // `seeds` are sentinels, which know where `master_name` is
    cluster,   // `seeds` are some of its nodes
  };
  Mode mode = Mode::single;
  std::vector<net::Destination> seeds;  // a host that begins with '/' is the path of a socket
  std::string master_name;
  Login login;
  Login sentinel_login;
  // For a new connection, on which no request waits.
  std::chrono::milliseconds dial_time{1000};
  // For the replies to what was sent: how long a request waits at most, about.
  std::chrono::milliseconds reply_time{100};
  // Between two attempts to reach a node that does not answer.
  std::chrono::milliseconds retry_time{500};
};

}  // namespace bunker::cache::redis
