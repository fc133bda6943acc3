// Which manifests have a given subject: Bunker's own index of links, and the fallback tag with
// which clients keep a list where a registry has none (spec: "Referrers Tag Schema").
#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/runtime/io_threads.h"
#include "registryd/core/manifest.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

using nlohmann::ordered_json;

// "<algorithm>-<hex>", the latter cut to 64 characters.
std::optional<Tag> fallback_tag(const Digest& subject) {
  constexpr std::size_t kHex = 64;
  const std::string text = std::string(to_string(subject.algorithm())) + "-" +
                           std::string(subject.hex().substr(0, kHex));
  auto tag = Tag::parse(text);
  if (!tag) return std::nullopt;
  return *std::move(tag);
}

ordered_json describe(const Digest& digest, const StoredManifest& stored,
                      const ManifestContent& content) {
  ordered_json out;
  out["mediaType"] = stored.media_type;
  out["digest"] = digest.str();
  out["size"] = stored.bytes->size();
  if (!content.artifact_type.empty()) out["artifactType"] = content.artifact_type;
  if (!content.annotations.empty()) {
    ordered_json annotations = ordered_json::object();
    for (const auto& [key, value] : content.annotations) annotations[key] = value;
    out["annotations"] = std::move(annotations);
  }
  return out;
}

}  // namespace

Task<Result<std::vector<Digest>>> Registry::Impl::linked_referrers(Context& context,
                                                                   const RepositoryName& name,
                                                                   const Digest& subject) {
  BUNKER_CO_TRY_ASSIGN(const auto entries,
                       co_await all_under(context, layout::referrers_prefix(name, subject)));
  std::vector<Digest> out;
  for (const auto& entry : entries) {
    const auto location = layout::parse_key(entry.key);
    const auto* link = location ? std::get_if<layout::ReferrerLink>(&*location) : nullptr;
    if (link != nullptr) out.push_back(link->referrer);
  }
  co_return out;
}

Task<Result<std::vector<Digest>>> Registry::Impl::listed_referrers(Context& context,
                                                                   const RepositoryName& name,
                                                                   const Digest& subject) {
  std::vector<Digest> out;
  const auto tag = fallback_tag(subject);
  if (!tag) co_return out;
  const auto target = co_await read_link(store, context, layout::tag_current(name, *tag));
  if (!target && target.error().code == Code::not_found) co_return out;
  if (!target) co_return fail(target.error());
  const auto index = co_await load_manifest(context, name, *target);
  if (!index && index.error().code == Code::not_found) co_return out;
  if (!index) co_return fail(index.error());
  const auto content = parse_manifest(*(*index)->bytes, {});
  if (!content) co_return out;  // a tag that only looks like a fallback tag
  for (const Descriptor& child : content->children) out.push_back(child.digest);
  co_return out;
}

Task<Result<std::string>> Registry::Impl::describe_referrer(Context& context,
                                                            const RepositoryName& name,
                                                            const Digest& subject,
                                                            const Digest& referrer,
                                                            const std::string& artifact_type) {
  const auto stored = co_await load_manifest(context, name, referrer);
  if (!stored && stored.error().code == Code::not_found) co_return std::string();
  if (!stored) co_return fail(stored.error());
  const auto content = parse_manifest(*(*stored)->bytes, {});
  if (!content || !content->subject || content->subject->digest != subject) {
    co_return std::string();
  }
  if (!artifact_type.empty() && content->artifact_type != artifact_type) co_return std::string();
  co_return describe(referrer, **stored, *content).dump();
}

Task<Result<std::string>> Registry::referrers(Context& context, RepositoryName name, Digest subject,
                                              std::string artifact_type) {
  std::vector<Task<Result<std::vector<Digest>>>> lists;
  lists.push_back(impl_->linked_referrers(context, name, subject));
  lists.push_back(impl_->listed_referrers(context, name, subject));
  auto found = co_await when_all(std::move(lists));
  std::vector<Digest> digests;
  for (auto& list : found) {
    BUNKER_CO_TRY_ASSIGN(auto some, std::move(list));
    std::ranges::move(some, std::back_inserter(digests));
  }
  std::ranges::sort(digests);
  const auto repeated = std::ranges::unique(digests);
  digests.erase(repeated.begin(), repeated.end());

  std::vector<Task<Result<std::string>>> calls;
  calls.reserve(digests.size());
  for (const Digest& digest : digests) {
    calls.push_back(impl_->describe_referrer(context, name, subject, digest, artifact_type));
  }
  auto descriptors = co_await when_all(std::move(calls), kParallelCalls);
  std::string out = R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::kOciIndex) +
                    R"(","manifests":[)";
  bool first = true;
  for (auto& result : descriptors) {
    BUNKER_CO_TRY_ASSIGN(const std::string descriptor, std::move(result));
    if (descriptor.empty()) continue;
    if (!first) out += ',';
    out += descriptor;
    first = false;
  }
  out += "]}";
  co_return out;
}

}  // namespace bunker::registry
