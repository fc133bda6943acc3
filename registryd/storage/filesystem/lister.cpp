#include "registryd/storage/filesystem/lister.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace bunker::storage {
namespace {

constexpr std::size_t kMaxKeyBytes = 1024;
// How long a folder counts as holding an object without another look. Bunker and distribution
// remove the folder with its last object, which shows at once; a person with a shell may not.
constexpr std::chrono::seconds kMaxAge{60};

// "a/b" of the prefix "a/b/c": the folder that all keys with the prefix lie in.
std::string folder_of_prefix(const std::string& prefix) {
  const std::size_t slash = prefix.rfind('/');
  return slash == std::string::npos ? std::string() : prefix.substr(0, slash);
}

// Whether the folder part of a prefix can be part of keys at all; else nothing lies there.
bool is_sound_prefix(std::string_view prefix) {
  if (prefix.size() > kMaxKeyBytes || prefix.contains('\0')) return false;
  for (std::size_t start = 0;;) {
    const std::size_t end = prefix.find('/', start);
    if (end == std::string_view::npos) return true;
    const std::string_view segment = prefix.substr(start, end - start);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (start == 0 && is_hidden_in_root(segment)) return false;
    start = end + 1;
  }
}

// Whether `snapshot` shows what is in the folder now.
bool is_current(const FolderSnapshot& snapshot, const struct stat& info) {
  return snapshot.is_settled() && snapshot.stamp() == FolderStamp(info);
}

std::string key_prefix_of(const std::string& folder) {
  return folder.empty() ? folder : folder + '/';
}

// The first entry of the folder that is, or may hold, a key with `prefix` and > start_after.
std::size_t first_index(const FolderSnapshot& snapshot, std::string_view folder_prefix,
                        std::string_view prefix, std::string_view start_after, bool delimited) {
  std::size_t index = 0;
  if (prefix.starts_with(folder_prefix)) {
    index = snapshot.lower_bound(prefix.substr(folder_prefix.size()), false);
  }
  if (start_after.starts_with(folder_prefix)) {
    const std::string_view rest = start_after.substr(folder_prefix.size());
    std::size_t after = snapshot.lower_bound(rest, true);
    // The folder in which start_after itself lies may hold more.
    if (!delimited && after > 0 && snapshot.is_folder(after - 1) &&
        rest.starts_with(snapshot.name(after - 1))) {
      --after;
    }
    index = std::max(index, after);
  } else if (start_after > folder_prefix) {
    return snapshot.size();
  }
  return index;
}

}  // namespace

std::shared_ptr<FolderSnapshot> SnapshotCache::find(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  const auto found = by_folder_.find(folder);
  if (found == by_folder_.end()) return nullptr;
  const auto kept = found->second;
  if (std::chrono::steady_clock::now() - kept->snapshot->proven_since() > kMaxAge) {
    drop(kept);
    return nullptr;
  }
  kept_.splice(kept_.begin(), kept_, kept);
  return kept->snapshot;
}

void SnapshotCache::keep(const std::string& folder, std::shared_ptr<FolderSnapshot> snapshot) {
  const std::size_t bytes = snapshot->memory() + folder.size();
  if (bytes > max_bytes_) return;
  const std::lock_guard lock(mutex_);
  if (const auto found = by_folder_.find(folder); found != by_folder_.end()) drop(found->second);
  while (bytes_ + bytes > max_bytes_) drop(std::prev(kept_.end()));
  kept_.push_front({folder, std::move(snapshot)});
  by_folder_.emplace(kept_.front().folder, kept_.begin());
  bytes_ += bytes;
}

void SnapshotCache::drop(std::list<Kept>::iterator kept) {
  bytes_ -= kept->snapshot->memory() + kept->folder.size();
  by_folder_.erase(kept->folder);
  kept_.erase(kept);
}

// One listing on its way through the tree.
struct Lister::Walk {
  const std::string& prefix;
  const ListOptions& options;
  ListPage page;

  // Whether the page is full and one more is known to follow.
  bool add(std::string key, ObjectInfo info) {
    if (page.entries.size() == options.limit) {
      page.truncated = true;
      return true;
    }
    page.entries.push_back({std::move(key), info});
    return false;
  }
};

