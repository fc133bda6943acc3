#include "lib/net/tls_files.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/sha256.h"
#include "lib/net/pem.h"

namespace bunker::net {
namespace {

constexpr int kAttempts = 5;
constexpr auto kBetweenAttempts = std::chrono::milliseconds(50);

Error unreadable_error(const std::string& path, int code) {
  const Code kind = code == ENOENT || code == ENOTDIR ? Code::not_found : Code::forbidden;
  return {kind, "cannot read " + path, std::strerror(code)};
}

struct OpenFile {
  explicit OpenFile(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  const int fd;
};

// The file's text; with `mode`, its permissions too.
Result<std::string> read_file(const std::string& path, mode_t* mode = nullptr) {
  const OpenFile file(path);
  if (file.fd < 0) return std::unexpected(unreadable_error(path, errno));
  struct stat status{};
  if (::fstat(file.fd, &status) != 0) return std::unexpected(unreadable_error(path, errno));
  if (!S_ISREG(status.st_mode)) return fail(Code::invalid, path + " is not a file");
  if (mode != nullptr) *mode = status.st_mode;
  std::string text;
  std::array<char, 16 * 1024> buffer;
  while (true) {
    const ssize_t got = ::read(file.fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(unreadable_error(path, errno));
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kPemLimit) return fail(Code::invalid, path + " is too large");
  }
}

Result<TlsMaterial> read_set(const TlsFiles& files) {
  TlsMaterial set;
  mode_t mode = 0;
  BUNKER_TRY_ASSIGN(set.certificate, read_file(files.certificate));
  BUNKER_TRY_ASSIGN(set.key, read_file(files.key, &mode));
  for (const std::string& path : files.client_authorities) {
    BUNKER_TRY_ASSIGN(const std::string text, read_file(path));
    // Each file must hold one, not only all of them together.
    BUNKER_TRY(parse_certificates(text, path));
    set.client_authorities += text + '\n';
  }
  if (!files.revocations.empty()) {
    BUNKER_TRY_ASSIGN(set.revocations, read_file(files.revocations));
  }
  if ((mode & S_IROTH) != 0) {
    set.warnings.push_back("everybody on this machine may read the key " + files.key +
                           "; give it the mode 0600, or 0400 in the volume's defaultMode");
  }
  return set;
}

std::string digest_of(const TlsMaterial& set) {
  return sha256_of_all({set.certificate, set.key, set.client_authorities, set.revocations});
}

// Reads until two readings in a row agree, so that a set is not mixed from an old and a new one.
// A file that is gone for a moment while it is replaced is waited for, too.
Result<TlsMaterial> read_settled(const TlsFiles& files) {
  Result<TlsMaterial> last = read_set(files);
  for (int attempt = 1; attempt < kAttempts; ++attempt) {
    Result<TlsMaterial> next = read_set(files);
    if (last && next && digest_of(*last) == digest_of(*next)) return next;
    last = std::move(next);
    std::this_thread::sleep_for(kBetweenAttempts);
  }
  if (!last) return last;
  return fail(Code::retry_later, "the files of TLS certificates change all the time",
              "replace them by renaming, or by swapping a symlink to their folder");
}

}  // namespace

Result<TlsMaterial> TlsFileSource::load() {
  BUNKER_TRY_ASSIGN(TlsMaterial set, read_settled(files_));
  last_ = digest_of(set);
  return set;
}

void TlsFileSource::watch(Offer offer, std::function<void(const Error&)> unreadable) {
  std::vector<std::string> paths = {files_.certificate, files_.key};
  paths.insert(paths.end(), files_.client_authorities.begin(), files_.client_authorities.end());
  if (!files_.revocations.empty()) paths.push_back(files_.revocations);
  running_ = std::make_unique<FileWatch>(
      std::move(paths), watch_options_,
      [this, offer = std::move(offer), unreadable = std::move(unreadable)] {
        look(offer, unreadable);
      });
}

void TlsFileSource::look(const Offer& offer, const std::function<void(const Error&)>& unreadable) {
  const Result<TlsMaterial> set = read_settled(files_);
  const std::string now = set ? digest_of(*set) : to_string(set.error());
  if (now == last_) return;
  last_ = now;
  // A set that cannot be used is offered again: it may have to wait for its date.
  if (!set) {
    unreadable(set.error());
  } else if (!offer(*set)) {
    last_.clear();
  }
}

}  // namespace bunker::net
