// What stored manifests refer to, read once for a run: manifests never change, so a second scan
// asks the store only for those that came since. One coroutine at a time. Owner: a collector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/result.h"
#include "lib/runtime/context.h"
#include "registryd/collect/plan.h"
#include "registryd/storage/object_store.h"

namespace bunker::collect {

struct References {
  enum class State : std::uint8_t { read, missing, damaged };
  State state = State::read;
  std::vector<PackedDigest> holds;  // config, layers, children
  std::optional<PackedDigest> subject;
};

// What a manifest's bytes refer to. Of a document that is none of the known manifests, every digest
// that its text names: too much rather than too little. Pure.
[[nodiscard]] References references_of(std::string_view bytes);

class ReferenceReader {
 public:
  explicit ReferenceReader(storage::ObjectStore& store) : store_(store) {}

  // One for each of `digests`, in their order; missing where there are no bytes, damaged where they
  // do not have their digest. Errors of the store are errors.
  Task<Result<std::vector<References>>> read(Context& context, std::vector<Digest> digests);

 private:
  struct Hash {
    std::size_t operator()(const PackedDigest& digest) const noexcept;
  };
  Task<Result<References>> read_one(Context& context, Digest digest);

  storage::ObjectStore& store_;
  std::unordered_map<PackedDigest, References, Hash> known_;
  std::size_t known_digests_ = 0;  // within known_, to bound it
};

}  // namespace bunker::collect
