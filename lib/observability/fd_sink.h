// Where log lines leave the process: a bounded buffer that one thread writes to a file descriptor.
// Private to lib/observability. Thread-safe.
//
// Callers only copy a line into the buffer, so a slow reader of the log never stalls an I/O
// thread; when the buffer is full, lines are dropped, counted, and the gap is reported in the log.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include <spdlog/sinks/sink.h>

#include "lib/observability/log_format.h"

namespace bunker {

class FdSink final : public spdlog::sinks::sink {
 public:
  // `fd` stays open and is not closed here. `formatter` outlives the sink.
  FdSink(int fd, const LineFormatter& formatter);
  ~FdSink() override;  // writes what is left

  // The payload is a formatted line.
  void log(const spdlog::details::log_msg& message) override;
  // Asks for the buffer to be written now rather than within kLinger. Does not wait.
  void flush() override;
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  [[nodiscard]] std::uint64_t dropped() const;

 private:
  // Lines that come within this time of the first go out in one write, if they are not more than
  // this many bytes already.
  static constexpr std::chrono::milliseconds kLinger{5};
  static constexpr std::size_t kBatch = 64u << 10;
  static constexpr std::size_t kCapacity = 4u << 20;

  void run();
  void report_gap(std::uint64_t lines);
  void write_all(const char* data, std::size_t size) const;

  const int fd_;
  const LineFormatter& formatter_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  std::uint64_t dropped_ = 0;
  bool urgent_ = false;
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace bunker
