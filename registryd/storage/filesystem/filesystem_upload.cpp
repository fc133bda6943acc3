#include "registryd/storage/filesystem/filesystem_upload.h"

#include "registryd/storage/object_key.h"

namespace bunker::storage {
namespace {

// A write of fewer bytes costs less than the way to the pool and back.
constexpr std::size_t kWorthTheWay = 128U << 10;

}  // namespace

FilesystemUpload::~FilesystemUpload() {
  if (!file_.is_open() || !is_new_) return;
  Fd rest = file_.discard(core_->tree);
  if (BlockingPool* const pool = core_->pool.load()) {
    pool->post([file = std::move(rest)]() mutable { file.reset(); });
  }
}

Task<Result<void>> FilesystemUpload::write(std::span<const std::byte> bytes) {
  if (gathered_.size() + bytes.size() < kWorthTheWay) {
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
    co_return Result<void>();
  }
  auto job = [this, bytes]() -> Result<void> {
    if (!gathered_.empty()) BUNKER_TRY(file_.append(gathered_));
    gathered_.clear();
    return file_.append(bytes);
  };
  co_return co_await core_->pool.load()->run(std::move(job));
}

Task<Result<std::string>> FilesystemUpload::suspend() {
  auto job = [this]() -> Result<std::string> {
    if (!gathered_.empty()) BUNKER_TRY(file_.append(gathered_));
    gathered_.clear();
    return file_.suspend(core_->tree);
  };
  co_return co_await core_->pool.load()->run(std::move(job));
}

Task<Result<void>> FilesystemUpload::commit(ObjectKey key) {
  BUNKER_CO_TRY(check_key(key));
  auto job = [this, key = std::move(key)]() -> Result<void> {
    if (!gathered_.empty()) BUNKER_TRY(file_.append(gathered_));
    gathered_.clear();
    return file_.commit(core_->tree, key);
  };
  co_return co_await core_->pool.load()->run(std::move(job));
}

}  // namespace bunker::storage
