// Byte storage with S3's semantics: flat keys, whole-object atomic puts, strong read-after-write.
// The narrow waist of registryd: the registry's rules stand on it, drivers stand under it. One
// contract suite (tests/contract/object_store_contract.h) runs on every driver.
//
// Safe to call from every I/O thread. Every call obeys `context.deadline` (retry_later). `Context&`
// outlives the call; everything else is taken by value. A malformed key is `invalid`. A store that
// is full, read-only or unreachable for now is `retry_later`; one that refuses us is `forbidden`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/runtime/body.h"
#include "lib/runtime/context.h"

namespace bunker::storage {

// A key: segments joined by '/', none of them empty, "." or "..", no leading or trailing '/', no
// NUL, at most 1,024 bytes. Made by registryd/core/layout.h, or read from a listing.
using ObjectKey = std::string;

struct ObjectInfo {
  std::uint64_t size = 0;
  SystemTime modified;
};

// Which bytes of an object: [offset, offset+length), or its last `suffix` bytes.
struct ByteRange {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  // nullopt: to the end
  std::optional<std::uint64_t> suffix;  // set: the last bytes, the other two are not used
};

struct Object {
  ObjectInfo info;           // of the whole object
  std::uint64_t offset = 0;  // where `body` starts in it
  Body body;
};

struct ListOptions {
  std::string start_after;   // only keys (or common prefixes) > this, in byte order
  bool delimited = false;    // fold keys that have a '/' after the prefix into one entry
  std::size_t limit = 1000;  // entries wanted; a page may hold fewer even when truncated.
                             // 0: an empty page that is not truncated
};

struct ListEntry {
  std::string key;  // the whole key; a folded entry ends with '/'
  ObjectInfo info;  // zero for a folded entry
};

struct ListPage {
  std::vector<ListEntry> entries;  // in byte order of `key`
  bool truncated = false;          // more follow entries.back().key
};

// The bytes of an unfinished upload, growing. Nothing of it is visible as an object before
// commit(). Destroyed without suspend() or commit(): what was written since open_upload is gone,
// and the upload can be opened again as it was then, also when the process died meanwhile. A new
// upload that was never suspended leaves nothing (where the process died: a key that begins with
// `scratch`). Used up by a suspend() or commit() that succeeded. One caller at a time.
class UploadWriter {
 public:
  virtual ~UploadWriter() = default;
  // A hint before the first write: commit() will be to `key`, or there will be none. A driver may
  // then collect the bytes where they will stay; they are as invisible there until commit().
  virtual void expect_key(const ObjectKey& key) { (void)key; }
  // Memory of the driver's into which the next bytes may be put, so that write() of them, from its
  // start on, copies nothing. Valid until the next call. Empty: none now.
  [[nodiscard]] virtual std::span<std::byte> room() { return {}; }
  // Appends; returns when the bytes have been taken, so the caller may reuse the buffer.
  virtual Task<Result<void>> write(std::span<const std::byte> bytes) = 0;
  // Lets go of the upload until a later request, its bytes durable. Returns the token that the
  // next open_upload needs; every earlier token of this upload is dead from then on. not_found
  // when the upload was removed meanwhile.
  virtual Task<Result<std::string>> suspend() = 0;
  // As suspend(), for bytes that are likely to be the whole upload, of which the caller has checked
  // that they are what `key` stands for: a driver may put them there now, so that commit() to `key`
  // has nothing left to do. More bytes may follow all the same, and commit() may be to another key.
  virtual Task<Result<std::string>> suspend_as(ObjectKey /*key*/) { return suspend(); }
  // Makes the bytes the object `key`, whole and durable, replacing it atomically where it exists.
  // not_found when the upload was removed meanwhile.
  virtual Task<Result<void>> commit(ObjectKey key) = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // "filesystem", "inmemory", "s3": the driver's name in metrics and logs.
  [[nodiscard]] virtual std::string_view driver() const noexcept = 0;

  // Whether a call travels over a network, so that independent calls are worth making at once and
  // an unconditional put() costs less than looking first.
  [[nodiscard]] virtual bool remote() const noexcept { return false; }

  // The same store, without what a cache in front of it remembers: for decisions that must not
  // rest on what was true a moment ago, as those of a push. Lives as long as this.
  [[nodiscard]] virtual ObjectStore& exact() noexcept { return *this; }

  // not_found when there is no such object.
  virtual Task<Result<ObjectInfo>> head(Context& context, ObjectKey key) = 0;

  // Streams a range. not_found; out_of_range when the range starts at or behind the end (an empty
  // object has only the whole range). A range that reaches over the end is cut there.
  virtual Task<Result<Object>> get(Context& context, ObjectKey key, ByteRange range) = 0;

  // A whole small object. not_found; too_large when it is over `limit` bytes.
  virtual Task<Result<std::string>> read(Context& context, ObjectKey key, std::size_t limit) = 0;

  // Writes a whole small object, atomically and durably, replacing what is there.
  virtual Task<Result<void>> put(Context& context, ObjectKey key, std::string bytes) = 0;

  // The keys that begin with `prefix`, in byte order. An unknown prefix is an empty page.
  // With `delimited`, `prefix` is empty or ends with '/'.
  virtual Task<Result<ListPage>> list(Context& context, std::string prefix,
                                      ListOptions options) = 0;

  // Removes objects; those that do not exist count as removed. Any number of keys. On an error
  // some may have been removed.
  virtual Task<Result<void>> remove(Context& context, std::vector<ObjectKey> keys) = 0;

  // Opens an upload for writing at `offset`. Unfinished bytes may lie under keys that begin with
  // `scratch` (".../_uploads/<uuid>/data"); listings show them, and removing them forgets the
  // upload. `token`: empty starts a new upload (offset is then 0; every such call starts another
  // one, of its own bytes), else what suspend() returned. One writer at a time, on whatever
  // replica: a dead or used token is not_found, one that another writer holds is conflict, and one
  // of another offset is out_of_range. So no replayed or concurrent request ever changes bytes
  // that a later token stands for. `expected_size`: the final size where the client told it, to
  // choose part sizes and the short path.
  virtual Task<Result<std::unique_ptr<UploadWriter>>> open_upload(
      Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) = 0;

  // The bytes that a suspended upload holds so far, to hash them again with another algorithm.
  // not_found for a dead or used token.
  virtual Task<Result<Object>> read_upload(Context& context, ObjectKey scratch,
                                           std::string token) = 0;

  // Forgets the upload of which `token` is the latest; a writer that holds it fails from then on.
  // A dead or empty token is fine and changes nothing.
  virtual Task<Result<void>> abort_upload(Context& context, ObjectKey scratch,
                                          std::string token) = 0;

  // A URL from which a client can GET the object for `seconds`; nullopt when this driver or its
  // configuration cannot redirect. Makes no call to the store.
  [[nodiscard]] virtual std::optional<std::string> presign_get(const ObjectKey& key,
                                                               unsigned seconds) {
    (void)key;
    (void)seconds;
    return std::nullopt;
  }
};

}  // namespace bunker::storage
