#include "registryd/auth/watched_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/runtime/body.h"

namespace bunker::auth {
namespace {

// Many programs rewrite a file in place: one that changed this recently may be half of itself.
constexpr std::chrono::milliseconds kSettle{50};

std::string megabytes(std::size_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

WatchedFile::WatchedFile(Options options, Adopt adopt, Logger& log, Metrics& metrics)
    : options_(std::move(options)),
      adopt_(std::move(adopt)),
      log_(log),
      reloads_(metrics.counter(options_.metric, options_.metric_help, {{"result", "ok"}})),
      failures_(metrics.counter(options_.metric, options_.metric_help, {{"result", "failed"}})) {}

Result<std::unique_ptr<WatchedFile>> WatchedFile::open(Options options, Adopt adopt, Logger& log,
                                                       Metrics& metrics) {
  std::unique_ptr<WatchedFile> file(
      new WatchedFile(std::move(options), std::move(adopt), log, metrics));
  BUNKER_TRY_ASSIGN(file->version_, file->load());
  file->next_check_ = std::chrono::steady_clock::now() + file->options_.check_interval;
  return file;
}

Error WatchedFile::file_error(int error) const {
  const std::string what =
      "cannot read the " + options_.what + " " + options_.path + ": " + std::strerror(error);
  return error == ENOENT ? Error(Code::not_found, what, options_.remedy)
                         : Error(Code::internal, what);
}

Result<WatchedFile::Version> WatchedFile::stat_version() const {
  struct stat info{};
  if (::stat(options_.path.c_str(), &info) != 0) return fail(file_error(errno));
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::invalid, "the " + options_.what + " " + options_.path + " is not a file",
                options_.remedy);
  }
  const auto nanoseconds = [](const timespec& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
  };
  return Version{.device = info.st_dev,
                 .inode = info.st_ino,
                 .size = static_cast<std::uint64_t>(info.st_size),
                 .modified_ns = nanoseconds(info.st_mtim),
                 .changed_ns = nanoseconds(info.st_ctim)};
}

Result<std::string> WatchedFile::read_whole(int fd, std::size_t expected) const {
  if (expected > options_.max_bytes) {
    return fail(Code::too_large, "the " + options_.what + " " + options_.path + " is over " +
                                     megabytes(options_.max_bytes));
  }
  std::string text(expected + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(file_error(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size != expected) {
    return fail(Code::conflict,
                "the " + options_.what + " " + options_.path + " changed while it was read");
  }
  text.resize(size);
  return text;
}

Result<WatchedFile::Version> WatchedFile::load() const {
  BUNKER_TRY_ASSIGN(const Version before, stat_version());
  const FileHandle file(::open(options_.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) return fail(file_error(errno));
  BUNKER_TRY_ASSIGN(const std::string text, read_whole(file.fd(), before.size));
  BUNKER_TRY_ASSIGN(const Version after, stat_version());
  if (after != before) {
    return fail(Code::conflict,
                "the " + options_.what + " " + options_.path + " changed while it was read");
  }
  auto adopted = adopt_(text);
  if (!adopted) {
    Error& error = adopted.error();
    error.message.insert(0, "the " + options_.what + " " + options_.path + ": ");
    return fail(std::move(error));
  }
  return before;
}

void WatchedFile::check() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || std::chrono::steady_clock::now() < next_check_) return;
  next_check_ = std::chrono::steady_clock::now() + options_.check_interval;
  look();
}

Reloaded WatchedFile::reload() {
  const std::lock_guard lock(mutex_);
  const auto loaded = load();
  if (!loaded) {
    keep_last(loaded.error());
    return {options_.what, options_.path, std::unexpected(loaded.error())};
  }
  take(*loaded);
  return {options_.what, options_.path, {}};
}

// Whether nobody seems to be writing the file any more. Its time may come from another machine's
// clock: one in the future counts once it has stayed the same from one check to the next.
bool WatchedFile::settled(const Version& version) const {
  const auto age = std::chrono::system_clock::now().time_since_epoch() -
                   std::chrono::nanoseconds(std::max(version.modified_ns, version.changed_ns));
  return age >= kSettle || (age < age.zero() && pending_ == version);
}

void WatchedFile::look() {
  const auto version = stat_version();
  if (!version) return keep_last(version.error());
  if (*version == version_) {
    pending_.reset();
    last_failure_.clear();
    return;
  }
  if (*version == broken_) return;
  if (!settled(*version)) {
    pending_ = *version;
    next_check_ = std::chrono::steady_clock::now() + std::min(options_.check_interval, kSettle);
    return;
  }
  const auto loaded = load();
  if (!loaded) {
    const Code code = loaded.error().code;
    if (code == Code::invalid || code == Code::too_large) broken_ = *version;
    return keep_last(loaded.error());
  }
  take(*loaded);
}

void WatchedFile::take(const Version& version) {
  version_ = version;
  pending_.reset();
  broken_.reset();
  last_failure_.clear();
  reloads_.add();
  log_.info(options_.what + " reloaded", {{"path", options_.path}});
}

void WatchedFile::keep_last(const Error& error) {
  if (error.message == last_failure_) return;  // said already
  last_failure_ = error.message;
  failures_.add();
  log_.error(options_.what + " not reloaded, the last good one stays in use",
             {{"path", options_.path}, {"error", to_string(error)}});
}

}  // namespace bunker::auth
