#include "registryd/cache/disk/fill.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <unistd.h>

namespace bunker::cache {
namespace {

constexpr std::size_t kPiece = 256 << 10;

class Follower final : public ByteSource {
 public:
  Follower(std::shared_ptr<Fill> fill, storage::ObjectStore& store, storage::ObjectKey key)
      : fill_(std::move(fill)), store_(store), key_(std::move(key)) {}

  Task<Result<std::span<const std::byte>>> read() override {
    while (instead_ == nullptr) {
      const Fill::View view = fill_->view();
      if (view.status == Fill::Status::wrong) {
        co_return fail(Code::data_loss,
                       "the store's bytes of " + fill_->digest.str() + " do not have that digest");
      }
      const bool whole = view.status == Fill::Status::whole;
      if (whole && at_ == view.size) co_return std::span<const std::byte>();
      const std::uint64_t end = whole ? view.size : std::min(view.written, view.size - 1);
      if (at_ < end) {
        if (const auto bytes = read_file(*view.file, end - at_); !bytes.empty()) co_return bytes;
        BUNKER_CO_TRY(co_await ask_store());
      } else if (view.status == Fill::Status::broken) {
        BUNKER_CO_TRY(co_await ask_store());
      } else {
        co_await view.change->get();
      }
    }
    co_return co_await instead_->read();
  }

 private:
  std::span<const std::byte> read_file(const FileHandle& file, std::uint64_t most) {
    buffer_.resize(kPiece);
    const ssize_t count = ::pread(file.fd(), buffer_.data(), std::min<std::uint64_t>(kPiece, most),
                                  static_cast<off_t>(at_));
    if (count <= 0) return {};
    at_ += static_cast<std::uint64_t>(count);
    return std::span(buffer_).first(static_cast<std::size_t>(count));
  }

  Task<Result<void>> ask_store() {
    storage::ByteRange rest;
    rest.offset = at_;
    BUNKER_CO_TRY_ASSIGN(auto object, co_await store_.get(context_, key_, rest));
    instead_ = make_source(std::move(object.body));
    co_return Result<void>();
  }

  const std::shared_ptr<Fill> fill_;
  storage::ObjectStore& store_;
  const storage::ObjectKey key_;
  Context context_;
  std::uint64_t at_ = 0;
  std::vector<std::byte> buffer_;
  std::unique_ptr<ByteSource> instead_;  // of the fill
};

}  // namespace

Fill::View Fill::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void Fill::change(std::unique_lock<std::mutex> lock) {
  const auto changed = std::exchange(view_.change, std::make_shared<SharedResult<bool>>());
  lock.unlock();
  changed->set(true);
}

void Fill::begin(std::uint64_t size, std::shared_ptr<const FileHandle> file) {
  std::unique_lock lock(mutex_);
  view_.size = size;
  view_.file = std::move(file);
  view_.status = Status::growing;
  change(std::move(lock));
}

void Fill::grow(std::uint64_t written) {
  std::unique_lock lock(mutex_);
  view_.written = written;
  change(std::move(lock));
}

void Fill::end(Status status) {
  std::unique_lock lock(mutex_);
  view_.status = status;
  change(std::move(lock));
}

std::unique_ptr<ByteSource> follow(std::shared_ptr<Fill> fill, storage::ObjectStore& store,
                                   storage::ObjectKey key) {
  return std::make_unique<Follower>(std::move(fill), store, std::move(key));
}

}  // namespace bunker::cache
