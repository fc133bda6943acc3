#include "registryd/storage/s3/reader.h"

#include <charconv>
#include <utility>

#include "registryd/storage/object_key.h"
#include "registryd/storage/s3/http_date.h"

namespace bunker::storage::s3 {
namespace {

// Breaks of one stream without a byte in between.
constexpr unsigned kMaxBreaks = 5;
// What HTTP libraries hold positions in.
constexpr std::uint64_t kMaxPosition = INT64_MAX;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes 5-9/10"
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size = 0;
};
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
    return std::nullopt;
  }
  const auto first = number(text.substr(0, dash));
  const auto last = number(text.substr(dash + 1, slash - dash - 1));
  const auto size = number(text.substr(slash + 1));
  if (!first || !last || !size || *first > *last || *last >= *size) return std::nullopt;
  return ContentRange{*first, *last, *size};
}

class ResumingSource final : public ByteSource {
 public:
  ResumingSource(Backend& backend, Context context, ObjectKey key, std::string etag,
                 std::uint64_t position, std::uint64_t length, std::unique_ptr<ByteSource> body)
      : backend_(backend),
        context_(std::move(context)),
        key_(std::move(key)),
        etag_(std::move(etag)),
        position_(position),
        left_(length),
        body_(std::move(body)) {}

  Task<Result<std::span<const std::byte>>> read() override {
    while (true) {
      if (left_ == 0) {
        // Reading up to the end lets the connection be used again.
        if (body_ != nullptr) (void)co_await body_->read();
        body_ = nullptr;
        co_return std::span<const std::byte>();
      }
      if (body_ != nullptr) {
        const auto piece = co_await body_->read();
        if (piece && !piece->empty()) {
          const auto taken = piece->first(std::min<std::uint64_t>(piece->size(), left_));
          advance(taken.size());
          co_return taken;
        }
        body_ = nullptr;
      }
      if (++breaks_ > kMaxBreaks) {
        co_return fail(Code::data_loss, "the object store broke off sending " + key_);
      }
      BUNKER_CO_TRY(co_await reopen());
    }
  }

  Task<std::size_t> read_to_pipe(int pipe, std::size_t most) override {
    if (left_ == 0 || body_ == nullptr) co_return std::size_t{0};
    const auto moved = co_await body_->read_to_pipe(pipe, std::min<std::uint64_t>(most, left_));
    advance(moved);
    co_return moved;
  }

 private:
  void advance(std::size_t bytes) noexcept {
    position_ += bytes;
    left_ -= bytes;
    if (bytes > 0) breaks_ = 0;
  }

  Task<Result<void>> reopen() {
    const ByteRange rest{.offset = position_, .length = left_};
    const Call call = backend_.calls.get(key_, rest, etag_);
    BUNKER_CO_TRY_ASSIGN(Reply reply, co_await backend_.client.open(context_, call));
    if (reply.outcome == Outcome::changed || reply.outcome == Outcome::not_found) {
      co_return fail(Code::data_loss, key_ + " was replaced or removed while it was being read");
    }
    if (!reply.ok()) co_return std::unexpected(backend_.client.error_of(call, reply));
    const auto range = parse_content_range(reply.header("content-range"));
    if (reply.head.status != 206 || !range || range->first != position_) {
      co_return fail(Code::data_loss, "the object store sent another range of " + key_);
    }
    body_ = std::move(reply.head.body);
    co_return Result<void>();
  }

  Backend& backend_;
  Context context_;  // its own: bodies are read after the call that opened them is over
  const ObjectKey key_;
  const std::string etag_;
  std::uint64_t position_;
  std::uint64_t left_;
  std::unique_ptr<ByteSource> body_;
  unsigned breaks_ = 0;
};

std::unexpected<Error> wrong_range() {
  return fail(Code::internal, "the object store does not serve ranges as asked");
}

bool is_whole(const ByteRange& range) {
  return range.offset == 0 && !range.length && !range.suffix;
}

// Ranges that HTTP cannot say: they are checked against the size first.
Task<Result<Object>> open_odd_range(Backend& backend, Context& context, ObjectKey key,
                                    ByteRange range) {
  const Call call = backend.calls.head(key);
  BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.expect_done(context, call));
  BUNKER_CO_TRY_ASSIGN(const ObjectInfo info, info_of(reply));
  BUNKER_CO_TRY_ASSIGN(const Extent extent, resolve_range(range, info.size));
  if (extent.length == 0) {
    Object nothing;
    nothing.info = info;
    nothing.offset = extent.offset;
    co_return nothing;
  }
  co_return co_await open_object(backend, context, std::move(key),
                                 {.offset = extent.offset, .length = extent.length});
}

}  // namespace

std::optional<std::uint64_t> content_length(const Reply& reply) {
  return number(reply.header("content-length"));
}

Result<ObjectInfo> info_of(const Reply& reply) {
  const auto size = content_length(reply);
  if (!size) return fail(Code::internal, "the object store does not say how long an object is");
  return ObjectInfo{*size, parse_http_date(reply.header("last-modified")).value_or(SystemTime())};
}

Task<Result<Object>> open_object(Backend& backend, Context& context, ObjectKey key,
                                 ByteRange range) {
  if (range.offset > kMaxPosition || range.suffix.value_or(1) == 0 ||
      range.suffix.value_or(0) > kMaxPosition ||
      (range.length && *range.length > kMaxPosition - range.offset) ||
      range.length.value_or(1) == 0) {
    co_return co_await open_odd_range(backend, context, std::move(key), range);
  }
  const Call call = backend.calls.get(key, range, "");
  BUNKER_CO_TRY_ASSIGN(Reply reply, co_await backend.client.open(context, call));
  if (!reply.ok()) co_return std::unexpected(backend.client.error_of(call, reply));

  BUNKER_CO_TRY_ASSIGN(const ObjectInfo answer, info_of(reply));
  Object object;
  object.info = answer;
  const std::uint64_t length = answer.size;
  if (reply.head.status == 206) {
    const auto part = parse_content_range(reply.header("content-range"));
    if (!part || part->last - part->first + 1 != answer.size) co_return wrong_range();
    object.info.size = part->size;
    object.offset = part->first;
  } else if (!is_whole(range)) {
    // Some stores answer so when the range is the whole object, or when there is nothing to cut.
    BUNKER_CO_TRY_ASSIGN(const Extent extent, resolve_range(range, answer.size));
    if (extent.length != answer.size) co_return wrong_range();
  }
  Context own;
  own.request_id = context.request_id;
  std::string etag(reply.header("etag"));
  auto source =
      std::make_unique<ResumingSource>(backend, std::move(own), std::move(key), std::move(etag),
                                       object.offset, length, std::move(reply.head.body));
  object.body = Body(std::move(source), length);
  co_return object;
}

}  // namespace bunker::storage::s3
