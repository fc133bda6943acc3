#include "registryd/cache/caching_store.h"

#include <utility>
#include <vector>

#include "registryd/cache/caching_state.h"

namespace bunker::cache {
namespace {

using storage::ByteRange;
using storage::ListOptions;
using storage::ListPage;
using storage::Object;
using storage::ObjectInfo;
using storage::ObjectKey;
using storage::ObjectStore;
using storage::UploadWriter;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

// Remembers what an upload made of itself.
class CachingWriter final : public UploadWriter {
 public:
  CachingWriter(std::unique_ptr<UploadWriter> inner, CachingState& state, std::uint64_t offset)
      : inner_(std::move(inner)), state_(state), size_(offset) {}

  void expect_key(const ObjectKey& key) override { inner_->expect_key(key); }

  std::span<std::byte> room() override { return inner_->room(); }

  Task<Result<void>> write(std::span<const std::byte> bytes) override {
    size_ += bytes.size();
    wrote_ = wrote_ || !bytes.empty();
    return inner_->write(bytes);
  }

  Task<Result<std::string>> suspend() override { return inner_->suspend(); }

  Task<Result<std::string>> suspend_as(ObjectKey key) override {
    const SteadyTime since = now();
    auto token = co_await inner_->suspend_as(key);
    if (token && wrote_) state_.wrote(key, size_, since, false);
    co_return token;
  }

  Task<Result<void>> commit(ObjectKey key) override {
    const CachingState::Asked asked = state_.ask(key);
    BUNKER_CO_TRY(co_await inner_->commit(key));
    if (wrote_) {
      state_.wrote(key, size_, asked.since, true);
    } else if (!state_.became_visible(key)) {
      co_return Result<void>();  // written long ago, or by another replica
    }
    co_await state_.keep(key, kind_of(key), Fact{size_, std::nullopt}, asked);
    co_return Result<void>();
  }

 private:
  const std::unique_ptr<UploadWriter> inner_;
  CachingState& state_;
  std::uint64_t size_;  // of the upload so far
  bool wrote_ = false;
};

// One of the two faces: the one that remembers, or the exact one.
class Face final : public CachingStore {
 public:
  Face(CachingState& state, bool exact) : state_(state), exact_(exact) {}
  // Owns what both share.
  explicit Face(std::unique_ptr<CachingState> state)
      : owned_(std::move(state)),
        state_(*owned_),
        exact_(false),
        exact_face_(std::make_unique<Face>(state_, true)) {}

  [[nodiscard]] std::string_view driver() const noexcept override { return state_.inner.driver(); }
  [[nodiscard]] bool remote() const noexcept override { return state_.inner.remote(); }
  [[nodiscard]] ObjectStore& exact() noexcept override { return exact_ ? *this : *exact_face_; }

  Task<Result<ObjectInfo>> head(Context& context, ObjectKey key) override {
    const Kind kind = kind_of(key);
    if (kind == Kind::other) co_return co_await state_.inner.head(context, std::move(key));
    if (exact_) {
      if (const auto size = state_.written(key)) co_return ObjectInfo{*size, {}};
      co_return co_await ask_head(context, std::move(key), kind);
    }
    if (auto fact = co_await state_.known(key, kind, false)) co_return ObjectInfo{fact->size, {}};
    auto place = co_await state_.heads.join(key);
    if (place.found) co_return *std::move(place.found);
    auto result = co_await ask_head(context, std::move(key), kind);
    if (place.lead) place.lead->answer(result);
    co_return result;
  }

  Task<Result<std::string>> read(Context& context, ObjectKey key, std::size_t limit) override {
    const Kind kind = kind_of(key);
    if (exact_) co_return co_await ask_read(context, std::move(key), kind, limit);
    if (kind == Kind::other) co_return co_await read_fresh(context, std::move(key), limit);
    if (kind == Kind::link) {
      auto fact = co_await state_.known(key, kind, true);
      if (fact && fact->content->size() <= limit) co_return *std::move(fact->content);
    }
    auto place = co_await state_.reads.join(key);
    if (place.found && place.found->size() <= limit) co_return *std::move(place.found);
    auto result = co_await ask_read(context, std::move(key), kind, limit);
    if (place.lead) place.lead->answer(result);
    co_return result;
  }

  Task<Result<Object>> get(Context& context, ObjectKey key, ByteRange range) override {
    return state_.inner.get(context, std::move(key), range);
  }

