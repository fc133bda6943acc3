// Deletion removes links; the bytes stay until they are collected. What makes a thing visible goes
// in the order that leaves no dangling name wherever the deletion breaks off: tags, revision, the
// rest.
#include <limits>
#include <map>

#include "lib/runtime/io_threads.h"
#include "registryd/core/errors.h"
#include "registryd/core/manifest.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kEveryTag = std::numeric_limits<std::size_t>::max();

Error immutable_tag(const RepositoryName& name, const Tag& tag, std::string why) {
  return Error(Code::forbidden,
               "the tag " + tag.str() + " of " + name.str() + " is immutable: " + std::move(why),
               "use another tag, or have this one taken out of bunker.access.immutable",
               reason::kDenied);
}

}  // namespace

bool Registry::Impl::is_immutable(const RepositoryName& name, const Tag& tag) const {
  return options.is_immutable && options.is_immutable(name, tag);
}

Task<Result<bool>> Registry::Impl::points_at(Context& context, const RepositoryName& name,
                                             const Tag& tag, const Digest& digest) {
  const auto target = co_await read_link(store, context, layout::tag_current(name, tag));
  if (!target && target.error().code != Code::not_found) co_return fail(target.error());
  co_return target && *target == digest;
}

Task<Result<void>> Registry::Impl::check_tags_may_be(Context& context, const RepositoryName& name,
                                                     const std::vector<Tag>& tags,
                                                     const Digest& digest) {
  for (const Tag& tag : tags) {
    if (!is_immutable(name, tag)) continue;
    const auto target = co_await read_link(store, context, layout::tag_current(name, tag));
    if (!target && target.error().code == Code::not_found) continue;
    if (!target) co_return fail(target.error());
    if (*target != digest) {
      co_return fail(immutable_tag(
          name, tag,
          "it points at " + target->str() + ", and only that can be pushed to it again"));
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Registry::Impl::check_tags_may_go(Context& context, const RepositoryName& name,
                                                     const std::vector<Tag>& tags,
                                                     const Digest& digest) {
  for (const Tag& tag : tags) {
    if (!is_immutable(name, tag)) continue;
    BUNKER_CO_TRY_ASSIGN(const bool is_named, co_await points_at(context, name, tag, digest));
    if (is_named) co_return fail(immutable_tag(name, tag, "it points at this manifest"));
  }
  co_return Result<void>();
}

// `current` goes last, by a call of its own, since one call promises no order: while it is there,
// the tag is whole, and without it a listed tag would be found by nobody.
Task<Result<void>> Registry::Impl::remove_tag_keys(Context& context,
                                                   const std::vector<storage::ListEntry>& entries,
                                                   const storage::ObjectKey& current) {
  std::vector<storage::ObjectKey> others;
  others.reserve(entries.size());
  for (const auto& entry : entries) {
    if (entry.key != current) others.push_back(entry.key);
  }
  if (!others.empty()) BUNKER_CO_TRY(co_await store.remove(context, std::move(others)));
  co_return co_await store.remove(context, std::vector<storage::ObjectKey>{current});
}

Task<Result<void>> Registry::Impl::remove_tag(Context& context, const RepositoryName& name,
                                              const Tag& tag) {
  BUNKER_CO_TRY_ASSIGN(const Permits held, co_await tag_locks.hold(context, name, tag));
  BUNKER_CO_TRY_ASSIGN(const auto entries,
                       co_await all_under(context, layout::tag_prefix(name, tag)));
  co_return co_await remove_tag_keys(context, entries, layout::tag_current(name, tag));
}

Task<Result<void>> Registry::Impl::remove_tag_of(Context& context, const RepositoryName& name,
                                                 const Tag& tag, const Digest& digest,
                                                 std::size_t step) {
  co_await breathe(step);
  BUNKER_CO_TRY_ASSIGN(const Permits held, co_await tag_locks.hold(context, name, tag));
  BUNKER_CO_TRY_ASSIGN(const bool is_named, co_await points_at(context, name, tag, digest));
  if (!is_named) co_return Result<void>();
  BUNKER_CO_TRY_ASSIGN(const auto entries,
                       co_await all_under(context, layout::tag_prefix(name, tag)));
  // Again, as late as can be: a push by way of another replica that moved the tag meanwhile keeps
  // it. One that comes there between this look and the removal loses it; its manifest stays, and
  // pushing again makes the tag anew.
  BUNKER_CO_TRY_ASSIGN(const bool is_still_named, co_await points_at(context, name, tag, digest));
  if (!is_still_named) co_return Result<void>();
  co_return co_await remove_tag_keys(context, entries, layout::tag_current(name, tag));
}

Task<Result<std::vector<Tag>>> Registry::Impl::tags_that_may_name(Context& context,
                                                                  const RepositoryName& name,
                                                                  const Digest& digest) {
  std::vector<Tag> tags;
  if (!store.remote()) {
    BUNKER_CO_TRY_ASSIGN(const auto names, co_await first_tags(context, name, {}, kEveryTag));
    for (const std::string& text : names) {
      if (auto tag = Tag::parse(text)) tags.push_back(*std::move(tag));
    }
    co_return tags;
  }
  BUNKER_CO_TRY_ASSIGN(const auto entries, co_await all_under(context, layout::tags_prefix(name)));
  std::map<std::string, bool> suspects;  // by tag: whether it has an index
  for (const auto& entry : entries) {
    const auto location = layout::parse_key(entry.key);
    if (!location) continue;
    if (const auto* current = std::get_if<layout::TagCurrent>(&*location)) {
      suspects.try_emplace(current->tag.str(), false);
    } else if (const auto* index = std::get_if<layout::TagIndex>(&*location)) {
      if (index->digest == digest) tags.push_back(index->tag);
      suspects[index->tag.str()] = true;
    }
  }
  // A tag without an index says nothing of what it pointed at.
  for (const auto& [text, indexed] : suspects) {
    if (!indexed) tags.push_back(*Tag::parse(text));
  }
  co_return tags;
}

Task<Result<void>> Registry::Impl::remove_tags_of(Context& context, const RepositoryName& name,
                                                  const Digest& digest) {
  BUNKER_CO_TRY_ASSIGN(const auto tags, co_await tags_that_may_name(context, name, digest));
  BUNKER_CO_TRY(co_await check_tags_may_go(context, name, tags, digest));
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
  if (present && impl_->is_immutable(name, tag)) {
    co_return fail(immutable_tag(name, tag, "it cannot be deleted"));
  }
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
