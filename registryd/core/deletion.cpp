// Deletion removes links; the bytes stay until they are collected. What makes a thing visible goes
// in the order that leaves no dangling name wherever the deletion breaks off: tags, revision, the
// rest.
#include "lib/runtime/io_threads.h"
#include "registryd/core/manifest.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kEveryTag = std::numeric_limits<std::size_t>::max();

}  // namespace

Task<Result<void>> Registry::Impl::remove_tag(Context& context, const RepositoryName& name,
                                              const Tag& tag) {
  BUNKER_CO_TRY_ASSIGN(const auto entries,
                       co_await all_under(context, layout::tag_prefix(name, tag)));
  const storage::ObjectKey current = layout::tag_current(name, tag);
  std::vector<storage::ObjectKey> keys;
  for (const auto& entry : entries) {
    if (entry.key != current) keys.push_back(entry.key);
  }
  keys.push_back(current);  // last: while it is there, the tag is whole
  co_return co_await store.remove(context, std::move(keys));
}

Task<Result<void>> Registry::Impl::remove_tag_of(Context& context, const RepositoryName& name,
                                                 const Tag& tag, const Digest& digest,
                                                 std::size_t step) {
  co_await breathe(step);
  const auto target = co_await read_link(context, layout::tag_current(name, tag));
  if (!target && target.error().code != Code::not_found) co_return fail(target.error());
  if (!target || *target != digest) co_return Result<void>();
  co_return co_await remove_tag(context, name, tag);
}

Task<Result<void>> Registry::Impl::remove_tags_of(Context& context, const RepositoryName& name,
                                                  const Digest& digest) {
  BUNKER_CO_TRY_ASSIGN(const auto names, co_await first_tags(context, name, {}, kEveryTag));
  std::vector<Tag> tags;
  for (const std::string& text : names) {
    if (auto tag = Tag::parse(text)) tags.push_back(*std::move(tag));
  }
  std::vector<Task<Result<void>>> calls;
  calls.reserve(tags.size());
  for (const Tag& tag : tags) {
    calls.push_back(remove_tag_of(context, name, tag, digest, calls.size()));
  }
  auto results = co_await when_all(std::move(calls), options.tag_concurrency);
  for (auto& result : results) BUNKER_CO_TRY(std::move(result));
  co_return Result<void>();
}

Task<Result<void>> Registry::Impl::remove_manifest(Context& context, const RepositoryName& name,
                                                   const Digest& digest) {
  BUNKER_CO_TRY_ASSIGN(const bool present,
                       co_await exists(context, layout::revision_link(name, digest)));
  if (!present) co_return fail(unknown_manifest(name, digest));
  const auto stored = co_await load_manifest(context, name, digest);
  BUNKER_CO_TRY(co_await remove_tags_of(context, name, digest));
  std::vector<storage::ObjectKey> keys{layout::revision_link(name, digest)};
  // Bytes that are lost or damaged do not keep anybody from deleting the manifest; the entry in the
  // referrers index is then skipped when it is read.
  if (stored) {
    const auto content = parse_manifest(*(*stored)->bytes, {});
    if (content && content->subject) {
      keys.push_back(layout::referrer_link(name, content->subject->digest, digest));
    }
  }
  co_return co_await store.remove(context, std::move(keys));
}

Task<Result<void>> Registry::delete_manifest(Context& context, RepositoryName name,
                                             Reference reference) {
  BUNKER_CO_TRY(impl_->check_deletable());
  if (const auto* digest = std::get_if<Digest>(&reference)) {
    co_return co_await impl_->remove_manifest(context, name, *digest);
  }
  const Tag& tag = std::get<Tag>(reference);
  BUNKER_CO_TRY_ASSIGN(const bool present,
                       co_await impl_->exists(context, layout::tag_current(name, tag)));
  // Also where the tag itself is gone: what an unfinished deletion left goes now.
  BUNKER_CO_TRY(co_await impl_->remove_tag(context, name, tag));
  if (!present) co_return fail(unknown_manifest(name, reference));
  co_return Result<void>();
}

Task<Result<void>> Registry::delete_blob(Context& context, RepositoryName name, Digest digest) {
  BUNKER_CO_TRY(impl_->check_deletable());
  BUNKER_CO_TRY_ASSIGN(const bool present,
                       co_await impl_->exists(context, layout::layer_link(name, digest)));
  if (!present) co_return fail(unknown_blob(name, digest));
  std::vector<storage::ObjectKey> keys{layout::layer_link(name, digest)};
  co_return co_await impl_->store.remove(context, std::move(keys));
}

}  // namespace bunker::registry
