// Identifiers of requests: the client's own where it is harmless, else short and unique ones.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "lib/http/message.h"

namespace bunker::api {

// Thread-safe.
class RequestIds {
 public:
  RequestIds();

  // X-Request-Id where it has at most 128 letters, digits and "._:=+/@-", so that it can stand in a
  // log line and a header. Else a new one: 13 characters, never repeated in this process and as
  // good as never between processes. No system call.
  [[nodiscard]] std::string id_of(const http::Request& request);

 private:
  std::atomic<std::uint64_t> next_;
};

}  // namespace bunker::api
