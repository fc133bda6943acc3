#include "registryd/storage/filesystem/folder_snapshot.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>

namespace bunker::storage {
namespace {

// Longer than the tick of any filesystem's clock, so that a change after the reading is bound to
// show in the stamp.
constexpr std::chrono::milliseconds kSettleTime{50};

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

enum class Kind { object, folder, other };

Kind kind_of(const struct stat& info) {
  if (S_ISREG(info.st_mode)) return Kind::object;
  return S_ISDIR(info.st_mode) ? Kind::folder : Kind::other;
}

Kind kind_of(const Tree& tree, const std::string& folder, const dirent64& entry) {
  if (entry.d_type == DT_REG) return Kind::object;
  if (entry.d_type == DT_DIR) return Kind::folder;
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return Kind::other;
  const std::string path = folder.empty() ? entry.d_name : folder + '/' + entry.d_name;
  const auto info = tree.stat(path, Tree::Lookup::full);
  return info ? kind_of(*info) : Kind::other;
}

// Calls visit(name, kind) for what is in an open folder, until it returns false.
template <class Visit>
Sys<void> for_each_entry(const Tree& tree, const Fd& opened, const std::string& folder,
                         Visit visit) {
  alignas(dirent64) std::array<char, 16 * 1024> buffer;
  while (true) {
    const ssize_t got = ::getdents64(opened.get(), buffer.data(), buffer.size());
    if (got < 0 && errno != ENOENT) return std::unexpected(errno);
    if (got <= 0) return {};  // ENOENT: the folder was removed after it was opened
    for (ssize_t at = 0; at < got;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name = entry->d_name;
      if (name == "." || name == ".." || (folder.empty() && is_hidden_in_root(name))) continue;
      const Kind kind = kind_of(tree, folder, *entry);
      if (kind != Kind::other && !visit(name, kind)) return {};
    }
  }
}

}  // namespace

FolderStamp::FolderStamp(const struct stat& info)
    : device(info.st_dev),
      inode(info.st_ino),
      modified_ns(nanoseconds(info.st_mtim)),
      changed_ns(nanoseconds(info.st_ctim)) {}

Sys<std::shared_ptr<FolderSnapshot>> FolderSnapshot::read(const Tree& tree,
                                                          const std::string& path) {
  const auto now = std::chrono::system_clock::now();
  const auto folder = tree.open_path(path, O_RDONLY | O_DIRECTORY, Tree::Lookup::full);
  if (!folder) {
    if (means_absent(folder.error())) return nullptr;
    return std::unexpected(folder.error());
  }
  const auto before = stat_of(*folder);
  if (!before) return std::unexpected(before.error());
  std::shared_ptr<FolderSnapshot> snapshot(new FolderSnapshot(*before));
  snapshot->read_at_ = std::chrono::steady_clock::now();

  std::vector<std::string> names;
  const auto done = for_each_entry(tree, *folder, path, [&](std::string_view name, Kind kind) {
    names.emplace_back(name);
    if (kind == Kind::folder) names.back() += '/';
    return true;
  });
  if (!done) return std::unexpected(done.error());
  const auto after = stat_of(*folder);
  if (!after) return std::unexpected(after.error());

  const auto touched = std::max(to_time(before->st_mtim), to_time(before->st_ctim));
  snapshot->settled_ = touched + kSettleTime < now && FolderStamp(*after) == snapshot->stamp_;
  snapshot->fill(std::move(names));
  return snapshot;
}

void FolderSnapshot::fill(std::vector<std::string> names) {
  std::ranges::sort(names);
  ends_.reserve(names.size());
  for (const std::string& name : names) {
    names_ += name;
    ends_.push_back(static_cast<std::uint32_t>(names_.size()));
  }
  names_.shrink_to_fit();
  verified_ = std::vector<std::atomic<bool>>(names.size());
}

std::string_view FolderSnapshot::name(std::size_t index) const noexcept {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(names_).substr(begin, ends_[index] - begin);
}

bool FolderSnapshot::is_folder(std::size_t index) const noexcept {
  return names_[ends_[index] - 1] == '/';
}

std::size_t FolderSnapshot::lower_bound(std::string_view wanted, bool after) const noexcept {
  std::size_t low = 0;
  std::size_t high = size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const auto order = name(middle) <=> wanted;
    const bool before = after ? order <= 0 : order < 0;
    if (before) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::size_t FolderSnapshot::memory() const noexcept {
  return sizeof *this + names_.capacity() + size() * (sizeof ends_[0] + sizeof verified_[0]);
}

Sys<bool> holds_object(const Tree& tree, const std::string& path) {
  std::vector<std::string> folders = {path};
  while (!folders.empty()) {
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    const auto opened = tree.open_path(folder, O_RDONLY | O_DIRECTORY, Tree::Lookup::full);
    if (!opened) {
      if (means_absent(opened.error())) continue;
      return std::unexpected(opened.error());
    }
    bool found = false;
    const auto done = for_each_entry(tree, *opened, folder, [&](std::string_view name, Kind kind) {
      found = kind == Kind::object;
      if (!found)
        folders.push_back(folder.empty() ? std::string(name) : folder + '/' + std::string(name));
      return !found;
    });
    if (!done) return std::unexpected(done.error());
    if (found) return true;
  }
  return false;
}

}  // namespace bunker::storage
