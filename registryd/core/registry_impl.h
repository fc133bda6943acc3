// What the parts of Registry share: its state, and the few reads and writes that they have in
// common. For the .cpp files of registryd/core alone.
//
// Coroutines here take references to what the caller's frame owns, so they are awaited at once.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "registryd/core/collection_guard.h"
#include "registryd/core/layout.h"
#include "registryd/core/manifest_cache.h"
#include "registryd/core/references.h"
#include "registryd/core/registry.h"
#include "registryd/core/tag_locks.h"

namespace bunker::registry {

// How many calls to the store one request makes at the same time.
inline constexpr std::size_t kParallelCalls = 32;

// The repositories that are too large for a listing, as far as is known. Thread-safe.
class LargeRepositories {
 public:
  [[nodiscard]] bool contains(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return names_.contains(name);
  }
  // Forgets all others when there are `limit`.
  void insert(const std::string& name, std::size_t limit) {
    const std::lock_guard lock(mutex_);
    if (names_.size() >= limit) names_.clear();
    names_.insert(name);
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> names_;
};

struct Registry::Impl {
  Impl(storage::ObjectStore& object_store, const Clock& wall_clock, Options settings);

  const SystemTimer system_timer;

  storage::ObjectStore& store;
  const Clock& clock;
  const Options options;
  std::atomic<bool> read_only;
  ManifestCache manifests;
  LargeRepositories large;
  const UrlRules url_rules;
  TagLocks tag_locks;
  CollectionGuard guard;  // asked before a push relies on what is there already

  // `unsupported` while writes, or deletions, are switched off.
  [[nodiscard]] Result<void> check_writable() const;
  [[nodiscard]] Result<void> check_deletable() const;

  [[nodiscard]] bool is_immutable(const RepositoryName& name, const Tag& tag) const;
  // DENIED when any of the tags is immutable and points at something else than `digest`.
  Task<Result<void>> check_tags_may_be(Context& context, const RepositoryName& name,
                                       const std::vector<Tag>& tags, const Digest& digest);
  // DENIED when any of the tags is immutable and points at `digest`.
  Task<Result<void>> check_tags_may_go(Context& context, const RepositoryName& name,
                                       const std::vector<Tag>& tags, const Digest& digest);

  // The digest that a link names. not_found also when its content is damaged: pushing again mends
  // it. `from`: the store, or what is exact of it.
  static Task<Result<Digest>> read_link(storage::ObjectStore& from, Context& context,
                                        storage::ObjectKey key);

  // Where the bytes of a blob of this repository are kept: mostly under the digest itself, but a
  // link may name another one. not_found when the blob is not part of the repository.
  static Task<Result<Digest>> blob_target(storage::ObjectStore& from, Context& context,
                                          const RepositoryName& name, const Digest& digest);

  // What Registry::stat_blob() answers. not_found.
  static Task<Result<BlobInfo>> stat(storage::ObjectStore& from, Context& context,
                                     const RepositoryName& name, const Digest& digest);

  // As blob_target(), where the bytes are there as well.
  Task<Result<Digest>> stored_blob(Context& context, const RepositoryName& name,
                                   const Digest& digest);

  // Opens a blob of this repository. not_found; out_of_range as ObjectStore::get.
  Task<Result<storage::Object>> open_blob(Context& context, const RepositoryName& name,
                                          const Digest& digest, storage::ByteRange range);

  // Whether the blob, or the manifest, is part of the repository and its bytes are there. Exact.
  // `linked`: what is known of the blob's link.
  Task<Result<bool>> has_blob(Context& context, const RepositoryName& name, const Digest& digest,
                              std::optional<bool> linked);
  Task<Result<bool>> has_manifest(Context& context, const RepositoryName& name,
                                  const Digest& digest);

  // A manifest of this repository, its bytes verified. not_found; data_loss.
  Task<Result<StoredManifestPtr>> load_manifest(Context& context, const RepositoryName& name,
                                                const Digest& digest);

  // Writes a link unless it is there, and new: collections spare what was linked of late.
  Task<Result<void>> renew_link(Context& context, storage::ObjectKey key, std::string target);
  // For a link that may have been written too late to rest on `protection`: protects the blob
  // again, until it is in time. retry_later where it is gone meanwhile.
  Task<Result<void>> confirm_blob(Context& context, CollectionGuard::Protection protection,
                                  const RepositoryName& name, const Digest& digest);

  // Writes an object unless it is known to be there with these very bytes.
  Task<Result<void>> put_if_different(Context& context, storage::ObjectKey key, std::string bytes);

  // Exact.
  Task<Result<bool>> exists(Context& context, storage::ObjectKey key);
  // Whether any key begins with `prefix`.
  Task<Result<bool>> any_under(Context& context, std::string prefix);
  // Every key that begins with `prefix`, with its facts.
  Task<Result<std::vector<storage::ListEntry>>> all_under(Context& context, std::string prefix);

  // Opens an upload's bytes for writing. BLOB_UPLOAD_UNKNOWN when its state is not the latest.
  Task<Result<std::unique_ptr<storage::UploadWriter>>> open_writer(
      Context& context, const Upload& upload, std::optional<std::uint64_t> expected_size);
  // A hasher of `algorithm` over what the upload holds, reading it again where need be.
  Task<Result<Hasher>> hasher_for(Context& context, const Upload& upload, Algorithm algorithm);
  // Registry::finish(), its position in the upload already checked.
  Task<Result<BlobInfo>> finish(Context& context, const Upload& upload, const Digest& digest,
                                ByteSource& body, std::optional<std::uint64_t> announced);

