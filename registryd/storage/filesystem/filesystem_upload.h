// UploadWriter on an UploadFile: moves its work to the pool, in pieces worth the way.
// One caller at a time. Owner: whoever opened the upload.
#pragma once

#include <memory>
#include <vector>

#include "registryd/storage/filesystem/core.h"
#include "registryd/storage/filesystem/upload_file.h"
#include "registryd/storage/object_store.h"

namespace bunker::storage {

class FilesystemUpload final : public UploadWriter {
 public:
  FilesystemUpload(std::shared_ptr<FilesystemCore> core, UploadFile file, bool is_new)
      : core_(std::move(core)), file_(std::move(file)), is_new_(is_new) {}
  ~FilesystemUpload() override;
  FilesystemUpload(const FilesystemUpload&) = delete;
  FilesystemUpload& operator=(const FilesystemUpload&) = delete;

  Task<Result<void>> write(std::span<const std::byte> bytes) override;
  Task<Result<std::string>> suspend() override;
  Task<Result<void>> commit(ObjectKey key) override;

 private:
  std::shared_ptr<FilesystemCore> core_;
  UploadFile file_;
  bool is_new_;
  std::vector<std::byte> gathered_;  // small writes that wait for more
};

}  // namespace bunker::storage
