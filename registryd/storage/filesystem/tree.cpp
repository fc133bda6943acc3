#include "registryd/storage/filesystem/tree.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/encoding.h"
#include "lib/base/random.h"

namespace bunker::storage {
namespace {

constexpr std::string_view kTemporary = ".bunker-tmp";
constexpr std::chrono::hours kLitterAge{1};
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;
// A folder can be pruned between its making and its use, by us or another process: each such loss
// means that somebody else got on, so this many in a row do not happen.
constexpr int kAttempts = 1000;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

const char* leaf_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return path.c_str() + (slash == std::string::npos ? 0 : slash + 1);
}

}  // namespace

bool is_hidden_in_root(std::string_view name) noexcept {
  return name == kTemporary || name == "lost+found";
}

Result<Tree> Tree::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  Fd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) {
    return fail(system_error(error ? error.value() : errno, "open the storage folder", path));
  }
  Tree tree(std::move(root));
  tree.sweep();
  return tree;
}

Sys<Fd> Tree::open_path(const std::string& path, int flags, Lookup lookup) const {
  const char* const name = path.empty() ? "." : path.c_str();
  open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (lookup == Lookup::cached) how.resolve |= RESOLVE_CACHED;
  for (int attempt = 0;; ++attempt) {
    long fd = ::syscall(SYS_openat2, root_.get(), name, &how, sizeof how);
    // Kernels before 5.6 and some sandboxes lack openat2. Keys hold no "..", so that without it
    // only links which somebody put into the folder lead out of it.
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
      fd = ::openat(root_.get(), name, flags | O_CLOEXEC);
    }
    if (fd >= 0) return Fd(static_cast<int>(fd));
    // A rename elsewhere in the tree can make the kernel unsure about "..".
    const bool again =
        errno == EINTR || (errno == EAGAIN && lookup == Lookup::full && attempt < kAttempts);
    if (!again) return std::unexpected(errno);
  }
}

Sys<Tree::OpenFile> Tree::open_file(const std::string& path, int flags, Lookup lookup) const {
  // O_NONBLOCK: never wait for the other end of a FIFO that somebody put there.
  auto file = open_path(path, flags | O_NONBLOCK | O_NOCTTY, lookup);
  if (!file) {
    // A folder opened for writing, a socket, a device without a driver.
    const int error = file.error();
    const bool no_file = error == EISDIR || error == ENXIO || error == ENODEV;
    return std::unexpected(no_file ? ENOENT : error);
  }
  const auto info = stat_of(*file);
  if (!info) return std::unexpected(info.error());
  if (!S_ISREG(info->st_mode)) return std::unexpected(ENOENT);
  return OpenFile{*std::move(file), *info};
}

Sys<struct stat> Tree::stat(const std::string& path, Lookup lookup) const {
  const auto file = open_path(path, O_PATH, lookup);
  if (!file) return std::unexpected(file.error());
  return stat_of(*file);
}

Sys<struct stat> Tree::peek(const std::string& path) const {
  struct stat info{};
  const char* const name = path.empty() ? "." : path.c_str();
  if (::fstatat(root_.get(), name, &info, 0) != 0) return std::unexpected(errno);
  return info;
}

Sys<Fd> Tree::open_parent(const std::string& path) const {
  return open_path(folder_of(path), O_RDONLY | O_DIRECTORY, Lookup::full);
}

// Opens the folder of `path`, making what is missing. Adds every folder that got a new entry to
// `changed`. ENOENT when another one pruned it meanwhile: try again.
Sys<Fd> Tree::make_parent(const std::string& path, std::vector<Fd>& changed) const {
  std::vector<std::string> missing;
  std::string folder = folder_of(path);
  Sys<Fd> parent = open_path(folder, O_RDONLY | O_DIRECTORY, Lookup::full);
  while (!parent && parent.error() == ENOENT && !folder.empty()) {
    missing.push_back(folder);
    folder = folder_of(folder);
    parent = open_path(folder, O_RDONLY | O_DIRECTORY, Lookup::full);
  }
  while (parent && !missing.empty()) {
    const std::string next = std::move(missing.back());
    missing.pop_back();
    if (::mkdirat(parent->get(), leaf_of(next), kFolderMode) != 0 && errno != EEXIST) {
      return std::unexpected(errno);
    }
    changed.push_back(*std::move(parent));
    parent = open_path(next, O_RDONLY | O_DIRECTORY, Lookup::full);
  }
  return parent;
}

