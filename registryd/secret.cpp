#include "registryd/secret.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/encoding.h"
#include "lib/base/random.h"

namespace bunker {
namespace {

constexpr std::size_t kSecretBytes = 32;

std::unexpected<Error> file_error(const std::string& what, const std::string& path) {
  return fail(Code::internal, "cannot " + what + " " + path + ": " + std::strerror(errno),
              "set http.secret, or let the registry write to its folder");
}

// nullopt-like: empty when there is no file yet.
Result<std::string> read_secret(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    if (errno == ENOENT) return std::string();
    return file_error("open", path);
  }
  char buffer[256];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  if (got < 0) return file_error("read", path);
  if (got < static_cast<ssize_t>(2 * kSecretBytes)) {
    return fail(Code::data_loss, path + " does not hold a secret",
                "remove the file: a new one is made at the next start");
  }
  return std::string(buffer, 2 * kSecretBytes);
}

}  // namespace

Result<std::string> kept_secret(const std::string& folder) {
  const std::string path = folder + "/http-secret";
  BUNKER_TRY_ASSIGN(std::string secret, read_secret(path));
  if (!secret.empty()) return secret;

  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return file_error("make", folder);
  const std::string fresh = hex_encode(random_bytes(kSecretBytes));
  const std::string temporary = path + "." + random_uuid();
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return file_error("create", temporary);
  const bool written =
      ::write(fd, fresh.data(), fresh.size()) == static_cast<ssize_t>(fresh.size()) &&
      ::fsync(fd) == 0;
  ::close(fd);
  // link, not rename: whoever comes first wins, and everybody reads the same.
  const bool linked = written && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int failure = errno;
  ::unlink(temporary.c_str());
  if (!linked) {
    errno = failure;
    return file_error("write", path);
  }
  return read_secret(path);
}

}  // namespace bunker
