#include "registryd/storage/object_key.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "lib/base/encoding.h"
#include "lib/base/random.h"

namespace bunker::storage {
namespace {

constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kTokenNameBytes = 16;

}  // namespace

Result<void> check_key(std::string_view key) {
  if (key.empty()) return fail(Code::invalid, "an object key is empty");
  if (key.size() > kMaxKeyBytes) {
    return fail(Code::invalid, "an object key is longer than 1024 bytes");
  }
  if (key.contains('\0')) return fail(Code::invalid, "an object key holds a NUL byte");
  for (std::size_t start = 0; start <= key.size();) {
    const std::size_t end = std::min(key.find('/', start), key.size());
    const std::string_view segment = key.substr(start, end - start);
    if (segment.empty() || segment == "." || segment == "..") {
      return fail(Code::invalid, "an object key holds an empty, \".\" or \"..\" segment");
    }
    start = end + 1;
  }
  return {};
}

Result<void> check_deadline(const Context& context) {
  if (context.deadline != SteadyTime::max() &&
      std::chrono::steady_clock::now() >= context.deadline) {
    return fail(Code::retry_later, "the request took too long", "try again");
  }
  return {};
}

Result<Extent> resolve_range(const ByteRange& range, std::uint64_t size) {
  const bool whole = !range.suffix && !range.length && range.offset == 0;
  if (whole) return Extent{0, size};
  if (range.suffix) {
    if (*range.suffix == 0 || size == 0) {
      return fail(Code::out_of_range, "no byte of the object is in the range");
    }
    const std::uint64_t length = std::min(*range.suffix, size);
    return Extent{size - length, length};
  }
  if (range.offset >= size || range.length == 0U) {
    return fail(Code::out_of_range, "no byte of the object is in the range");
  }
  const std::uint64_t left = size - range.offset;
  return Extent{range.offset, std::min(range.length.value_or(left), left)};
}

UploadToken make_upload_token(std::uint64_t offset) {
  return {hex_encode(random_bytes(kTokenNameBytes)) + '-' + std::to_string(offset), offset};
}

std::optional<UploadToken> parse_upload_token(std::string_view text) {
  constexpr std::size_t kNameDigits = 2 * kTokenNameBytes;
  constexpr std::size_t kMaxOffsetDigits = 19;
  if (text.size() < kNameDigits + 2 || text.size() > kNameDigits + 1 + kMaxOffsetDigits) {
    return std::nullopt;
  }
  const std::string_view name = text.substr(0, kNameDigits);
  const bool is_hex = std::ranges::all_of(
      name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!is_hex || text[kNameDigits] != '-') return std::nullopt;
  const std::string_view digits = text.substr(kNameDigits + 1);
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  std::uint64_t offset = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, offset);
  if (error != std::errc() || stop != end) return std::nullopt;
  return UploadToken{std::string(text), offset};
}

Result<UploadToken> check_upload_token(std::string_view text, std::uint64_t offset) {
  auto token = parse_upload_token(text);
  if (!token) return fail(Code::not_found, "the upload is not known here");
  if (token->offset != offset) {
    return fail(Code::out_of_range, "the upload holds " + std::to_string(token->offset) +
                                        " bytes, not " + std::to_string(offset));
  }
  return *std::move(token);
}

}  // namespace bunker::storage
