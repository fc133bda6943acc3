// The registry's rules: the OCI distribution spec's operations over an ObjectStore, without HTTP.
//
// Order of writes makes every crash point safe: data before the link to it, revision before tag.
// Nothing is visible before it is whole and verified. The bucket is the only state: any number of
// Registry objects, on any number of machines, may serve the same store.
//
// Thread-safe. Owner: the composition root.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/runtime/body.h"
#include "lib/runtime/context.h"
#include "registryd/core/collection_guard.h"
#include "registryd/core/digest.h"
#include "registryd/core/names.h"
#include "registryd/storage/object_store.h"

namespace bunker::registry {

struct Manifest {
  Digest digest;
  std::string media_type;  // as pushed
  SharedBytes bytes;       // exactly as pushed
};

struct BlobInfo {
  Digest digest;
  std::uint64_t size = 0;
};

struct Blob {
  std::uint64_t size = 0;    // of the whole blob
  std::uint64_t offset = 0;  // where `body` starts in it
  Body body;
};

// Which part of a sorted list is wanted.
struct PageRequest {
  std::string last;                  // entries > last, in byte order; empty: from the start
  std::optional<std::size_t> limit;  // nullopt: all; 0: none
};
// Which repositories a list shows.
struct NameFilter {
  std::function<bool(const std::string& name)> includes;
  // Whether any that is below the folder `path` is included: the others are not looked into.
  std::function<bool(const std::string& path)> enters;
};
struct NamePage {
  std::vector<std::string> names;  // in byte order
  bool more = false;               // others follow names.back()
};

struct ManifestPushed {
  Digest digest;
  std::optional<Digest> subject;  // answered as OCI-Subject
  std::vector<std::string> tags;  // every tag that now points at it, for OCI-Tag
};

// An upload in progress. All of its state: nothing about it is kept in memory between requests.
struct Upload {
  RepositoryName repository;
  std::string uuid;
  SystemTime started;
  Algorithm algorithm = Algorithm::sha256;  // what hash_state hashes
  std::uint64_t offset = 0;                 // bytes received and kept
  std::string hash_state;                   // Hasher::freeze() at `offset`; empty at 0
  std::string store_token;                  // ObjectStore's; empty before the first byte
};

// What an image or index must find in its repository when it is pushed.
struct ReferencePolicy {
  enum class Indexes { all, none, listed };  // which children of an index must exist
  struct Platform {
    std::string os, architecture;
  };
  bool required = true;  // false: nothing needs to exist (bunker.validation.references: optional)
  Indexes indexes = Indexes::all;
  std::vector<Platform> platforms;  // for `listed`
  // Regular expressions (RE2's) for layers' urls: one of `allow` must match, none of `deny` may. An
  // empty `allow` allows every url; {"^$"} none.
  std::vector<std::string> urls_allow;
  std::vector<std::string> urls_deny;
  bool disabled = false;  // validation.disabled: no check of content at all
};

class Registry {
 public:
  struct Options {
    bool delete_enabled = false;                   // else deletions are `unsupported`
    bool read_only = false;                        // else writes are `unsupported`
    std::size_t max_manifest_bytes = 4u << 20;     // spec: at least 4 MiB
    std::size_t manifest_cache_bytes = 64u << 20;  // memory for manifests, by digest
    std::size_t tag_concurrency = 16;              // parallel tag look-ups of one deletion
    ReferencePolicy references;
    CollectionBounds collection;   // the same for every replica and collector of a store
    const Timer* timer = nullptr;  // of the collection's guard; null: the system's
    // Whether a tag, once it exists, is there to stay. Called on any thread; empty: none is.
    std::function<bool(const RepositoryName& name, const Tag& tag)> is_immutable;
  };

