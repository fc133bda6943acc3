// Bodies in motion: bytes that are pulled (ByteSource), and what a response or a stored object can
// consist of (Body). The consumer chooses how to move a Body: write, sendfile, or read and hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "lib/base/result.h"
#include "lib/runtime/task.h"

namespace bunker {

// Bytes pulled one piece at a time. One consumer; used on one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next bytes, valid until the next call or destruction; empty at the end of the body.
  // Errors: cancelled (the peer went away), invalid (malformed framing), too_large (over a limit),
  // retry_later (timed out), data_loss (shorter than announced), internal.
  virtual Task<Result<std::span<const std::byte>>> read() = 0;
  // Moves the next bytes, at most `most`, into a pipe whose writing end `pipe` is and that is
  // empty, without copying them; how many. 0: read() says what comes next, be it bytes, the end or
  // an error. Most sources have nothing to move.
  virtual Task<std::size_t> read_to_pipe(int pipe, std::size_t most);
  // Moves the next bytes into `room`, which is not empty, as many as there are now; how many. 0: as
  // for read_to_pipe(). For a consumer that would copy what read() gives; sources for which that
  // would save nothing have nothing to move.
  virtual Task<std::size_t> read_into(std::span<std::byte> room);
};

// An open file, closed with its last owner.
class FileHandle {
 public:
  explicit FileHandle(int fd) noexcept : fd_(fd) {}
  ~FileHandle();
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

struct FileRegion {
  std::shared_ptr<const FileHandle> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// The length of a stream that ends where it ends.
inline constexpr std::uint64_t kUnknownLength = UINT64_MAX;

using SharedBytes = std::shared_ptr<const std::string>;

// What a Body is made of: nothing, bytes in memory, part of a file, or a stream whose length is
// given beside it.
struct Body {
  std::variant<std::monostate, SharedBytes, FileRegion, std::unique_ptr<ByteSource>> content;
  // Bytes in the body. For a stream: exactly as many as it will yield, or kUnknownLength.
  std::uint64_t length = 0;

  Body() = default;
  explicit Body(std::string bytes);
  explicit Body(SharedBytes bytes);
  explicit Body(FileRegion region);
  Body(std::unique_ptr<ByteSource> stream, std::uint64_t stream_length);
};

// A source over any Body: files are read 256 KiB at a time.
[[nodiscard]] std::unique_ptr<ByteSource> make_source(Body body);

// The whole of `source` in memory; too_large when it is over `limit` bytes.
Task<Result<std::string>> read_all(ByteSource& source, std::size_t limit);

}  // namespace bunker
