#include "registryd/storage/filesystem/upload_file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace bunker::storage {
namespace {

// The disk is told to write whenever this much has come in, and at most two such pieces are in
// memory only: the final sync is short, and no upload fills the page cache with dirty pages.
constexpr std::uint64_t kWritebackPiece = 8 << 20;

Error unknown_upload() {
  return {Code::not_found, "the upload is not known here",
          "it was finished, cancelled, or went on from another state"};
}

// An Error for a failed step of an upload, whose file may have been removed meanwhile.
Error upload_error(int error, std::string_view action, const std::string& path) {
  if (error == ENOENT) return unknown_upload();
  return system_error(error, action, path);
}

Result<void> lock(const Fd& file, const std::string& path) {
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) {
      return fail(Code::conflict, "another request is writing to this upload",
                  "send the parts of an upload one after another");
    }
    return fail(system_error(errno, "lock", path));
  }
  return {};
}

}  // namespace

std::string UploadFile::path_of(const std::string& scratch, const UploadToken& token) {
  return scratch + '.' + token.text;
}

Result<UploadFile> UploadFile::create(const Tree& tree, const std::string& scratch) {
  std::string path = path_of(scratch, make_upload_token(0));
  auto file = tree.create(path);
  if (!file) return fail(system_error(file.error(), "create", path));
  if (auto locked = lock(*file, path); !locked) {
    (void)tree.discard(path);
    return std::unexpected(std::move(locked).error());
  }
  return UploadFile(*std::move(file), scratch, std::move(path), 0);
}

Result<UploadFile> UploadFile::open(const Tree& tree, const std::string& scratch,
                                    const UploadToken& token) {
  std::string path = path_of(scratch, token);
  auto opened = tree.open_file(path, O_RDWR, Tree::Lookup::full);
  if (!opened && means_absent(opened.error())) return fail(unknown_upload());
  if (!opened) return fail(system_error(opened.error(), "open", path));
  BUNKER_TRY(lock(opened->file, path));
  // Before we had the lock the file may have got another name: then the token is used.
  const auto named = tree.stat(path, Tree::Lookup::full);
  const auto info = stat_of(opened->file);
  if (!named || !info || named->st_ino != info->st_ino || named->st_dev != info->st_dev) {
    return fail(unknown_upload());
  }
  const auto size = static_cast<std::uint64_t>(info->st_size);
  if (size < token.offset) return fail(unknown_upload());  // lost with the machine's power
  if (size > token.offset &&
      ::ftruncate(opened->file.get(), static_cast<off_t>(token.offset)) != 0) {
    return fail(system_error(errno, "truncate", path));
  }
  return UploadFile(std::move(opened->file), scratch, std::move(path), token.offset);
}

Result<Tree::OpenFile> UploadFile::open_to_read(const Tree& tree, const std::string& scratch,
                                                const UploadToken& token) {
  const std::string path = path_of(scratch, token);
  auto opened = tree.open_file(path, O_RDONLY, Tree::Lookup::full);
  if (!opened && means_absent(opened.error())) return fail(unknown_upload());
  if (!opened) return fail(system_error(opened.error(), "open", path));
  if (static_cast<std::uint64_t>(opened->info.st_size) < token.offset) {
    return fail(unknown_upload());
  }
  return *std::move(opened);
}

Result<void> UploadFile::append(std::span<const std::byte> bytes) {
  if (!file_.is_open()) return fail(unknown_upload());
  if (const auto written = write_at(file_, bytes, offset_); !written) {
    broken_ = true;
    return fail(system_error(written.error(), "write", path_));
  }
  offset_ += bytes.size();
  if (offset_ - started_ >= kWritebackPiece) start_writeback();
  return {};
}

void UploadFile::start_writeback() {
  const std::uint64_t before = started_ - std::min(started_, kWritebackPiece);
  // Only hints: what goes wrong here is reported by the sync that counts.
  ::sync_file_range(file_.get(), static_cast<off64_t>(started_),
                    static_cast<off64_t>(offset_ - started_), SYNC_FILE_RANGE_WRITE);
  ::sync_file_range(file_.get(), static_cast<off64_t>(before),
                    static_cast<off64_t>(started_ - before), SYNC_FILE_RANGE_WAIT_BEFORE);
  started_ = offset_;
}

Result<void> UploadFile::make_durable() {
  if (!file_.is_open()) return fail(unknown_upload());
  if (!broken_) {
    const auto synced = sync_data(file_);
    if (synced) return {};
    broken_ = true;
    return fail(system_error(synced.error(), "sync", path_));
  }
  return fail(Code::retry_later, "the upload failed before", "go on from its last state");
}

Result<std::string> UploadFile::suspend(const Tree& tree) {
  BUNKER_TRY(make_durable());
  const UploadToken token = make_upload_token(offset_);
  const auto renamed = tree.rename_beside(path_, path_of(scratch_, token));
  if (!renamed) return fail(upload_error(renamed.error(), "rename", path_));
  file_.reset();
  return token.text;
}

Result<void> UploadFile::commit(const Tree& tree, const std::string& key) {
  BUNKER_TRY(make_durable());
  if (const auto published = tree.publish(path_, key); !published) {
    // It may have become an object all the same, which nobody may write to any more.
    if (!tree.stat(path_, Tree::Lookup::full)) file_.reset();
    return fail(upload_error(published.error(), "store", key));
  }
  file_.reset();
  tree.prune_above(path_);
  return {};
}

Fd UploadFile::discard(const Tree& tree) {
  (void)tree.discard(path_);
  return std::move(file_);
}

}  // namespace bunker::storage
