// Pipes through which the kernel moves bytes from one socket to another without copying them, and
// a pool of them. Thread rule: one thread at a time. Owner: the pool; while it is used, the
// coroutine that moves bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "lib/runtime/body.h"

namespace bunker::net {

struct Pipe {
  std::unique_ptr<FileHandle> in;   // to write to
  std::unique_ptr<FileHandle> out;  // to read from
};

class PipePool {
 public:
  // Holds this much where pages are moved whole.
  static constexpr std::size_t kBytes = std::size_t{256} * 1024;

  // An empty pipe; nullopt when the process or its user has as many as it may: do without.
  [[nodiscard]] std::optional<Pipe> take();
  // Only empty ones.
  void give_back(Pipe pipe);

 private:
  std::vector<Pipe> spare_;
};

}  // namespace bunker::net
