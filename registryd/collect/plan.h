// What a scan found that nothing refers to, in the order in which it may be deleted: manifests
// before what they hold, links before data. Values; no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registryd/core/digest.h"
#include "registryd/core/digest_set.h"
#include "registryd/storage/object_store.h"

namespace bunker::collect {

using registry::Digest;
using registry::DigestSet;
using registry::PackedDigest;

enum class Kind : std::uint8_t { revision, layer, entry, data };
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;

struct Item {
  Kind kind = Kind::data;
  // Of a revision: 0 for one that no other doomed index holds, else more than that of its holders.
  std::uint32_t level = 0;
  PackedDigest digest;                 // a push that relies on it keeps the item
  std::optional<PackedDigest> target;  // of a link that names another digest than its own
  std::uint64_t size = 0;              // of data, in bytes
  std::string key;                     // empty for data, whose key follows from the digest

  [[nodiscard]] storage::ObjectKey object_key() const;
};

// The order of deletion. One round never holds two stages.
[[nodiscard]] bool same_stage(const Item& a, const Item& b) noexcept;
void sort_for_deletion(std::vector<Item>& items);

}  // namespace bunker::collect
