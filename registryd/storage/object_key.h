// What the drivers agree on: which keys are well-formed, which bytes a range means, and the tokens
// of suspended uploads. Pure, except make_upload_token(). For drivers; callers need object_store.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/runtime/context.h"
#include "registryd/storage/object_store.h"

namespace bunker::storage {

// invalid when `key` breaks the rules of ObjectKey.
[[nodiscard]] Result<void> check_key(std::string_view key);

// retry_later when `context.deadline` has passed.
[[nodiscard]] Result<void> check_deadline(const Context& context);

struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// `range` within an object of `size` bytes; out_of_range as ObjectStore::get.
[[nodiscard]] Result<Extent> resolve_range(const ByteRange& range, std::uint64_t size);

// The token of a suspended upload: an unguessable name, and how many bytes it stands for. A token
// names one state of one upload and no other, so that a replayed one can never reach newer bytes.
struct UploadToken {
  std::string text;  // "<32 hex digits>-<offset>": safe in a file name
  std::uint64_t offset = 0;
};

[[nodiscard]] UploadToken make_upload_token(std::uint64_t offset);
// nullopt when `text` cannot come from make_upload_token().
[[nodiscard]] std::optional<UploadToken> parse_upload_token(std::string_view text);

// The token that open_upload() was given: not_found when it is malformed, out_of_range when it
// stands for another offset than the caller's.
[[nodiscard]] Result<UploadToken> check_upload_token(std::string_view text, std::uint64_t offset);

}  // namespace bunker::storage
