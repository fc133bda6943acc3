#include "certsidecar/files/posix.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <string.h>  // explicit_bzero
#include <sys/stat.h>
#include <unistd.h>

namespace bunker::certsidecar {

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::unexpected<Error> file_error(std::string_view what, std::string_view path) {
  const int number = errno;
  Code code = Code::internal;
  if (number == ENOENT || number == ENOTDIR) code = Code::not_found;
  if (number == EACCES || number == EPERM || number == EROFS) code = Code::forbidden;
  if (number == EEXIST) code = Code::already_exists;
  return fail(code, "cannot " + std::string(what) + ' ' + std::string(path) + ": " +
                        std::generic_category().message(number));
}

Result<pki::SecretText> read_at(int folder, const std::string& name, std::string_view path) {
  const Fd file(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return file_error("read", path);
  std::string bytes;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      pki::wipe(bytes);
      return file_error("read", path);
    }
    if (got == 0) break;
    if (bytes.size() + static_cast<std::size_t>(got) > kMaxFileBytes) {
      pki::wipe(bytes);
      return fail(Code::too_large, std::string(path) + " is larger than any list of certificates");
    }
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
  pki::SecretText out(bytes);
  pki::wipe(bytes);
  explicit_bzero(buffer.data(), buffer.size());
  return out;
}

Result<pki::SecretText> read_file(const std::string& path) {
  return read_at(AT_FDCWD, path, path);
}

Result<void> create_at(int folder, const std::string& name, std::string_view bytes, mode_t mode,
                       std::string_view path) {
  // Readable by nobody else until the mode that is wanted is set, whatever the umask.
  const Fd file(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return file_error("create", path);
  while (!bytes.empty()) {
    const ssize_t put = ::write(file.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return file_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fchmod(file.get(), mode) != 0) return file_error("set the mode of", path);
  if (::fsync(file.get()) != 0) return file_error("write", path);
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string temporary = path + ".tmp";
  (void)::unlink(temporary.c_str());  // what a crash left
  auto written = create_at(AT_FDCWD, temporary, bytes, mode, path);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = file_error("replace", path);
  }
  if (!written) (void)::unlink(temporary.c_str());
  return written;
}

Result<void> make_folders(const std::string& path, mode_t mode) {
  std::filesystem::path grown;
  for (const auto& part : std::filesystem::path(path)) {
    grown /= part;
    if (grown.empty() || grown == "/" || part.empty()) continue;
    if (::mkdir(grown.c_str(), mode) != 0 && errno != EEXIST) {
      return file_error("make the folder", grown.string());
    }
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    return fail(Code::invalid, path + " is not a folder");
  }
  return {};
}

}  // namespace bunker::certsidecar
