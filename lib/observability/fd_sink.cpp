#include "lib/observability/fd_sink.h"

#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace bunker {

FdSink::FdSink(int fd, const LineFormatter& formatter) : fd_(fd), formatter_(formatter) {
  writer_ = std::thread([this] { run(); });
}

FdSink::~FdSink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  writer_.join();
}

void FdSink::log(const spdlog::details::log_msg& message) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (pending_.size() + message.payload.size() > kCapacity) {
      ++dropped_;
      return;
    }
    wake = pending_.empty();
    pending_.append(message.payload.data(), message.payload.size());
    if (pending_.size() >= kBatch && !urgent_) wake = urgent_ = true;
  }
  if (wake) wake_.notify_one();
}

void FdSink::flush() {
  {
    const std::lock_guard lock(mutex_);
    urgent_ = true;
  }
  wake_.notify_one();
}

std::uint64_t FdSink::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void FdSink::run() {
  std::string batch;
  std::uint64_t reported = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
    wake_.wait_for(lock, kLinger, [this] { return stopping_ || urgent_; });
    urgent_ = false;
    batch.swap(pending_);
    const std::uint64_t gap = dropped_ - reported;
    reported = dropped_;
    if (batch.empty() && gap == 0 && stopping_) return;
    lock.unlock();
    write_all(batch.data(), batch.size());
    batch.clear();
    if (batch.capacity() > 4 * kBatch) batch.shrink_to_fit();  // a burst is over
    if (gap > 0) report_gap(gap);
    lock.lock();
  }
}

void FdSink::report_gap(std::uint64_t lines) {
  LogBuffer line;
  formatter_.format(line, std::chrono::system_clock::now(), LogLevel::warn,
                    "log lines dropped: the reader of the log is too slow", {{"lines", lines}});
  write_all(line.data(), line.size());
}

void FdSink::write_all(const char* data, std::size_t size) const {
  while (size > 0) {
    const ssize_t written = ::write(fd_, data, size);
    if (written > 0) {
      data += written;
      size -= static_cast<std::size_t>(written);
    } else if (errno == EAGAIN) {  // whoever shares the descriptor made it non-blocking
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return;  // nobody reads the log any more; that is no reason to stop serving
    }
  }
}

}  // namespace bunker
