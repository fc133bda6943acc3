// What is known of an upload between two requests: which parts lie in a multipart upload, and the
// bytes behind them that do not fill a part. It lies in one object under the upload's scratch key:
// the bytes, then a footer; so nothing has to be listed to go on, and one object's deletion makes
// its token dead. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "registryd/storage/object_store.h"

namespace bunker::storage::s3 {

struct UploadState {
  std::uint64_t offset = 0;      // bytes received: those in parts and `tail_bytes`
  std::uint64_t part_bytes = 0;  // of every part, as PartSizes counts
  // Of the multipart upload; empty: there is none. With a key and no id, the first bytes already
  // are one object of that name.
  std::string key;
  std::string upload_id;
  std::vector<std::string> etags;  // of the parts, in order
  std::uint64_t tail_bytes = 0;    // before the footer
};

// What to put behind the tail.
[[nodiscard]] std::string print_footer(const UploadState& state);

// What `footer`, all that lies behind a tail of `tail` bytes, says. data_loss when it is damaged.
[[nodiscard]] Result<UploadState> parse_footer(std::string_view footer, std::uint64_t tail);

// The token of the state with that many bytes, of which the last `tail` are in the state's own
// object; a new one each time: "<32 hex digits>-<offset>-<tail>".
[[nodiscard]] std::string make_state_token(std::uint64_t offset, std::uint64_t tail);
struct StateToken {
  std::string text;
  std::uint64_t offset = 0;
  std::uint64_t tail = 0;
};
// nullopt: not one of these.
[[nodiscard]] std::optional<StateToken> parse_state_token(std::string_view text);
// Where the state lies.
[[nodiscard]] ObjectKey state_key_of(const ObjectKey& scratch, std::string_view token);

// The token of an upload whose bytes already lie at their final key, put there by suspend_as().
struct PlacedToken {
  ObjectKey key;
  std::uint64_t size = 0;
  SystemTime placed;  // whole seconds
};
[[nodiscard]] std::string print_placed_token(const PlacedToken& token);
// nullopt: not one of these.
[[nodiscard]] std::optional<PlacedToken> parse_placed_token(std::string_view text);

// How long the parts of an upload are. S3 takes at most 10,000 parts, and some stores (R2) want all
// but the last to be equally long. So they are, unless the upload turns out to be far bigger than
// anybody said: then the last 2,000 are eight times as long.
class PartSizes {
 public:
  static constexpr unsigned kMaxParts = 10'000;

  // For an upload of which `expected` bytes in all are announced, in parts of `chunk` if possible.
  PartSizes(std::uint64_t chunk, std::optional<std::uint64_t> expected);
  explicit PartSizes(std::uint64_t base) : base_(base) {}

  [[nodiscard]] std::uint64_t base() const noexcept { return base_; }
  // Of part `number` (from 1).
  [[nodiscard]] std::uint64_t of(unsigned number) const noexcept;
  // Of the first `count` parts together.
  [[nodiscard]] std::uint64_t total(unsigned count) const noexcept;

 private:
  std::uint64_t base_;
};

}  // namespace bunker::storage::s3
