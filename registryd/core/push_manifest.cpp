// Manifests on their way in. Order of writes: bytes, revision, referrers index, tags. So a reader
// that finds a tag finds all that it stands for, wherever the writer died.
#include <algorithm>

#include "lib/runtime/io_threads.h"
#include "registryd/core/errors.h"
#include "registryd/core/manifest.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kWorthAListing = 3;   // links to look at
constexpr std::size_t kListedLinks = 200;   // a listing of more takes longer than it saves
constexpr std::size_t kManyNames = 10'000;  // of repositories that have more, kept in memory
constexpr std::size_t kMaxNamed = 100;      // missing references that an error lists one by one

// Under which digest the manifest is kept: that of the request, which must be right, else sha256.
Result<Digest> digest_of(const Reference& reference, std::string_view bytes) {
  const auto* wanted = std::get_if<Digest>(&reference);
  if (wanted == nullptr) return Digest::of(Algorithm::sha256, bytes);
  Digest actual = Digest::of(wanted->algorithm(), bytes);
  if (actual == *wanted) return actual;
  return fail(Code::invalid, "the manifest does not have the digest " + wanted->str(),
              "its digest is " + actual.str(), reason::kDigestInvalid);
}

std::unexpected<Error> missing_references(const RepositoryName& name,
                                          const std::vector<Digest>& missing) {
  std::string detail = "missing: ";
  for (std::size_t i = 0; i < std::min(missing.size(), kMaxNamed); ++i) {
    if (i > 0) detail += ", ";
    detail += missing[i].str();
  }
  if (missing.size() > kMaxNamed) {
    detail += " and " + std::to_string(missing.size() - kMaxNamed) + " more";
  }
  detail += "; push them to this repository first";
  return fail(Code::invalid,
              "the manifest refers to " + std::to_string(missing.size()) +
                  (missing.size() == 1 ? " object" : " objects") + " that repository " +
                  name.str() + " does not have",
              std::move(detail), reason::kManifestBlobUnknown);
}

// The tag of the request, where it has one, and `others`, each once.
std::vector<Tag> all_tags(const Reference& reference, const std::vector<Tag>& others) {
  std::vector<Tag> out;
  if (const auto* tag = std::get_if<Tag>(&reference)) out.push_back(*tag);
  for (const Tag& tag : others) {
    if (std::ranges::find(out, tag) == out.end()) out.push_back(tag);
  }
  return out;
}

// What a collection must leave alone from now on: the manifest, and all that it names.
std::vector<Digest> everything_named(const ManifestContent& content, const Digest& self) {
  std::vector<Digest> out{self};
  if (content.config) out.push_back(content.config->digest);
  for (const Descriptor& layer : content.layers) out.push_back(layer.digest);
  for (const Descriptor& child : content.children) out.push_back(child.digest);
  if (content.subject) out.push_back(content.subject->digest);
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

}  // namespace

Task<Result<std::optional<std::set<Digest>>>> Registry::Impl::linked_blobs(
    Context& context, const RepositoryName& name) {
  if (large.contains(name.str())) co_return std::nullopt;
  storage::ListOptions list;
  list.limit = kListedLinks;
  BUNKER_CO_TRY_ASSIGN(const auto page,
                       co_await store.list(context, layout::layers_prefix(name), std::move(list)));
  if (page.truncated) {
    large.insert(name.str(), kManyNames);
    co_return std::nullopt;
  }
  std::set<Digest> digests;
  for (const auto& entry : page.entries) {
    const auto location = layout::parse_key(entry.key);
    if (!location) continue;
    if (const auto* link = std::get_if<layout::LayerLink>(&*location)) digests.insert(link->digest);
  }
  co_return digests;
}

