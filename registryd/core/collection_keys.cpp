#include "registryd/core/collection_keys.h"

#include <charconv>

namespace bunker::registry::collection {
namespace {

constexpr std::string_view kBeat = "/beat";
constexpr std::string_view kOpen = "/open";
constexpr std::string_view kSweep = "/sweep";
constexpr std::string_view kOpenText = "bunker collection 1, shard digits ";

std::string under(std::string_view folder, std::string_view run, std::string_view rest) {
  std::string out(kCollect);
  out += folder;
  out += '/';
  out += run;
  out += rest;
  return out;
}

}  // namespace

ObjectKey beat_key(std::string_view run) {
  return under("runs", run, kBeat);
}
ObjectKey open_key(std::string_view run) {
  return under("runs", run, kOpen);
}
ObjectKey sweep_key(std::string_view run) {
  return under("runs", run, kSweep);
}

ObjectKey candidates_key(std::string_view run, std::string_view shard) {
  return candidates_prefix(run) + (shard.empty() ? std::string("all") : std::string(shard));
}
std::string candidates_prefix(std::string_view run) {
  return under("candidates", run, "/");
}

ObjectKey clock_key(std::string_view name) {
  return under("clock", name, "");
}

ObjectKey rescue_key(std::string_view run, const Digest& digest) {
  std::string out = rescue_prefix(run);
  out += to_string(digest.algorithm());
  out += '/';
  out += digest.hex();
  return out;
}
std::string rescue_prefix(std::string_view run) {
  return under("rescue", run, "/");
}

std::optional<RunMark> parse_run_key(std::string_view key) {
  if (!key.starts_with(kRuns)) return std::nullopt;
  key.remove_prefix(kRuns.size());
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  const std::string run(key.substr(0, slash));
  const std::string_view mark = key.substr(slash);
  if (mark == kBeat) return RunMark{run, Mark::beat};
  if (mark == kOpen) return RunMark{run, Mark::open};
  if (mark == kSweep) return RunMark{run, Mark::sweep};
  return std::nullopt;
}

std::optional<Digest> parse_rescue_key(std::string_view run, std::string_view key) {
  const std::string prefix = rescue_prefix(run);
  if (!key.starts_with(prefix)) return std::nullopt;
  std::string text(key.substr(prefix.size()));
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  text[slash] = ':';
  auto digest = Digest::parse(text);
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

std::size_t shard_digits(std::size_t candidates) noexcept {
  constexpr std::size_t kInOne = 4'000;
  if (candidates <= kInOne) return 0;
  return candidates <= 16 * kInOne ? 1 : kMaxShardDigits;
}

std::string shard_of(const Digest& digest, std::size_t digits) {
  return std::string(digest.hex().substr(0, digits));
}

std::string print_open(std::size_t digits) {
  return std::string(kOpenText) + std::to_string(digits) + "\n";
}

std::optional<std::size_t> parse_open(std::string_view text) {
  if (!text.starts_with(kOpenText)) return std::nullopt;
  text.remove_prefix(kOpenText.size());
  std::size_t digits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), digits);
  if (error != std::errc() || digits > kMaxShardDigits) return std::nullopt;
  return digits;
}

}  // namespace bunker::registry::collection