  Task<Result<void>> put(Context& context, ObjectKey key, std::string bytes) override {
    const Kind kind = kind_of(key);
    if (kind == Kind::other) {
      co_return co_await state_.inner.put(context, std::move(key), std::move(bytes));
    }
    Fact fact{bytes.size(), std::nullopt};
    if (kind == Kind::link) fact.content = bytes;
    // Who asks from now on may find it.
    state_.heads.detach(key);
    state_.reads.detach(key);
    const CachingState::Asked asked = state_.ask(key);
    auto result = co_await state_.inner.put(context, key, std::move(bytes));
    if (!result) {
      state_.forget_here(key);
      co_return result;
    }
    if (kind == Kind::data) state_.wrote(key, fact.size, asked.since, true);
    co_await state_.keep(std::move(key), kind, std::move(fact), asked);
    co_return result;
  }

  Task<Result<ListPage>> list(Context& context, std::string prefix, ListOptions options) override {
    return state_.inner.list(context, std::move(prefix), std::move(options));
  }

  Task<Result<void>> remove(Context& context, std::vector<ObjectKey> keys) override {
    std::vector<ObjectKey> remembered;
    for (const ObjectKey& key : keys) {
      if (kind_of(key) != Kind::other) remembered.push_back(key);
    }
    for (const ObjectKey& key : remembered) state_.forget_here(key);
    auto result = co_await state_.inner.remove(context, std::move(keys));
    // Again, for what was asked meanwhile; and after an error, since some may be gone.
    co_await state_.forget(std::move(remembered));
    co_return result;
  }

  Task<Result<std::unique_ptr<UploadWriter>>> open_upload(
      Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override {
    BUNKER_CO_TRY_ASSIGN(
        auto writer, co_await state_.inner.open_upload(context, std::move(scratch),
                                                       std::move(token), offset, expected_size));
    std::unique_ptr<UploadWriter> remembering =
        std::make_unique<CachingWriter>(std::move(writer), state_, offset);
    co_return remembering;
  }

  Task<Result<Object>> read_upload(Context& context, ObjectKey scratch,
                                   std::string token) override {
    return state_.inner.read_upload(context, std::move(scratch), std::move(token));
  }

  Task<Result<void>> abort_upload(Context& context, ObjectKey scratch, std::string token) override {
    return state_.inner.abort_upload(context, std::move(scratch), std::move(token));
  }

  [[nodiscard]] std::optional<std::string> presign_get(const ObjectKey& key,
                                                       unsigned seconds) override {
    return state_.inner.presign_get(key, seconds);
  }

  [[nodiscard]] Statistics statistics() override {
    return {state_.requests.load(), state_.hits.load(), state_.entries()};
  }
  Task<void> flush() override { return state_.clear(); }

 private:
  // What may change at any time: asked of the store by each request, or for several at once that
  // all came before.
  Task<Result<std::string>> read_fresh(Context& context, ObjectKey key, std::size_t limit) {
    auto place = co_await state_.fresh_reads.join(key);
    if (place.answer && (!*place.answer || (*place.answer)->size() <= limit)) {
      co_return *std::move(place.answer);
    }
    auto result = co_await state_.inner.read(context, std::move(key), limit);
    if (place.lead) place.lead->answer(result);
    co_return result;
  }

  Task<Result<ObjectInfo>> ask_head(Context& context, ObjectKey key, Kind kind) {
    const CachingState::Asked asked = state_.ask(key);
    auto info = co_await state_.inner.head(context, key);
    if (info) {
      co_await state_.keep(std::move(key), kind, Fact{info->size, std::nullopt}, asked);
    } else if (info.error().code == Code::not_found) {
      state_.missed(key);
    }
    co_return info;
  }

  Task<Result<std::string>> ask_read(Context& context, ObjectKey key, Kind kind,
                                     std::size_t limit) {
    const CachingState::Asked asked = state_.ask(key);
    auto bytes = co_await state_.inner.read(context, key, limit);
    if (kind == Kind::other) co_return bytes;
    if (bytes) {
      Fact fact{bytes->size(), std::nullopt};
      if (kind == Kind::link) fact.content = *bytes;
      co_await state_.keep(std::move(key), kind, std::move(fact), asked);
    } else if (bytes.error().code == Code::not_found) {
      state_.missed(key);
    }
    co_return bytes;
  }

  std::unique_ptr<CachingState> owned_;
  CachingState& state_;
  const bool exact_;
  std::unique_ptr<Face> exact_face_;
};

}  // namespace

std::unique_ptr<CachingStore> make_caching_store(ObjectStore& inner, SharedFacts* shared,
                                                 std::size_t entries, Metrics& metrics) {
  return std::make_unique<Face>(std::make_unique<CachingState>(inner, shared, entries, metrics));
}

}  // namespace bunker::cache
