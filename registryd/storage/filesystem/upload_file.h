// The file of one unfinished upload: who may write to it, and which name it bears when.
//
// The file of the state that token T stands for is "<scratch>.T". Its writer holds a lock on it,
// which the kernel drops when the process dies, and gives it the name of the next token when it
// lets go: so at any time one token opens it, one writer at a time, and the offset in that token
// says where the covered bytes end and the writer's begin. What a writer left behind that offset
// is cut off by the next one.
//
// Every call may wait for the disk. One caller at a time. Owner: the UploadWriter.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "registryd/storage/filesystem/tree.h"
#include "registryd/storage/object_key.h"

namespace bunker::storage {

class UploadFile {
 public:
  [[nodiscard]] static Result<UploadFile> create(const Tree& tree, const std::string& scratch);
  // not_found when no such state exists, conflict when another writer holds it.
  [[nodiscard]] static Result<UploadFile> open(const Tree& tree, const std::string& scratch,
                                               const UploadToken& token);
  // The file of a suspended upload, to read its first `token.offset` bytes; not_found.
  [[nodiscard]] static Result<Tree::OpenFile> open_to_read(const Tree& tree,
                                                           const std::string& scratch,
                                                           const UploadToken& token);
  static std::string path_of(const std::string& scratch, const UploadToken& token);

  // Appends, and has the disk begin to write early, so that little is left to wait for at the end.
  [[nodiscard]] Result<void> append(std::span<const std::byte> bytes);
  // Makes the bytes durable and gives them a new token; the file is given up with it.
  [[nodiscard]] Result<std::string> suspend(const Tree& tree);
  // Makes the bytes the object `key`; the file is given up with it, unless this failed.
  [[nodiscard]] Result<void> commit(const Tree& tree, const std::string& key);
  // Removes the file. Returns it still open: closing it frees its blocks, which takes a while.
  [[nodiscard]] Fd discard(const Tree& tree);

  // Whether it was not given up yet.
  [[nodiscard]] bool is_open() const noexcept { return file_.is_open(); }

 private:
  UploadFile(Fd file, std::string scratch, std::string path, std::uint64_t offset)
      : file_(std::move(file)),
        scratch_(std::move(scratch)),
        path_(std::move(path)),
        offset_(offset),
        started_(offset) {}
  [[nodiscard]] Result<void> make_durable();
  void start_writeback();

  Fd file_;
  std::string scratch_;
  std::string path_;
  std::uint64_t offset_ = 0;   // where the next byte goes
  std::uint64_t started_ = 0;  // up to where the disk was told to write
  bool broken_ = false;        // an earlier write or sync failed: what is on disk is not known
};

}  // namespace bunker::storage
