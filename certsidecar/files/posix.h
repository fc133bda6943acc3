// The few file calls that the sidecar needs, with errors as values. Blocking; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "lib/base/result.h"
#include "lib/pki/secret_text.h"

namespace bunker::certsidecar {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

// From errno, right after the call that failed: "cannot WHAT PATH: reason". ENOENT is not_found,
// EACCES, EPERM and EROFS forbidden, the rest internal.
[[nodiscard]] std::unexpected<Error> file_error(std::string_view what, std::string_view path);

inline constexpr std::size_t kMaxFileBytes = std::size_t{17} << 20;

// A whole regular file below the folder `folder` (AT_FDCWD: path as usual). too_large: over
// kMaxFileBytes. `path` names it in errors.
[[nodiscard]] Result<pki::SecretText> read_at(int folder, const std::string& name,
                                              std::string_view path);
[[nodiscard]] Result<pki::SecretText> read_file(const std::string& path);

// A new file (it must not exist) with exactly `mode`, its bytes on disk when this returns.
[[nodiscard]] Result<void> create_at(int folder, const std::string& name, std::string_view bytes,
                                     mode_t mode, std::string_view path);

// A file with exactly `mode` in place of what is there: a reader sees the old bytes or the new.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view bytes,
                                        mode_t mode);

// mkdir -p; folders that are made get `mode`.
[[nodiscard]] Result<void> make_folders(const std::string& path, mode_t mode);

}  // namespace bunker::certsidecar
