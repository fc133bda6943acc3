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

// Calls visit(entry, kind) for what is in an open folder, until it returns false.
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
      if (kind != Kind::other && !visit(*entry, kind)) return {};
    }
  }
}

// Whether an object lies anywhere below the folder `path`.
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
    const auto done = for_each_entry(tree, *opened, folder, [&](const dirent64& entry, Kind kind) {
      found = kind == Kind::object;
      if (!found) folders.push_back(folder + '/' + entry.d_name);
      return !found;
    });
    if (!done) return std::unexpected(done.error());
    if (found) return true;
  }
  return false;
}

}  // namespace

FolderStamp::FolderStamp(const struct stat& info)
    : device(info.st_dev),
      inode(info.st_ino),
      modified_ns(nanoseconds(info.st_mtim)),
      changed_ns(nanoseconds(info.st_ctim)) {}

Sys<std::shared_ptr<FolderSnapshot>> FolderSnapshot::read(const Tree& tree, const std::string& path,
                                                          const FolderSnapshot* previous) {
  const auto now = std::chrono::system_clock::now();
  const auto folder = tree.open_path(path, O_RDONLY | O_DIRECTORY, Tree::Lookup::full);
  if (!folder) {
    if (means_absent(folder.error())) return nullptr;
    return std::unexpected(folder.error());
  }
  const auto before = stat_of(*folder);
  if (!before) return std::unexpected(before.error());
  std::shared_ptr<FolderSnapshot> snapshot(new FolderSnapshot(*before));
  snapshot->proven_since_ = std::chrono::steady_clock::now();

  std::vector<Found> found;
  const auto done = for_each_entry(tree, *folder, path, [&](const dirent64& entry, Kind kind) {
    found.push_back({entry.d_name, entry.d_ino});
    if (kind == Kind::folder) found.back().name += '/';
    return true;
  });
  if (!done) return std::unexpected(done.error());
  const auto after = stat_of(*folder);
  if (!after) return std::unexpected(after.error());

  const auto touched = std::max(to_time(before->st_mtim), to_time(before->st_ctim));
  snapshot->settled_ = touched + kSettleTime < now && FolderStamp(*after) == snapshot->stamp_;
  snapshot->fill(std::move(found));
  if (previous != nullptr) snapshot->take_claims(*previous);
  return snapshot;
}

void FolderSnapshot::fill(std::vector<Found> found) {
  std::ranges::sort(found, {}, &Found::name);
  entries_.reserve(found.size());
  for (const Found& entry : found) {
    names_ += entry.name;
    entries_.push_back({static_cast<std::uint32_t>(names_.size()), entry.inode, kUnproven});
  }
  names_.shrink_to_fit();
  proofs_ = std::vector<std::atomic<std::int64_t>>(found.size());
}

void FolderSnapshot::take_claims(const FolderSnapshot& previous) {
  std::size_t old = 0;
  for (std::size_t index = 0; index < size(); ++index) {
    while (old < previous.size() && previous.name(old) < name(index)) ++old;
    if (old == previous.size()) break;
    const Entry& known = previous.entries_[old];
    if (previous.name(old) != name(index) || known.inode != entries_[index].inode) continue;
    const std::int64_t proof = previous.proofs_[old].load(std::memory_order_relaxed);
    entries_[index].claim = proof != kUnproven ? proof : known.claim;
  }
  proven_since_ = previous.proven_since_;
}

Sys<bool> FolderSnapshot::prove(const Tree& tree, std::size_t index, const std::string& path) {
  const auto info = tree.peek(path);
  if (!info && means_absent(info.error())) return false;
  if (!info) return std::unexpected(info.error());
  const FolderStamp now(*info);
  const Entry& entry = entries_[index];
  // An unchanged folder holds what it held; one that was removed and made again is changed.
  if (entry.claim == kUnproven || entry.claim != now.changed_ns || entry.inode != now.inode) {
    const auto holds = holds_object(tree, path);
    if (!holds || !*holds) return holds;
  }
  proofs_[index].store(now.changed_ns, std::memory_order_relaxed);
  return true;
}

std::string_view FolderSnapshot::name(std::size_t index) const noexcept {
  const std::size_t begin = index == 0 ? 0 : entries_[index - 1].end;
  return std::string_view(names_).substr(begin, entries_[index].end - begin);
}

bool FolderSnapshot::is_folder(std::size_t index) const noexcept {
  return names_[entries_[index].end - 1] == '/';
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
  return sizeof *this + names_.capacity() + size() * (sizeof(Entry) + sizeof proofs_[0]);
}

}  // namespace bunker::storage
