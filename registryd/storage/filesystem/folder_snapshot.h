// The names in one folder, sorted as the keys sort that they stand for, and when they were read.
// A snapshot may be kept and believed for as long as the folder's stamp does not change.
//
// Thread-safe: immutable but for what verify() adds.
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
  // Reads the folder `path`; nullptr when there is none. May wait for the disk.
  [[nodiscard]] static Sys<std::shared_ptr<FolderSnapshot>> read(const Tree& tree,
                                                                 const std::string& path);

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  // The entry's name; a folder's ends with '/'.
  [[nodiscard]] std::string_view name(std::size_t index) const noexcept;
  [[nodiscard]] bool is_folder(std::size_t index) const noexcept;
  // The first entry whose name is not less (with `after`: is greater) than `name`.
  [[nodiscard]] std::size_t lower_bound(std::string_view name, bool after) const noexcept;

  // Whether a folder was seen to hold an object, at any depth. It stays so while this snapshot is
  // believed: who removes the last object below removes the folder with it.
  [[nodiscard]] bool is_verified(std::size_t index) const noexcept {
    return verified_[index].load(std::memory_order_relaxed);
  }
  void verify(std::size_t index) noexcept {
    verified_[index].store(true, std::memory_order_relaxed);
  }

  [[nodiscard]] const FolderStamp& stamp() const noexcept { return stamp_; }
  // Whether no change can hide behind the same stamp: the folder had been left alone for a while
  // when it was read.
  [[nodiscard]] bool is_settled() const noexcept { return settled_; }
  [[nodiscard]] SteadyTime read_at() const noexcept { return read_at_; }
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  explicit FolderSnapshot(const struct stat& info) : stamp_(info) {}
  void fill(std::vector<std::string> names);

  FolderStamp stamp_;
  bool settled_ = false;
  SteadyTime read_at_;
  std::string names_;                // one behind another
  std::vector<std::uint32_t> ends_;  // where each one ends in names_
  std::vector<std::atomic<bool>> verified_;
};

// Whether an object lies anywhere below the folder `path`. May wait for the disk.
[[nodiscard]] Sys<bool> holds_object(const Tree& tree, const std::string& path);

}  // namespace bunker::storage
