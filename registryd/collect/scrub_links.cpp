// Links: whether each leads where it should.
#include <utility>
#include <variant>

#include "registryd/collect/scrub_parts.h"

namespace bunker::collect {
namespace {

namespace layout = registry::layout;

constexpr std::size_t kMaxLink = 512;
constexpr std::size_t kParallelReads = 32;
constexpr std::size_t kManifestsAtOnce = 256;

registry::RepositoryName name_of(const std::string& text) {
  return *registry::RepositoryName::parse(text);  // it comes from a key that was parsed
}

}  // namespace

Task<Result<void>> Scrubber::repositories() {
  BUNKER_CO_TRY(co_await each_page(std::string(layout::kRepositories), [this](Entries entries) {
    return take_keys(std::move(entries));
  }));
  co_return co_await finish_repository();
}

Task<Result<void>> Scrubber::take_keys(Entries entries) {
  for (const auto& entry : entries) {
    auto location = layout::parse_key(entry.key);
    if (!location) {
      found(Fault::foreign_key, entry.key, "not of a registry's layout", false);
      continue;
    }
    std::string name;
    if (const auto* upload = std::get_if<layout::UploadFile>(&*location)) {
      name = upload->name.str();
    } else {
      name = entry.key.substr(layout::kRepositories.size());
      name.resize(name.find("/_"));
    }
    if (name != repository_.name) {
      BUNKER_CO_TRY(co_await finish_repository());
      repository_.name = std::move(name);
    }
    if (const auto* upload = std::get_if<layout::UploadFile>(&*location)) {
      repository_.uploads.insert(upload->uuid);
    } else {
      repository_.links.push_back({entry.key, *std::move(location), std::nullopt});
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Scrubber::finish_repository() {
  if (!repository_.name.empty()) {
    ++report_.repositories;
    report_.unfinished_uploads += repository_.uploads.size();
    BUNKER_CO_TRY(co_await read_links());
    BUNKER_CO_TRY(co_await check_content_links());
    BUNKER_CO_TRY(co_await check_names());
    BUNKER_CO_TRY(co_await check_manifests());
    hooks_.progress(report_);
  }
  repository_ = {};
  layers_.clear();
  revisions_.clear();
  co_return Result<void>();
}

Task<Result<std::optional<Digest>>> Scrubber::read_link(std::string key) {
  const auto text = co_await store_.read(context_, std::move(key), kMaxLink);
  if (text) co_return layout::parse_link(*text);
  const Code code = text.error().code;
  if (code == Code::not_found || code == Code::too_large) co_return std::nullopt;
  co_return fail(text.error());
}

Task<Result<void>> Scrubber::read_links() {
  std::vector<Task<Result<std::optional<Digest>>>> reads;
  for (const Link& link : repository_.links) reads.push_back(read_link(link.key));
  auto results = co_await when_all(std::move(reads), kParallelReads);
  for (std::size_t i = 0; i < results.size(); ++i) {
    BUNKER_CO_TRY_ASSIGN(repository_.links[i].target, std::move(results[i]));
    ++report_.links;
  }
  co_return Result<void>();
}

Task<Result<void>> Scrubber::drop(Fault fault, const Link& link, storage::ObjectKey needs,
                                  std::string detail) {
  if (!options_.repair) {
    found(fault, link.key, std::move(detail), false);
    co_return Result<void>();
  }
  const auto text = co_await store_.read(context_, link.key, kMaxLink);
  BUNKER_CO_TRY(co_await store_.remove(context_, {link.key}));
  if (!needs.empty()) {
    const auto there = co_await store_.head(context_, std::move(needs));
    if (there && text) {  // a push completed it just now
      co_return co_await store_.put(context_, link.key, *text);
    }
  }
  found(fault, link.key, std::move(detail), true);
  co_return Result<void>();
}

Task<Result<void>> Scrubber::add(storage::ObjectKey key, const Digest& target, std::string detail) {
  if (options_.repair) BUNKER_CO_TRY(co_await store_.put(context_, key, target.str()));
  found(Fault::missing_entry, std::move(key), std::move(detail), options_.repair);
  co_return Result<void>();
}

// Links to bytes: of layers, and of manifests.
Task<Result<void>> Scrubber::check_content_links() {
  for (const Link& link : repository_.links) {
    const auto* layer = std::get_if<layout::LayerLink>(&link.at);
    const auto* revision = std::get_if<layout::RevisionLink>(&link.at);
    if (layer == nullptr && revision == nullptr) continue;
    const Digest& named = layer != nullptr ? layer->digest : revision->digest;
    // A manifest's link is only asked whether it is there.
    if (layer != nullptr && !link.target) {
      BUNKER_CO_TRY(co_await drop(Fault::damaged_link, link, {}, "it names no digest"));
      continue;
    }
    const Digest& target = layer != nullptr ? *link.target : named;
    if (good_.contains(target)) {
      (layer != nullptr ? layers_ : revisions_).insert(PackedDigest(named));
      continue;
    }
    BUNKER_CO_TRY(co_await drop(layer != nullptr ? Fault::dangling_layer : Fault::dangling_revision,
                                link, layout::blob_data(target),
                                "there are no good bytes of " + target.str()));
  }
  co_return Result<void>();
}

// Tags, their history, and the entries of referrers.
Task<Result<void>> Scrubber::check_names() {
  const auto name = name_of(repository_.name);
  std::set<std::string> keys;
  for (const Link& link : repository_.links) keys.insert(link.key);
  for (const Link& link : repository_.links) {
    if (const auto* tag = std::get_if<layout::TagCurrent>(&link.at)) {
      if (!link.target) {
        BUNKER_CO_TRY(co_await drop(Fault::damaged_link, link, {}, "it names no digest"));
      } else if (!revisions_.contains(PackedDigest(*link.target))) {
        BUNKER_CO_TRY(co_await drop(Fault::dangling_tag, link,
                                    layout::revision_link(name, *link.target),
                                    "the repository has no manifest " + link.target->str()));
      } else if (auto key = layout::tag_index(name, tag->tag, *link.target); !keys.contains(key)) {
        BUNKER_CO_TRY(co_await add(std::move(key), *link.target, "a tag's history lacks it"));
      }
      continue;
    }
    std::optional<Digest> entry;
    if (const auto* index = std::get_if<layout::TagIndex>(&link.at)) entry = index->digest;
    if (const auto* index = std::get_if<layout::ReferrerLink>(&link.at)) entry = index->referrer;
    if (!entry || revisions_.contains(PackedDigest(*entry))) continue;
    BUNKER_CO_TRY(co_await drop(Fault::stale_entry, link, layout::revision_link(name, *entry),
                                "the repository has no manifest " + entry->str()));
  }
  co_return Result<void>();
}

Task<Result<void>> Scrubber::check_referrer(const Digest& subject, const Digest& referrer) {
  auto key = layout::referrer_link(name_of(repository_.name), subject, referrer);
  const auto present = co_await store_.head(context_, key);
  if (present) co_return Result<void>();
  if (present.error().code != Code::not_found) co_return fail(present.error());
  co_return co_await add(std::move(key), referrer, "the index of referrers lacks it");
}

// What each manifest names is there.
Task<Result<void>> Scrubber::check_manifests() {
  const std::vector<PackedDigest> all(revisions_.begin(), revisions_.end());
  for (std::size_t from = 0; from < all.size(); from += kManifestsAtOnce) {
    std::vector<Digest> digests;
    for (std::size_t i = from; i < std::min(from + kManifestsAtOnce, all.size()); ++i) {
      digests.push_back(all[i].unpack());
    }
    BUNKER_CO_TRY_ASSIGN(const auto references, co_await reader_.read(context_, digests));
    for (std::size_t i = 0; i < digests.size(); ++i) {
      ++report_.manifests;
      for (const PackedDigest& held : references[i].holds) {
        if (layers_.contains(held) || revisions_.contains(held)) continue;
        found(Fault::incomplete_image, layout::revision_link(name_of(repository_.name), digests[i]),
              "the repository lacks " + held.unpack().str() + "; push the image again", false);
      }
      if (!references[i].subject) continue;
      BUNKER_CO_TRY(co_await check_referrer(references[i].subject->unpack(), digests[i]));
    }
  }
  co_return Result<void>();
}

}  // namespace bunker::collect
