#include "registryd/auth/htpasswd_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/runtime/body.h"
#include "registryd/auth/bcrypt.h"

namespace bunker::auth {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxFileBytes = 16u << 20;
// htpasswd rewrites the file in place: one that changed this recently may be half of itself.
constexpr milliseconds kSettle{50};
constexpr int kDefaultCost = 10;

std::string remedy(const std::string& path) {
  return "create it with: htpasswd -Bc " + path + " USER";
}

Error file_error(const std::string& path, int error) {
  const std::string what = "cannot read the password file " + path + ": " + std::strerror(error);
  return error == ENOENT ? Error(Code::not_found, what, remedy(path)) : Error(Code::internal, what);
}

Result<std::string> read_whole(int fd, const std::string& path, std::size_t expected) {
  if (expected > kMaxFileBytes) {
    return fail(Code::too_large, "the password file " + path + " is over 16 MiB");
  }
  std::string text(expected + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(file_error(path, errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size != expected) {
    return fail(Code::conflict, "the password file " + path + " changed while it was read");
  }
  text.resize(size);
  return text;
}

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

Result<HtpasswdUsers> parse_htpasswd(std::string_view text) {
  HtpasswdUsers out;
  int highest_cost = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = "line " + std::to_string(number);
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos ||
        line.find('\0') != std::string_view::npos) {
      return fail(Code::invalid, where + " is not an entry of the form user:hash");
    }
    const std::string_view hash = line.substr(colon + 1);
    const int cost = bcrypt_cost(hash);
    if (cost == 0) {
      out.warnings.push_back(where + " is not a bcrypt hash; make it with htpasswd -B");
    } else if (cost > kMaxBcryptCost) {
      out.warnings.push_back(where + " has a bcrypt cost over " + std::to_string(kMaxBcryptCost) +
                             ", which takes too long to check");
    } else {
      out.hashes.insert_or_assign(std::string(line.substr(0, colon)), std::string(hash));
      highest_cost = std::max(highest_cost, cost);
    }
  }
  out.decoy = bcrypt_decoy(highest_cost > 0 ? highest_cost : kDefaultCost);
  return out;
}

HtpasswdFile::HtpasswdFile(std::string path, milliseconds check_interval, Logger& log,
                           Metrics& metrics)
    : path_(std::move(path)),
      check_interval_(check_interval),
      log_(log),
      reloads_(metrics.counter("bunker_htpasswd_reloads_total",
                               "Times the password file was read because it had changed.",
                               {{"result", "ok"}})),
      failures_(metrics.counter("bunker_htpasswd_reloads_total",
                                "Times the password file was read because it had changed.",
                                {{"result", "failed"}})),
      users_gauge_(metrics.gauge("bunker_htpasswd_users", "Users of the password file in use.")) {}

Result<std::unique_ptr<HtpasswdFile>> HtpasswdFile::open(std::string path,
                                                         milliseconds check_interval, Logger& log,
                                                         Metrics& metrics) {
  BUNKER_TRY_ASSIGN(Loaded loaded, load(path));
  std::unique_ptr<HtpasswdFile> file(
      new HtpasswdFile(std::move(path), check_interval, log, metrics));
  file->adopt(std::move(loaded));
  file->next_check_ = std::chrono::steady_clock::now() + check_interval;
  return file;
}

std::shared_ptr<const HtpasswdUsers> HtpasswdFile::current() {
  if (const std::unique_lock lock(check_mutex_, std::try_to_lock);
      lock && std::chrono::steady_clock::now() >= next_check_) {
    next_check_ = std::chrono::steady_clock::now() + check_interval_;
    check();
  }
  const std::lock_guard lock(users_mutex_);
  return users_;
}

Result<HtpasswdFile::Version> HtpasswdFile::stat_version(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::unexpected(file_error(path, errno));
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::invalid, "the password file " + path + " is not a file", remedy(path));
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

Result<HtpasswdFile::Loaded> HtpasswdFile::load(const std::string& path) {
  BUNKER_TRY_ASSIGN(const Version before, stat_version(path));
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) return std::unexpected(file_error(path, errno));
  BUNKER_TRY_ASSIGN(const std::string text, read_whole(file.fd(), path, before.size));
  BUNKER_TRY_ASSIGN(const Version after, stat_version(path));
  if (after != before) {
    return fail(Code::conflict, "the password file " + path + " changed while it was read");
  }
  auto users = parse_htpasswd(text);
  if (!users) {
    return fail(users.error().code, "the password file " + path + ": " + users.error().message);
  }
  return Loaded{.version = before, .users = std::move(*users)};
}

// Whether nobody seems to be writing the file any more. Its time may come from another machine's
// clock: one in the future counts once it has stayed the same from one check to the next.
bool HtpasswdFile::settled(const Version& version) const {
  const auto age = std::chrono::system_clock::now().time_since_epoch() -
                   std::chrono::nanoseconds(std::max(version.modified_ns, version.changed_ns));
  return age >= kSettle || (age < age.zero() && pending_ == version);
}

void HtpasswdFile::check() {
  const auto version = stat_version(path_);
  if (!version) return keep_last(version.error());
  if (*version == version_) {
    pending_.reset();
    last_failure_.clear();
    return;
  }
  if (*version == broken_) return;
  if (!settled(*version)) {
    pending_ = *version;
    next_check_ = std::chrono::steady_clock::now() + std::min(check_interval_, kSettle);
    return;
  }
  auto loaded = load(path_);
  if (!loaded) {
    const Code code = loaded.error().code;
    if (code == Code::invalid || code == Code::too_large) broken_ = *version;
    return keep_last(loaded.error());
  }
  reloads_.add();
  adopt(std::move(*loaded));
  log_.info("password file reloaded", {{"path", path_}});
}

void HtpasswdFile::adopt(Loaded loaded) {
  version_ = loaded.version;
  pending_.reset();
  broken_.reset();
  last_failure_.clear();
  for (const std::string& warning : loaded.users.warnings) {
    log_.warn("password file entry left out", {{"path", path_}, {"why", warning}});
  }
  users_gauge_.set(static_cast<double>(loaded.users.hashes.size()));
  auto users = std::make_shared<const HtpasswdUsers>(std::move(loaded.users));
  const std::lock_guard lock(users_mutex_);
  users_.swap(users);
}

void HtpasswdFile::keep_last(const Error& error) {
  if (error.message == last_failure_) return;  // said already
  last_failure_ = error.message;
  failures_.add();
  log_.error("password file not reloaded, the last good one stays in use",
             {{"path", path_}, {"error", to_string(error)}});
}

}  // namespace bunker::auth
