// A connected byte stream with timeouts: TCP, unix sockets, and (on the same interface) TLS.
//
// The operations are coroutines over non-blocking primitives: the system call is tried first, and
// only when it would block does the coroutine suspend. Callers for whom a coroutine frame is too
// much call try_…() themselves and wait() in between.
//
// Thread rule: lives and dies on its io_context's thread. One reader and one writer, which never
// wait at the same time. Owner: the connection's coroutine.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <sys/uio.h>

#include "lib/base/result.h"
#include "lib/net/watchdog.h"
#include "lib/runtime/body.h"
#include "lib/runtime/task.h"

namespace bunker::net {

enum class Want : unsigned char { read, write };

// What one attempt at a system call came to.
struct Attempt {
  enum class Status : unsigned char { done, want_read, want_write, eof, error };

  Status status = Status::done;
  int error = 0;          // errno, with Status::error
  std::size_t bytes = 0;  // moved, with Status::done; > 0

  static Attempt done(std::size_t count) noexcept { return {Status::done, 0, count}; }
  static Attempt failed(int code) noexcept { return {Status::error, code, 0}; }
};

// How slow the peer may be: it must move `bytes` in every `window` that we wait for it. Time in
// which we do not wait for it does not count.
struct Pace {
  std::chrono::nanoseconds window{std::chrono::nanoseconds::max()};
  std::uint64_t bytes = 1;
};

class Stream : private Watched {
 public:
  // Owns `fd`, a non-blocking connected socket.
  Stream(asio::io_context& context, int fd);
  virtual ~Stream() = default;

  // At most buffer.size() bytes. eof: the peer has sent its last byte.
  [[nodiscard]] virtual Attempt try_read(std::span<std::byte> buffer) noexcept = 0;
  // `more`: hold the last packet back, more is about to be written.
  [[nodiscard]] virtual Attempt try_write(std::span<const iovec> pieces, bool more) noexcept = 0;
  // At most `count` bytes of file `fd` from `offset` on. eof: the file ends before `offset`.
  [[nodiscard]] virtual Attempt try_send_file(int fd, std::uint64_t offset,
                                              std::size_t count) noexcept = 0;
  // Whether the kernel moves bytes between this stream and a pipe; try_receive_to_pipe() and
  // try_send_from_pipe() are for such streams alone.
  [[nodiscard]] virtual bool splices() const noexcept { return false; }
  // At most `most` bytes into an empty pipe. eof: the peer has sent its last byte.
  [[nodiscard]] virtual Attempt try_receive_to_pipe(int pipe, std::size_t most) noexcept;
  // At most `count` bytes of those that are in the pipe.
  [[nodiscard]] virtual Attempt try_send_from_pipe(int pipe, std::size_t count) noexcept;
  // Bytes that try_read() would give without a system call (a decrypted record's rest).
  [[nodiscard]] virtual bool buffered() const noexcept { return false; }
  // Says that nothing more will be written.
  virtual void shutdown_send() noexcept;

  // Suspends until the socket is ready. retry_later: the deadline has passed or interrupt() was
  // called before or while waiting; cancelled: closed.
  Task<Result<void>> wait(Want want);

  // The next bytes; 0: the peer has sent its last byte. cancelled: the connection broke.
  Task<Result<std::size_t>> read_some(std::span<std::byte> buffer);

  // Writes every piece; the array, which the caller's frame owns, is consumed.
  Task<Result<void>> write(std::span<iovec> pieces, bool more = false);

  // Sends a part of a file without copying where the transport can. data_loss: the file is
  // shorter than `region` says.
  Task<Result<void>> send_file(FileRegion region);

  // As read_some(), into the pipe whose writing end `pipe` is and that is empty.
  Task<Result<std::size_t>> receive_to_pipe(int pipe, std::size_t most);

  // Writes `count` bytes of the pipe whose reading end `pipe` is; it holds as many.
  Task<Result<void>> send_from_pipe(int pipe, std::size_t count);

  // Waits end at `deadline` at the latest. Forgets an expiry or interrupt() that went before.
  void set_deadline(SteadyTime deadline) noexcept;
  // From now on waits are also bounded by `pace`; a default Pace ends that.
  void set_pace(Pace pace) noexcept;
  // Lets the caller of try_…() take part in the pace and in the fairness between connections.
  void count(std::size_t bytes) noexcept;
  // Bytes moved so far, both ways.
  [[nodiscard]] std::uint64_t moved() const noexcept { return moved_; }

  // Ends the current or next wait, as an expired deadline does.
  void interrupt() noexcept;
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

  // Sends FIN and throws away what still comes, until the peer closes, falls silent for `silence`
  // or `limit` is over: a peer that is still sending then gets to read our last words, which a
  // plain close would destroy with a reset.
  Task<void> linger(std::chrono::milliseconds silence, std::chrono::milliseconds limit);

  // Breaks the connection in both directions; pending and later operations fail.
  void shutdown() noexcept;
  // On destruction the peer gets a reset instead of a FIN.
  void reset_on_close() noexcept;

  [[nodiscard]] int fd() noexcept { return descriptor_.native_handle(); }

 private:
  void on_deadline() noexcept override { interrupt(); }
  [[nodiscard]] SteadyTime wait_limit(SteadyTime now) const noexcept;
  // What one of the try_…() for reading gives, waiting as long as it would block.
  template <class Try>
  Task<Result<std::size_t>> receive(Try attempt_once);

  asio::posix::basic_stream_descriptor<Executor> descriptor_;
  SteadyTime deadline_ = SteadyTime::max();
  Pace pace_;
  std::chrono::nanoseconds window_left_ = std::chrono::nanoseconds::max();
  std::uint64_t window_bytes_ = 0;
  std::uint64_t moved_ = 0;
  std::size_t burst_ = 0;  // bytes moved since the last wait
  bool interrupted_ = false;
};

// The Error for an errno of a socket call: cancelled when the peer went away.
[[nodiscard]] Error socket_error(int code);

// Makes a write to a connection that the peer has closed an error instead of the process's death:
// sendfile() knows no MSG_NOSIGNAL. Keeps a handler that is already set.
void ignore_sigpipe() noexcept;

}  // namespace bunker::net
