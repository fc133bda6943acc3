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
  std::unique_ptr<FileHandle> in;     // to write to
  std::unique_ptr<FileHandle> out;    // to read from
  std::shared_ptr<const void> large;  // set: one of the process's large ones, which share it
};

class PipePool {
 public:
  // What a pipe holds where pages are moved whole: the more, the fewer calls and acknowledgements
  // for a body. But all of a user's pipes may hold 64 MiB together, and a client that is slow keeps
  // its pipe full: only a few of a process are large.
  static constexpr std::size_t kBytes = std::size_t{256} * 1024;
  static constexpr std::size_t kLargeBytes = std::size_t{1} << 20;
  static constexpr long kMostLarge = 8;

  // An empty pipe; nullopt when the process or its user has as many as it may: do without.
  [[nodiscard]] std::optional<Pipe> take();
  // Only empty ones.
  void give_back(Pipe pipe);

 private:
  std::vector<Pipe> spare_;
};

}  // namespace bunker::net
