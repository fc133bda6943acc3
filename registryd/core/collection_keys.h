// Where a collection keeps what its collector and the replicas must know of one another. Beside the
// registry's own folders, so distribution never sees it. docs/collection.md has the protocol. Pure.
//
// A run is open from the moment its `open` object is there until it is gone; that object is written
// once and never again. Only the run's collector writes under its name, but for `rescue`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registryd/core/digest.h"
#include "registryd/storage/object_store.h"

namespace bunker::registry::collection {

using storage::ObjectKey;

inline constexpr std::string_view kCollect = "docker/registry/bunker/collect/";
inline constexpr std::string_view kRuns = "docker/registry/bunker/collect/runs/";

// What the name of a key under kRuns says.
enum class Mark { beat, open, sweep };
struct RunMark {
  std::string run;
  Mark mark;
};

// runs/<run>/beat: rewritten while the collector lives; its time is the store's.
[[nodiscard]] ObjectKey beat_key(std::string_view run);
// runs/<run>/open: the candidates are published; the text says in how many parts.
[[nodiscard]] ObjectKey open_key(std::string_view run);
// runs/<run>/sweep: deletion goes on; the text is the number of the round.
[[nodiscard]] ObjectKey sweep_key(std::string_view run);
// candidates/<run>/<shard>: digests, one a line.
[[nodiscard]] ObjectKey candidates_key(std::string_view run, std::string_view shard);
[[nodiscard]] std::string candidates_prefix(std::string_view run);
// clock/<name>: written and removed again, to ask the store what time it is.
[[nodiscard]] ObjectKey clock_key(std::string_view name);
// rescue/<run>/<alg>/<hex>: a push relies on it.
[[nodiscard]] ObjectKey rescue_key(std::string_view run, const Digest& digest);
[[nodiscard]] std::string rescue_prefix(std::string_view run);

[[nodiscard]] std::optional<RunMark> parse_run_key(std::string_view key);
[[nodiscard]] std::optional<Digest> parse_rescue_key(std::string_view run, std::string_view key);

// Candidates are cut by the first hex digits of their digests, so that a replica reads few of many.
inline constexpr std::size_t kMaxShardDigits = 2;
[[nodiscard]] std::size_t shard_digits(std::size_t candidates) noexcept;
[[nodiscard]] std::string shard_of(const Digest& digest, std::size_t digits);

// The text of `open`, and back; nullopt for one of a later version.
[[nodiscard]] std::string print_open(std::size_t digits);
[[nodiscard]] std::optional<std::size_t> parse_open(std::string_view text);

}  // namespace bunker::registry::collection
