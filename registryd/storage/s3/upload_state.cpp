#include "registryd/storage/s3/upload_state.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "registryd/storage/object_key.h"

namespace bunker::storage::s3 {
namespace {

constexpr unsigned kEqualParts = 8'000;
constexpr unsigned kGrowth = 8;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<Error> damaged() {
  return fail(Code::data_loss, "the stored state of an upload is damaged",
              "start the upload again");
}

}  // namespace

std::string print_footer(const UploadState& state) {
  nlohmann::json json;
  json["offset"] = state.offset;
  json["part"] = state.part_bytes;
  json["key"] = state.key;
  json["id"] = state.upload_id;
  json["etags"] = state.etags;
  json["tail"] = state.tail_bytes;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<UploadState> parse_footer(std::string_view footer, std::uint64_t tail) {
  const nlohmann::json json = nlohmann::json::parse(footer, nullptr, false);
  UploadState state;
  try {
    json.at("offset").get_to(state.offset);
    json.at("part").get_to(state.part_bytes);
    json.at("key").get_to(state.key);
    json.at("id").get_to(state.upload_id);
    json.at("etags").get_to(state.etags);
    json.at("tail").get_to(state.tail_bytes);
  } catch (const nlohmann::json::exception&) {
    return damaged();
  }
  const auto parts = state.etags.size();
  if (state.tail_bytes != tail || state.offset < tail || state.part_bytes == 0) return damaged();
  if (parts > PartSizes::kMaxParts || state.upload_id.empty() != (parts == 0)) return damaged();
  const std::uint64_t before =
      state.upload_id.empty() ? (state.key.empty() ? 0 : state.offset - tail)
                              : PartSizes(state.part_bytes).total(static_cast<unsigned>(parts));
  if (before + tail != state.offset) return damaged();
  if (!state.key.empty() && !check_key(state.key)) return damaged();
  if (!state.upload_id.empty() && state.key.empty()) return damaged();
  return state;
}

std::string make_state_token(std::uint64_t offset, std::uint64_t tail) {
  return make_upload_token(offset).text + '-' + std::to_string(tail);
}

std::optional<StateToken> parse_state_token(std::string_view text) {
  const auto dash = text.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto base = parse_upload_token(text.substr(0, dash));
  const auto tail = number(text.substr(dash + 1));
  if (!base || !tail || *tail > base->offset) return std::nullopt;
  return StateToken{std::string(text), base->offset, *tail};
}

ObjectKey state_key_of(const ObjectKey& scratch, std::string_view token) {
  return scratch + '.' + std::string(token);
}

std::string print_placed_token(const PlacedToken& token) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(token.placed.time_since_epoch()).count();
  return "at-" + std::to_string(token.size) + '-' + std::to_string(seconds) + '-' + token.key;
}

std::optional<PlacedToken> parse_placed_token(std::string_view text) {
  if (!text.starts_with("at-")) return std::nullopt;
  text.remove_prefix(3);
  const auto first = text.find('-');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = text.find('-', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto size = number(text.substr(0, first));
  const auto seconds = number(text.substr(first + 1, second - first - 1));
  PlacedToken token;
  token.key = text.substr(second + 1);
  if (!size || !seconds || *seconds > (std::uint64_t{1} << 33) || !check_key(token.key)) {
    return std::nullopt;
  }
  token.size = *size;
  token.placed = SystemTime(std::chrono::seconds(*seconds));
  return token;
}

PartSizes::PartSizes(std::uint64_t chunk, std::optional<std::uint64_t> expected) : base_(chunk) {
  if (!expected || *expected / chunk < kEqualParts) return;
  const std::uint64_t needed = (*expected + kEqualParts - 1) / kEqualParts;
  base_ = std::max(chunk, (needed + kMiB - 1) / kMiB * kMiB);
}

std::uint64_t PartSizes::of(unsigned part) const noexcept {
  return part <= kEqualParts ? base_ : base_ * kGrowth;
}

std::uint64_t PartSizes::total(unsigned count) const noexcept {
  if (count <= kEqualParts) return base_ * count;
  return base_ * kEqualParts + base_ * kGrowth * (count - kEqualParts);
}

}  // namespace bunker::storage::s3