Sys<Fd> Tree::create(const std::string& path) const {
  std::vector<Fd> changed;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto parent = make_parent(path, changed);
    if (!parent) {
      if (parent.error() == ENOENT) continue;
      return std::unexpected(parent.error());
    }
    Fd file(::openat(parent->get(), leaf_of(path),
                     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (file.is_open()) return file;
    if (errno != ENOENT) return std::unexpected(errno);
  }
  return std::unexpected(ENOENT);
}

Sys<Fd> Tree::create_temporary(std::string& path) const {
  path = std::string(kTemporary) + '/' + hex_encode(random_bytes(16));
  return create(path);
}

Sys<void> Tree::write_file(const std::string& path, std::span<const std::byte> bytes) const {
  std::string temporary;
  const auto file = create_temporary(temporary);
  if (!file) return std::unexpected(file.error());
  auto done = write_at(*file, bytes, 0);
  if (done) done = sync_data(*file);
  if (done) done = publish(temporary, path);
  if (!done) ::unlinkat(root_.get(), temporary.c_str(), 0);
  return done;
}

Sys<void> Tree::publish(const std::string& from, const std::string& to) const {
  const auto source = open_parent(from);
  if (!source) return std::unexpected(source.error());
  std::vector<Fd> changed;
  Sys<Fd> target;
  for (int attempt = 0;; ++attempt) {
    target = make_parent(to, changed);
    if (target && ::renameat(source->get(), leaf_of(from), target->get(), leaf_of(to)) == 0) break;
    const int error = target ? errno : target.error();
    struct stat info{};
    const bool pruned = error == ENOENT && attempt < kAttempts &&
                        ::fstatat(source->get(), leaf_of(from), &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (!pruned) return std::unexpected(error);
  }
  // Deepest first: a journal commits all of it at once, and the others find nothing left to do.
  // A folder that another call made and has not synced yet is in the same journal before us.
  if (auto synced = sync_directory(*target); !synced) return synced;
  for (auto folder = changed.rbegin(); folder != changed.rend(); ++folder) {
    if (auto synced = sync_directory(*folder); !synced) return synced;
  }
  return {};
}

Sys<void> Tree::rename_beside(const std::string& from, const std::string& to) const {
  const auto folder = open_parent(from);
  if (!folder) return std::unexpected(folder.error());
  if (::renameat(folder->get(), leaf_of(from), folder->get(), leaf_of(to)) != 0) {
    return std::unexpected(errno);
  }
  return {};
}

// Returns the lowest folder that is left, "" for the root.
Sys<std::string> Tree::remove_one(const std::string& path) const {
  const auto parent = open_parent(path);
  if (!parent) {
    if (means_absent(parent.error())) return std::string();
    return std::unexpected(parent.error());
  }
  if (::unlinkat(parent->get(), leaf_of(path), 0) != 0 && errno != EISDIR && !means_absent(errno)) {
    return std::unexpected(errno);
  }
  return prune_above(path);
}

Sys<std::set<std::string>> Tree::remove(std::span<const std::string> paths) const {
  std::set<std::string> changed;
  for (const std::string& path : paths) {
    auto left = remove_one(path);
    if (!left) return std::unexpected(left.error());
    changed.insert(*std::move(left));
  }
  return changed;
}

Sys<void> Tree::sync_folders(const std::set<std::string>& folders) const {
  for (const std::string& folder : folders) {
    const auto opened = open_path(folder, O_RDONLY | O_DIRECTORY, Lookup::full);
    if (!opened) continue;  // pruned since, and then one above it is in the set
    if (auto synced = sync_directory(*opened); !synced) return synced;
  }
  return {};
}

Sys<void> Tree::discard(const std::string& path) const {
  const auto left = remove_one(path);
  if (!left) return std::unexpected(left.error());
  return {};
}

std::string Tree::prune_above(const std::string& path) const {
  std::string folder = folder_of(path);
  for (; !folder.empty(); folder = folder_of(folder)) {
    const auto above = open_parent(folder);
    if (above && ::unlinkat(above->get(), leaf_of(folder), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      break;
    }
  }
  return folder;
}

// Other processes may be writing here: only what is too old to be theirs goes.
void Tree::sweep() const {
  auto opened = open_path(std::string(kTemporary), O_RDONLY | O_DIRECTORY, Lookup::full);
  if (!opened) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(opened->release()), &::closedir);
  if (!folder) return;
  const SystemTime oldest = std::chrono::system_clock::now() - kLitterAge;
  while (const dirent* const entry = ::readdir(folder.get())) {
    struct stat info{};
    const int fd = ::dirfd(folder.get());
    if (::fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
        to_time(info.st_mtim) < oldest) {
      ::unlinkat(fd, entry->d_name, 0);
    }
  }
}

}  // namespace bunker::storage
