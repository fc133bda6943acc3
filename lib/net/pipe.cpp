#include "lib/net/pipe.h"

#include <array>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace bunker::net {
namespace {

// How many a thread keeps for its next bodies.
constexpr std::size_t kSpare = 4;

// Held by each large pipe of the process. Two threads that count at once may make one too many.
const std::shared_ptr<const void>& large_pipes() {
  static const std::shared_ptr<const void> held = std::make_shared<char>();
  return held;
}

bool resize(const Pipe& pipe, std::size_t bytes) noexcept {
  return ::fcntl(pipe.in->fd(), F_SETPIPE_SZ, static_cast<int>(bytes)) >= 0;
}

}  // namespace

std::optional<Pipe> PipePool::take() {
  if (!spare_.empty()) {
    Pipe pipe = std::move(spare_.back());
    spare_.pop_back();
    return pipe;
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return std::nullopt;
  Pipe pipe{std::make_unique<FileHandle>(ends[1]), std::make_unique<FileHandle>(ends[0]), nullptr};
  if (large_pipes().use_count() <= kMostLarge && resize(pipe, kLargeBytes)) {
    pipe.large = large_pipes();
  } else if (!resize(pipe, kBytes)) {
    return std::nullopt;  // beyond the user's share new ones are tiny, and worse than copying
  }
  return pipe;
}

void PipePool::give_back(Pipe pipe) {
  if (spare_.size() < kSpare) spare_.push_back(std::move(pipe));
}

}  // namespace bunker::net
