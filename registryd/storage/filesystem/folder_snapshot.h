// The names in one folder, sorted as the keys sort that they stand for, and which of the folders
// among them are known to hold an object at some depth. Other folders are no keys of ours: they
// are empty, or about to be filled or removed.
//
// A snapshot may be kept and believed for as long as the folder's stamp does not change.
// Thread-safe: immutable but for the proofs that are added.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "registryd/storage/filesystem/posix.h"
#include "registryd/storage/filesystem/tree.h"

namespace bunker::storage {

// Changes with every entry that comes or goes.
struct FolderStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  explicit FolderStamp(const struct stat& info);
  friend bool operator==(const FolderStamp&, const FolderStamp&) = default;
};

class FolderSnapshot {
 public:
  // Reads the folder `path`; nullptr when there is none. What `previous`, an older snapshot of the
  // same folder or nullptr, knows of the folders in it is taken over as a claim, to be confirmed
  // by confirm(). May wait for the disk.
  [[nodiscard]] static Sys<std::shared_ptr<FolderSnapshot>> read(const Tree& tree,
                                                                 const std::string& path,
                                                                 const FolderSnapshot* previous);

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  // The entry's name; a folder's ends with '/'.
  [[nodiscard]] std::string_view name(std::size_t index) const noexcept;
  [[nodiscard]] bool is_folder(std::size_t index) const noexcept;
  // The first entry whose name is not less (with `after`: is greater) than `name`.
  [[nodiscard]] std::size_t lower_bound(std::string_view name, bool after) const noexcept;

  // Whether a folder is known to hold an object. It does for as long as this snapshot is believed:
  // who removes the last object below a folder removes the folder too.
  [[nodiscard]] bool is_proven(std::size_t index) const noexcept {
    return proofs_[index].load(std::memory_order_relaxed) != kUnproven;
  }
  // Looks whether it holds one, and remembers it when it does. May wait for the disk.
  [[nodiscard]] Sys<bool> prove(const Tree& tree, std::size_t index, const std::string& path);

  [[nodiscard]] const FolderStamp& stamp() const noexcept { return stamp_; }
  // Whether no change can hide behind the same stamp: the folder had been left alone for a while
  // when it was read.
  [[nodiscard]] bool is_settled() const noexcept { return settled_; }
  // When the oldest proof was found.
  [[nodiscard]] SteadyTime proven_since() const noexcept { return proven_since_; }
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  static constexpr std::int64_t kUnproven = 0;
  struct Entry {
    std::uint32_t end;  // of its name in names_
    std::uint64_t inode;
    std::int64_t claim;  // what proofs_ was in an older snapshot
  };
  struct Found {
    std::string name;
    std::uint64_t inode;
  };

  explicit FolderSnapshot(const struct stat& info) : stamp_(info) {}
  void fill(std::vector<Found> found);
  void take_claims(const FolderSnapshot& previous);

  FolderStamp stamp_;
  bool settled_ = false;
  SteadyTime proven_since_;
  std::string names_;  // one behind another
  std::vector<Entry> entries_;
  // When the folder was changed last, as its stamp says, at the time that it held an object.
  std::vector<std::atomic<std::int64_t>> proofs_;
};

}  // namespace bunker::storage
