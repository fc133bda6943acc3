// System calls as values: an owned file descriptor, errno instead of exceptions, and errno as an
// Error. For the filesystem driver only. Thread-safe, as the calls are.
#pragma once

#include <cstdint>
#include <ctime>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace bunker::storage {

// A value or an errno.
template <class T>
using Sys = std::expected<T, int>;

class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

[[nodiscard]] Sys<struct stat> stat_of(const Fd& file);

// Writes all of `bytes` at `offset`.
[[nodiscard]] Sys<void> write_at(const Fd& file, std::span<const std::byte> bytes,
                                 std::uint64_t offset);

// Makes the data and size of `file` durable. After an error nothing is known of what was written
// since the last success, and a second call may wrongly succeed: give the file up.
[[nodiscard]] Sys<void> sync_data(const Fd& file);
// Makes the entries of an open directory durable.
[[nodiscard]] Sys<void> sync_directory(const Fd& directory);

[[nodiscard]] SystemTime to_time(const timespec& time);

// "cannot <action> <what>", with the code and the remedy that fit `error`. `action`: "read", …
[[nodiscard]] Error system_error(int error, std::string_view action, std::string_view what);

// Whether `error` means that there is no object of that name.
[[nodiscard]] bool means_absent(int error) noexcept;

}  // namespace bunker::storage