std::optional<ListPage> Lister::list_from_memory(const std::string& prefix,
                                                 const ListOptions& options) {
  if (!options.delimited || options.limit == 0 || !is_sound_prefix(prefix)) return std::nullopt;
  const std::string folder = folder_of_prefix(prefix);
  const auto info = tree_.peek(folder);
  if (!info) return std::nullopt;
  const auto snapshot = cache_.find(folder);
  if (!snapshot || !is_current(*snapshot, *info)) return std::nullopt;

  Walk walk{prefix, options, {}};
  const std::string folder_prefix = key_prefix_of(folder);
  std::size_t index = first_index(*snapshot, folder_prefix, prefix, options.start_after, true);
  for (; index < snapshot->size(); ++index) {
    std::string key = folder_prefix;
    key += snapshot->name(index);
    if (!key.starts_with(prefix)) break;
    if (!snapshot->is_proven(index)) return std::nullopt;
    if (walk.add(std::move(key), {})) break;
  }
  return std::move(walk.page);
}

Sys<ListPage> Lister::list(const std::string& prefix, const ListOptions& options) {
  Walk state{prefix, options, {}};
  if (options.limit == 0 || !is_sound_prefix(prefix)) return std::move(state.page);
  if (auto done = walk(state, folder_of_prefix(prefix)); !done) {
    return std::unexpected(done.error());
  }
  return std::move(state.page);
}

Sys<std::shared_ptr<FolderSnapshot>> Lister::load(const std::string& folder, bool keep) {
  auto kept = cache_.find(folder);
  if (kept) {
    const auto info = tree_.stat(folder, Tree::Lookup::full);
    if (info && is_current(*kept, *info)) return kept;
  }
  auto snapshot = FolderSnapshot::read(tree_, folder, kept.get());
  // One that has not settled is of use too: for what it knows of the folders in it. What a flat
  // listing passes through is too much to keep.
  if (snapshot && *snapshot && keep) cache_.keep(folder, *snapshot);
  return snapshot;
}

Sys<void> Lister::walk(Walk& walk, const std::string& folder) {
  const auto loaded = load(folder, walk.options.delimited);
  if (!loaded) return std::unexpected(loaded.error());
  if (!*loaded) return {};
  FolderSnapshot& snapshot = **loaded;
  const std::string folder_prefix = key_prefix_of(folder);
  const ListOptions& options = walk.options;
  std::size_t index =
      first_index(snapshot, folder_prefix, walk.prefix, options.start_after, options.delimited);
  for (; index < snapshot.size() && !walk.page.truncated; ++index) {
    std::string key = folder_prefix;
    key += snapshot.name(index);
    if (!key.starts_with(walk.prefix)) break;
    if (key.size() > kMaxKeyBytes) continue;  // no key of ours: nobody could ask for it
    const auto going_on = visit(walk, snapshot, index, std::move(key));
    if (!going_on) return std::unexpected(going_on.error());
    if (!*going_on) break;
  }
  return {};
}

// False when the page is complete.
Sys<bool> Lister::visit(Walk& walk, FolderSnapshot& snapshot, std::size_t index, std::string key) {
  if (!snapshot.is_folder(index)) {
    const auto info = tree_.stat(key, Tree::Lookup::full);
    if (!info) {
      if (means_absent(info.error())) return true;  // removed since
      return std::unexpected(info.error());
    }
    const ObjectInfo object{static_cast<std::uint64_t>(info->st_size), to_time(info->st_mtim)};
    return !walk.add(std::move(key), object);
  }
  const std::string folder = key.substr(0, key.size() - 1);
  if (!walk.options.delimited) {
    if (auto done = this->walk(walk, folder); !done) return std::unexpected(done.error());
    return !walk.page.truncated;
  }
  if (!snapshot.is_proven(index)) {
    const auto holds = snapshot.prove(tree_, index, folder);
    if (!holds) return std::unexpected(holds.error());
    if (!*holds) return true;
  }
  return !walk.add(std::move(key), {});
}

}  // namespace bunker::storage