Task<Result<void>> Registry::Impl::confirm_manifest(Context& context,
                                                    CollectionGuard::Protection& protection,
                                                    const RepositoryName& name,
                                                    const Digest& digest,
                                                    const ManifestContent& content) {
  while (!guard.in_time(protection)) {
    BUNKER_CO_TRY_ASSIGN(protection,
                         co_await guard.protect(context, everything_named(content, digest)));
    BUNKER_CO_TRY(
        co_await check_references(context, name, required_references(content, options.references)));
    BUNKER_CO_TRY_ASSIGN(const bool present, co_await has_manifest(context, name, digest));
    if (!present) {
      co_return fail(Code::retry_later, "the manifest was collected while it was being pushed",
                     "push it again");
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Registry::Impl::check_references(Context& context, const RepositoryName& name,
                                                    const RequiredReferences& references) {
  std::vector<Task<Result<bool>>> checks;
  std::vector<Digest> digests;
  std::optional<std::set<Digest>> linked;
  if (store.remote() && references.blobs.size() >= kWorthAListing) {
    BUNKER_CO_TRY_ASSIGN(linked, co_await linked_blobs(context, name));
  }
  for (const Digest& digest : references.blobs) {
    std::optional<bool> known;
    if (linked) known = linked->contains(digest);
    checks.push_back(has_blob(context, name, digest, known));
    digests.push_back(digest);
  }
  for (const Digest& digest : references.manifests) {
    checks.push_back(has_manifest(context, name, digest));
    digests.push_back(digest);
  }
  std::vector<Digest> missing;
  auto results = co_await run_checks(std::move(checks));
  for (std::size_t i = 0; i < results.size(); ++i) {
    BUNKER_CO_TRY_ASSIGN(const bool present, std::move(results[i]));
    if (!present) missing.push_back(digests[i]);
  }
  if (!missing.empty()) co_return missing_references(name, missing);
  co_return Result<void>();
}

Task<std::vector<Result<bool>>> Registry::Impl::run_checks(std::vector<Task<Result<bool>>> checks) {
  if (store.remote()) co_return co_await when_all(std::move(checks), kParallelCalls);
  std::vector<Result<bool>> results;
  results.reserve(checks.size());
  for (auto& check : checks) {
    co_await breathe(results.size());
    results.push_back(co_await std::move(check));
  }
  co_return results;
}

Task<Result<void>> Registry::Impl::write_revision(Context& context, const RepositoryName& name,
                                                  const Digest& digest,
                                                  StoredManifestPtr manifest) {
  BUNKER_CO_TRY(co_await put_if_different(context, layout::blob_data(digest), *manifest->bytes));
  BUNKER_CO_TRY(co_await renew_link(context, layout::revision_link(name, digest), digest.str()));
  manifests.insert(digest, std::move(manifest));
  co_return Result<void>();
}

Task<Result<void>> Registry::Impl::write_tag(Context& context, const RepositoryName& name,
                                             const Tag& tag, const Digest& digest) {
  BUNKER_CO_TRY_ASSIGN(const Permits held, co_await tag_locks.hold(context, name, tag));
  // The index entry comes second: a tag that is only in its index would be listed and not found.
  BUNKER_CO_TRY(co_await put_if_different(context, layout::tag_current(name, tag), digest.str()));
  co_return co_await put_if_different(context, layout::tag_index(name, tag, digest), digest.str());
}

Task<Result<void>> Registry::Impl::write_tags(Context& context, const RepositoryName& name,
                                              const std::vector<Tag>& tags, const Digest& digest) {
  std::vector<Task<Result<void>>> writes;
  writes.reserve(tags.size());
  for (const Tag& tag : tags) writes.push_back(write_tag(context, name, tag, digest));
  auto results = co_await when_all(std::move(writes), kParallelCalls);
  for (auto& result : results) BUNKER_CO_TRY(std::move(result));
  co_return Result<void>();
}

Task<Result<ManifestPushed>> Registry::put_manifest(Context& context, RepositoryName name,
                                                    Reference reference, std::string media_type,
                                                    std::string bytes, std::vector<Tag> tags) {
  BUNKER_CO_TRY(impl_->check_writable());
  if (bytes.size() > impl_->options.max_manifest_bytes) {
    co_return fail(
        Code::too_large, "the manifest is too large",
        "at most " + std::to_string(impl_->options.max_manifest_bytes) + " bytes are accepted");
  }
  BUNKER_CO_TRY_ASSIGN(const Digest digest, digest_of(reference, bytes));
  BUNKER_CO_TRY_ASSIGN(const ManifestContent content, parse_manifest(bytes, media_type));
  const ReferencePolicy& policy = impl_->options.references;
  if (!policy.disabled) BUNKER_CO_TRY(impl_->url_rules.check(content));
  const std::vector<Tag> wanted = all_tags(reference, tags);
  BUNKER_CO_TRY(co_await impl_->check_tags_may_be(context, name, wanted, digest));
  const RequiredReferences references = required_references(content, policy);
  BUNKER_CO_TRY_ASSIGN(auto protection,
                       co_await impl_->guard.protect(context, everything_named(content, digest)));
  BUNKER_CO_TRY(co_await impl_->check_references(context, name, references));

  auto stored = std::make_shared<StoredManifest>();
  stored->media_type = content.media_type;
  stored->bytes = std::make_shared<const std::string>(std::move(bytes));
  BUNKER_CO_TRY(co_await impl_->write_revision(context, name, digest, std::move(stored)));
  ManifestPushed pushed{digest, std::nullopt, {}};
  if (content.subject) {
    pushed.subject = content.subject->digest;
    BUNKER_CO_TRY(co_await impl_->put_if_different(
        context, layout::referrer_link(name, content.subject->digest, digest), digest.str()));
  }
  BUNKER_CO_TRY(co_await impl_->confirm_manifest(context, protection, name, digest, content));
  BUNKER_CO_TRY(co_await impl_->write_tags(context, name, wanted, digest));
  BUNKER_CO_TRY(co_await impl_->confirm_manifest(context, protection, name, digest, content));
  for (const Tag& tag : wanted) pushed.tags.push_back(tag.str());
  co_return pushed;
}

}  // namespace bunker::registry
