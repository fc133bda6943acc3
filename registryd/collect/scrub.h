// Whether a store holds what it should: every blob hashed again, every link followed. With
// `repair`, links that lead nowhere go, indexes are completed, and damaged bytes are put aside so
// that the next push brings good ones; nothing that is good is ever removed.
//
// Safe beside pulls. Beside pushes, reports may name what a push is just completing; repair removes
// a link only when its bytes are missing, and restores it when they came meanwhile, but damaged
// bytes are best put aside while the registry is read-only. One coroutine. Owner: the command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "lib/base/result.h"
#include "lib/runtime/context.h"
#include "registryd/storage/object_store.h"

namespace bunker::collect {

enum class Fault : std::uint8_t {
  damaged_data,       // bytes that do not have their digest
  damaged_link,       // a link that names no digest
  dangling_layer,     // a link to bytes that are not there
  dangling_revision,  // the same, of a manifest
  dangling_tag,       // a tag of a manifest that the repository does not have
  stale_entry,        // a tag's history, or a referrer's entry, of such a manifest
  missing_entry,      // a tag without its history, a referrer without its entry
  incomplete_image,   // a manifest that names what the repository does not have
  foreign_key,        // what is no part of a registry's layout
};
[[nodiscard]] std::string_view to_string(Fault fault) noexcept;

struct Damage {
  Fault fault;
  std::string key;
  std::string detail;  // what it should be, or what is missing
  bool repaired = false;
};

struct ScrubOptions {
  bool repair = false;
  std::size_t parallel = 8;  // blobs read at once
};

struct ScrubReport {
  std::uint64_t blobs = 0, bytes = 0, repositories = 0, links = 0, manifests = 0;
  std::uint64_t unfinished_uploads = 0;  // no damage: the upload purge removes them
  std::map<Fault, std::uint64_t> found, repaired;
  [[nodiscard]] std::uint64_t unrepaired() const;
};

struct ScrubHooks {
  std::function<void(const ScrubReport&)> progress;  // after each page; must not block
  std::function<void(const Damage&)> damage;
};

// Where damaged bytes are put: docker/registry/bunker/quarantine/<alg>/<hex>.
inline constexpr std::string_view kQuarantine = "docker/registry/bunker/quarantine/";

// Errors are the store's; damage is none. `store` is an exact one.
Task<Result<ScrubReport>> scrub(Context& context, storage::ObjectStore& store, ScrubOptions options,
                                const ScrubHooks& hooks);

}  // namespace bunker::collect
