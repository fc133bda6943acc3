// The folder that holds the objects: every path is resolved beneath it, whatever symbolic links or
// names say. A key is the path of its file. Durable changes and their order live here; what an
// upload or a listing is does not.
//
// Thread-safe, also beside other processes on the same folder. Owner: the store.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registryd/storage/filesystem/posix.h"

namespace bunker::storage {

// Names in the root folder that are no objects: our temporary files, and what mkfs makes.
[[nodiscard]] bool is_hidden_in_root(std::string_view name) noexcept;

class Tree {
 public:
  // Whether a look-up may wait for the disk. `cached`: EAGAIN where it would have to.
  enum class Lookup { cached, full };

  // Opens the folder `path`, making it where it is missing, and removes temporary files that a
  // crash left there over an hour ago.
  [[nodiscard]] static Result<Tree> open(const std::string& path);

  // --- Reading ----------------------------------------------------------------------------------

  // Opens what `path` names; "" is the root. `flags` as open(2)'s, without O_CREAT.
  [[nodiscard]] Sys<Fd> open_path(const std::string& path, int flags, Lookup lookup) const;
  // Opens the regular file of an object; ENOENT for anything else.
  struct OpenFile {
    Fd file;
    struct stat info;
  };
  [[nodiscard]] Sys<OpenFile> open_file(const std::string& path, int flags, Lookup lookup) const;
  // What `path` is. Follows symbolic links that stay beneath the root.
  [[nodiscard]] Sys<struct stat> stat(const std::string& path, Lookup lookup) const;
  // The same in one system call, that may look at a link's target outside: only to compare it
  // with what an earlier look-up beneath the root found.
  [[nodiscard]] Sys<struct stat> peek(const std::string& path) const;

  // --- Changing (all of it may wait for the disk)
  // -------------------------------------------------

  // Creates a new file for reading and writing, and the folders that lead to it.
  [[nodiscard]] Sys<Fd> create(const std::string& path) const;
  // Writes the whole file `path` through a temporary one: after a crash there is the old or the
  // new one.
  [[nodiscard]] Sys<void> write_file(const std::string& path,
                                     std::span<const std::byte> bytes) const;
  // Moves a file whose data is durable to `to`, replacing what is there; durable when it returns.
  // ENOENT when `from` is gone.
  [[nodiscard]] Sys<void> publish(const std::string& from, const std::string& to) const;
  // Renames a file within its folder. Not made durable.
  [[nodiscard]] Sys<void> rename_beside(const std::string& from, const std::string& to) const;
  // Removes files, and the folders that become empty by it. Files that are not there, and folders,
  // are passed over. Returns the folders that lost something, for sync_folders().
  [[nodiscard]] Sys<std::set<std::string>> remove(std::span<const std::string> paths) const;
  // Makes removals durable.
  [[nodiscard]] Sys<void> sync_folders(const std::set<std::string>& folders) const;
  // Removes one file as remove() does.
  [[nodiscard]] Sys<void> discard(const std::string& path) const;
  // Removes `path`'s folder, and those above it, as long as they are empty. Returns the lowest one
  // that is left, "" for the root.
  std::string prune_above(const std::string& path) const;

 private:
  explicit Tree(Fd root) : root_(std::move(root)) {}
  [[nodiscard]] Sys<Fd> open_parent(const std::string& path) const;
  [[nodiscard]] Sys<Fd> make_parent(const std::string& path, std::vector<Fd>& changed) const;
  [[nodiscard]] Sys<Fd> create_temporary(std::string& path) const;
  [[nodiscard]] Sys<std::string> remove_one(const std::string& path) const;
  void sweep() const;

  Fd root_;
};

}  // namespace bunker::storage
