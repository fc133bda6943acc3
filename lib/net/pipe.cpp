#include "lib/net/pipe.h"

#include <array>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace bunker::net {
namespace {

// How many a thread keeps for its next bodies.
constexpr std::size_t kSpare = 4;

}  // namespace

std::optional<Pipe> PipePool::take() {
  if (!spare_.empty()) {
    Pipe pipe = std::move(spare_.back());
    spare_.pop_back();
    return pipe;
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return std::nullopt;
  Pipe pipe{std::make_unique<FileHandle>(ends[1]), std::make_unique<FileHandle>(ends[0])};
  // Beyond a user's share of memory for pipes, new ones are small, and worse than copying.
  if (::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kBytes)) < 0) return std::nullopt;
  return pipe;
}

void PipePool::give_back(Pipe pipe) {
  if (spare_.size() < kSpare) spare_.push_back(std::move(pipe));
}

}  // namespace bunker::net