  Registry(storage::ObjectStore& store, const Clock& clock, Options options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // --- Pull -------------------------------------------------------------------------------------

  // end-3. MANIFEST_UNKNOWN, also when there is no such repository: the clients that look for
  // signatures by tag understand that answer alone.
  Task<Result<Manifest>> get_manifest(Context& context, RepositoryName name, Reference reference);

  // end-2, HEAD. BLOB_UNKNOWN.
  Task<Result<BlobInfo>> stat_blob(Context& context, RepositoryName name, Digest digest);

  // A URL from which a client gets the blob for `seconds` without us. BLOB_UNKNOWN; nullopt when
  // the store sends no client elsewhere, whether the blob is there or not.
  Task<Result<std::optional<std::string>>> blob_url(Context& context, RepositoryName name,
                                                    Digest digest, unsigned seconds);

  // end-2, GET. BLOB_UNKNOWN; out_of_range as ObjectStore::get.
  Task<Result<Blob>> get_blob(Context& context, RepositoryName name, Digest digest,
                              storage::ByteRange range);

  // --- Lists ------------------------------------------------------------------------------------

  // end-8. NAME_UNKNOWN when the repository has neither manifests nor blobs; without tags it is
  // empty.
  Task<Result<NamePage>> tags(Context& context, RepositoryName name, PageRequest page);

  // Every repository that has (or had) manifests; those that `filter` includes, where there is one.
  Task<Result<NamePage>> catalog(Context& context, PageRequest page,
                                 std::optional<NameFilter> filter = std::nullopt);

  // end-12: an image index (its JSON bytes) of the manifests whose subject is `subject`, those of
  // `artifact_type` only where it is not empty. Never an error for an unknown subject.
  Task<Result<std::string>> referrers(Context& context, RepositoryName name, Digest subject,
                                      std::string artifact_type);

  // --- Push: blobs ------------------------------------------------------------------------------

  // end-4a. `algorithm`: the client's digest-algorithm, sha256 by default.
  Task<Result<Upload>> start_upload(Context& context, RepositoryName name, Algorithm algorithm);

  // end-5. Appends `body` to `upload` and returns its new state; the old state is dead.
  // `start`: where the client says this chunk begins; out_of_range / RANGE_INVALID when that is
  // not upload.offset. BLOB_UPLOAD_UNKNOWN for one that was finished, cancelled or superseded.
  // `announced`: the body's length where the client told it; SIZE_INVALID when it is not met.
  Task<Result<Upload>> append(Context& context, Upload upload, ByteSource& body,
                              std::optional<std::uint64_t> start,
                              std::optional<std::uint64_t> announced);

  // end-6 and end-4b: appends `body` (may be empty), checks `digest` and makes the blob part of
  // the repository. DIGEST_INVALID leaves the upload unusable. Errors as append(), except that an
  // upload which is no longer known has succeeded if the repository has the blob: the answer to an
  // earlier attempt may have been lost.
  Task<Result<BlobInfo>> finish(Context& context, Upload upload, Digest digest, ByteSource& body,
                                std::optional<std::uint64_t> start,
                                std::optional<std::uint64_t> announced);

  // end-14. Whether `upload` can go on: BLOB_UPLOAD_UNKNOWN when it cannot.
  Task<Result<void>> cancel(Context& context, Upload upload);
  // end-13. The upload as it is, or BLOB_UPLOAD_UNKNOWN.
  Task<Result<Upload>> status(Context& context, Upload upload);

  // end-11. True when the blob is now part of `name`; false when the caller must upload it.
  // `from`: the repository to take it from; without it any repository that `may_read` allows may
  // have it (the caller checks rights; nullopt means any).
  Task<Result<bool>> mount(Context& context, RepositoryName name, Digest digest,
                           std::optional<RepositoryName> from);

  // --- Push: manifests --------------------------------------------------------------------------

  // end-7, with the main branch's `?tag=`: `tags` are set beside `reference`.
  // MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN (detail names each missing digest), DIGEST_INVALID,
  // too_large; DENIED when a tag is immutable and points at another manifest.
  Task<Result<ManifestPushed>> put_manifest(Context& context, RepositoryName name,
                                            Reference reference, std::string media_type,
                                            std::string bytes, std::vector<Tag> tags);

  // --- Delete -----------------------------------------------------------------------------------

  // end-9. By tag: removes only the tag. By digest: the manifest and every tag that points at it,
  // but one that is pushed at the same time may be taken for the old one and go, too: stores
  // cannot delete on a condition. DENIED when a tag that would go is immutable.
  Task<Result<void>> delete_manifest(Context& context, RepositoryName name, Reference reference);

  // end-10. Removes the blob from the repository; its data stays until collection.
  Task<Result<void>> delete_blob(Context& context, RepositoryName name, Digest digest);

  // --- Upkeep -----------------------------------------------------------------------------------

  struct PurgeReport {
    std::size_t removed = 0;
    std::size_t kept = 0;
  };
  // Removes uploads that were not written to for `age`; with `dry_run` only counts them.
  Task<Result<PurgeReport>> purge_uploads(Context& context, std::chrono::seconds age, bool dry_run);

  // The memory for manifests, for metrics. Any thread.
  struct CacheStats {
    std::uint64_t hits = 0, misses = 0;  // look-ups since the start
    std::size_t bytes = 0;               // kept now
  };
  [[nodiscard]] CacheStats manifest_cache() const;

  // Switches storage.maintenance.readonly at run time. Any thread.
  void set_read_only(bool read_only) noexcept;
  [[nodiscard]] bool read_only() const noexcept;

  // What pushes did because of collections. Any thread.
  [[nodiscard]] const CollectionGuard& guard() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::registry