  // The blobs that a small repository has, from one listing; nullopt where it has many.
  Task<Result<std::optional<std::set<Digest>>>> linked_blobs(Context& context,
                                                             const RepositoryName& name);
  // MANIFEST_BLOB_UNKNOWN, naming each reference that the repository must hold and does not.
  Task<Result<void>> check_references(Context& context, const RepositoryName& name,
                                      const RequiredReferences& references);
  // For a manifest that may have been written too late to rest on `protection`: protects it again,
  // until it is in time. retry_later where it is gone, MANIFEST_BLOB_UNKNOWN where what it refers
  // to is.
  Task<Result<void>> confirm_manifest(Context& context, CollectionGuard::Protection& protection,
                                      const RepositoryName& name, const Digest& digest,
                                      const ManifestContent& content);
  // Makes a manifest part of the repository.
  Task<Result<void>> write_revision(Context& context, const RepositoryName& name,
                                    const Digest& digest, StoredManifestPtr manifest);
  // Points every tag at a manifest that is part of the repository.
  Task<Result<void>> write_tags(Context& context, const RepositoryName& name,
                                const std::vector<Tag>& tags, const Digest& digest);

  // The tags > `last`, sorted: `wanted` of them or more, or all that there are.
  Task<Result<std::vector<std::string>>> first_tags(Context& context, const RepositoryName& name,
                                                    const std::string& last, std::size_t wanted);

  // The manifests that Bunker's index, or the fallback tag, says have this subject.
  Task<Result<std::vector<Digest>>> linked_referrers(Context& context, const RepositoryName& name,
                                                     const Digest& subject);
  Task<Result<std::vector<Digest>>> listed_referrers(Context& context, const RepositoryName& name,
                                                     const Digest& subject);
  // The descriptor of `referrer` as JSON; empty when it is gone, has another subject, or is of
  // another type.
  Task<Result<std::string>> describe_referrer(Context& context, const RepositoryName& name,
                                              const Digest& subject, const Digest& referrer,
                                              const std::string& artifact_type);

  // Removes every key of the tag, what makes it visible last.
  Task<Result<void>> remove_tag(Context& context, const RepositoryName& name, const Tag& tag);
  // Each key under a tag: `current` after the others.
  Task<Result<void>> remove_tag_keys(Context& context,
                                     const std::vector<storage::ListEntry>& entries,
                                     const storage::ObjectKey& current);
  // Registry::delete_manifest() by digest.
  Task<Result<void>> remove_manifest(Context& context, const RepositoryName& name,
                                     const Digest& digest);
  // Purges what lies under `prefix`, the uploads of one repository.
  Task<Result<void>> purge_repository(Context& context, std::string prefix, SystemTime before,
                                      bool dry_run, PurgeReport& report);

 private:
  Task<Result<StoredManifestPtr>> load_bytes(Context& context, const Digest& digest);
  Task<Result<void>> load_bytes_into(Context& context, const Digest& digest,
                                     StoredManifestPtr& out);
  // Every tag that points at `digest`, and few others. From the index where the store is far away:
  // a listing's page has a thousand keys, and asking each tag is a call each.
  Task<Result<std::vector<Tag>>> tags_that_may_name(Context& context, const RepositoryName& name,
                                                    const Digest& digest);
  Task<Result<void>> remove_tags_of(Context& context, const RepositoryName& name,
                                    const Digest& digest);
  Task<Result<void>> remove_tag_of(Context& context, const RepositoryName& name, const Tag& tag,
                                   const Digest& digest, std::size_t step);
  Task<Result<bool>> points_at(Context& context, const RepositoryName& name, const Tag& tag,
                               const Digest& digest);
  Task<Result<void>> write_tag(Context& context, const RepositoryName& name, const Tag& tag,
                               const Digest& digest);
  // Awaits every check: at once where the store is far away, else one after the other.
  Task<std::vector<Result<bool>>> run_checks(std::vector<Task<Result<bool>>> checks);
  Task<Result<void>> require(Context& context, storage::ObjectKey key);
  Task<Result<void>> blob_target_into(Context& context, const RepositoryName& name,
                                      const Digest& digest, std::optional<Digest>& out);
  Task<Result<void>> get_into(Context& context, storage::ObjectKey key, storage::ByteRange range,
                              storage::Object& out);
};

// Lets other coroutines run now and then during a long loop over calls that may not suspend.
// `step` counts the loop's rounds.
Task<void> breathe(std::size_t step);

// `result`, with a not_found of the store turned into `unknown`.
template <class T>
[[nodiscard]] Result<T> or_unknown(Result<T> result, Error unknown) {
  if (!result && result.error().code == Code::not_found) return fail(std::move(unknown));
  return result;
}

[[nodiscard]] Error unknown_blob(const RepositoryName& name, const Digest& digest);
[[nodiscard]] Error unknown_manifest(const RepositoryName& name, const Reference& reference);
[[nodiscard]] Error unknown_repository(const RepositoryName& name);
[[nodiscard]] Error unknown_upload(const Upload& upload);

}  // namespace bunker::registry
