#include "registryd/storage/filesystem/posix.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace bunker::storage {

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Sys<struct stat> stat_of(const Fd& file) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return std::unexpected(errno);
  return info;
}

Sys<void> write_at(const Fd& file, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Sys<void> sync_data(const Fd& file) {
  if (::fdatasync(file.get()) != 0) return std::unexpected(errno);
  return {};
}

Sys<void> sync_directory(const Fd& directory) {
  // Some network filesystems have no such call, and no need for it.
  if (::fsync(directory.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    return std::unexpected(errno);
  }
  return {};
}

SystemTime to_time(const timespec& time) {
  return SystemTime(std::chrono::duration_cast<SystemTime::duration>(
      std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
}

Error system_error(int error, std::string_view action, std::string_view what) {
  Error out(Code::internal, "cannot " + std::string(action) + ' ' + std::string(what));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      out.code = Code::retry_later;
      out.message += ": the disk or its quota is full";
      out.detail = "free some space, or enlarge the volume of storage.filesystem.rootdirectory";
      return out;
    case EROFS:
      out.code = Code::retry_later;
      out.message += ": its filesystem is read-only";
      out.detail = "look at the kernel's log; remount the filesystem when it is sound";
      return out;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ESTALE:
    case ETIMEDOUT:
      out.code = Code::retry_later;
      break;
    case EACCES:
    case EPERM:
      out.detail =
          "the user that registryd runs as needs to read and write all of "
          "storage.filesystem.rootdirectory";
      break;
    case EXDEV:
    case ELOOP:
      out.detail =
          "a symbolic link or a mount beneath storage.filesystem.rootdirectory leads "
          "elsewhere; mount the whole folder instead";
      break;
    case EISDIR:
    case ENOTDIR:
    case ENOTEMPTY:
    case EEXIST:
      out.code = Code::invalid;
      out.detail = "in a folder, a name cannot be an object and hold others at the same time";
      break;
    case ENAMETOOLONG:
      out.code = Code::invalid;
      break;
    case ENOENT:
      out.code = Code::not_found;
      break;
    default:
      break;
  }
  out.message += ": ";
  out.message += std::strerror(error);
  return out;
}

bool means_absent(int error) noexcept {
  return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG;
}

}  // namespace bunker::storage
