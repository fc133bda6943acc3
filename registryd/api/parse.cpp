#include "registryd/api/parse.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "registryd/api/text.h"
#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

namespace reason = registry::reason;

bool has_param(std::string_view query, std::string_view name) noexcept {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.substr(0, pair.find('=')) == name) return true;
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  return false;
}

// Digits only; nullopt also when the number does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

struct Interval {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

std::optional<Interval> parse_content_range(std::string_view header) noexcept {
  std::string_view text = trim(header);
  if (text.starts_with("bytes")) {
    text.remove_prefix(5);
    if (text.empty() || (text.front() != ' ' && text.front() != '=')) return std::nullopt;
    text.remove_prefix(1);
  }
  text = trim(text.substr(0, text.find('/')));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_number(text.substr(0, dash));
  const auto last = parse_number(text.substr(dash + 1));
  // One byte more than the greatest position would not fit the length.
  if (!first || !last || *last == std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return Interval{*first, *last};
}

}  // namespace

Result<std::optional<std::string>> query_param(const http::Request& request, std::string_view name,
                                               std::string_view error_reason) {
  if (request.query.empty()) return std::optional<std::string>();
  std::optional<std::string> value = request.query_value(name);
  if (!value && has_param(request.query, name)) {
    return fail(Code::invalid, "the query parameter " + std::string(name) + " is malformed",
                "a '%' in a query is followed by two hexadecimal digits; write '%' as %25",
                error_reason);
  }
  if (value && value->empty()) value.reset();
  return value;
}

Result<std::optional<registry::Digest>> query_digest(const http::Request& request,
                                                     std::string_view name) {
  BUNKER_TRY_ASSIGN(const auto text, query_param(request, name, reason::kDigestInvalid));
  if (!text) return std::optional<registry::Digest>();
  BUNKER_TRY_ASSIGN(auto digest, registry::Digest::parse(*text));
  return std::optional<registry::Digest>(std::move(digest));
}

Result<registry::PageRequest> parse_page(const http::Request& request,
                                         std::optional<std::size_t> unasked, std::size_t most) {
  constexpr std::string_view kReason = reason::kPaginationNumberInvalid;
  registry::PageRequest page;
  page.limit = unasked;
  BUNKER_TRY_ASSIGN(auto last, query_param(request, "last", kReason));
  if (last) page.last = std::move(*last);
  BUNKER_TRY_ASSIGN(const auto n, query_param(request, "n", kReason));
  if (!n) return page;
  if (!all_digits(*n)) {
    return fail(Code::invalid, "n is not a number of entries: " + *n,
                "give n as digits, or leave it out", kReason);
  }
  const std::uint64_t asked = parse_number(*n).value_or(std::numeric_limits<std::uint64_t>::max());
  page.limit = std::min<std::uint64_t>(asked, most);
  return page;
}

Result<ChunkPlace> parse_chunk_place(const http::Request& request) {
  ChunkPlace place{std::nullopt, request.content_length};
  const auto header = request.headers.get("Content-Range");
  if (!header) return place;
  const std::optional<Interval> range = parse_content_range(*header);
  if (!range) {
    return fail(Code::invalid, "Content-Range is not a range: " + std::string(*header),
                "write it as <first byte>-<last byte>, e.g. 0-1048575", reason::kBlobUploadInvalid);
  }
  if (range->last < range->first) {
    return fail(Code::out_of_range, "Content-Range runs backwards: " + std::string(*header),
                "the last byte comes at or after the first", reason::kRangeInvalid);
  }
  const std::uint64_t length = range->last - range->first + 1;
  if (place.length && *place.length != length) {
    return fail(Code::invalid,
                "Content-Range says " + std::to_string(length) + " bytes, Content-Length " +
                    std::to_string(*place.length),
                "send exactly the bytes that Content-Range names", reason::kSizeInvalid);
  }
  place.start = range->first;
  place.length = length;
  return place;
}

std::string etag_of(const registry::Digest& digest) {
  std::string tag;
  tag.reserve(digest.str().size() + 2);
  return tag.append(1, '"').append(digest.str()).append(1, '"');
}

bool names_etag(std::string_view header, const registry::Digest& digest, bool strong) noexcept {
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    std::string_view tag = trim(header.substr(0, comma));
    header.remove_prefix(std::min(comma + 1, header.size()));
    if (!strong) {
      if (tag == "*" || tag == digest.str()) return true;
      if (tag.starts_with("W/")) tag.remove_prefix(2);
    }
    if (tag.size() == digest.str().size() + 2 && tag.front() == '"' && tag.back() == '"' &&
        tag.substr(1, tag.size() - 2) == digest.str()) {
      return true;
    }
  }
  return false;
}

}  // namespace bunker::api
