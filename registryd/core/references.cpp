#include "registryd/core/references.h"

#include <algorithm>

#include <re2/re2.h>

#include "registryd/core/errors.h"
#include "registryd/core/in_quotes.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kLongestUrl = 2048;

void sort_out(std::vector<Digest>& digests) {
  std::ranges::sort(digests);
  const auto rest = std::ranges::unique(digests);
  digests.erase(rest.begin(), rest.end());
}

bool must_exist(const Descriptor& child, const ReferencePolicy& policy) {
  if (policy.indexes == ReferencePolicy::Indexes::none) return false;
  if (policy.indexes == ReferencePolicy::Indexes::all || policy.platforms.empty()) return true;
  if (!child.platform) return false;
  return std::ranges::any_of(policy.platforms, [&child](const auto& wanted) {
    return wanted.os == child.platform->os && wanted.architecture == child.platform->architecture;
  });
}

}  // namespace

RequiredReferences required_references(const ManifestContent& content,
                                       const ReferencePolicy& policy) {
  RequiredReferences out;
  if (policy.disabled || !policy.required) return out;
  if (content.config) out.blobs.push_back(content.config->digest);
  for (const Descriptor& layer : content.layers) {
    if (is_foreign_layer_type(layer.media_type) && !layer.urls.empty()) continue;
    out.blobs.push_back(layer.digest);
  }
  for (const Descriptor& child : content.children) {
    if (!must_exist(child, policy)) continue;
    // Build caches are indexes of layers and other blobs.
    auto& kind = is_manifest_type(child.media_type) ? out.manifests : out.blobs;
    kind.push_back(child.digest);
  }
  sort_out(out.blobs);
  sort_out(out.manifests);
  return out;
}

// RE2's: as in distribution, and no url or pattern takes longer than its length.
using Patterns = std::vector<std::unique_ptr<const re2::RE2>>;

struct UrlRules::Compiled {
  Patterns allow;
  Patterns deny;
};

namespace {

Patterns compile(const std::vector<std::string>& texts) {
  Patterns out;
  for (const std::string& text : texts) {
    out.push_back(std::make_unique<const re2::RE2>(text, re2::RE2::Quiet));
  }
  return out;
}

}  // namespace

UrlRules::UrlRules(const ReferencePolicy& policy)
    : compiled_(new Compiled{compile(policy.urls_allow), compile(policy.urls_deny)}) {}

UrlRules::~UrlRules() = default;

bool UrlRules::allows(const std::string& url) const {
  const bool web = url.starts_with("https://") || url.starts_with("http://");
  if (!web || url.contains('#') || url.size() > kLongestUrl) return false;
  const auto matches = [&url](const auto& pattern) {
    return pattern->ok() && re2::RE2::PartialMatch(url, *pattern);
  };
  const auto denies = [&](const auto& pattern) { return !pattern->ok() || matches(pattern); };
  if (std::ranges::any_of(compiled_->deny, denies)) return false;
  return compiled_->allow.empty() || std::ranges::any_of(compiled_->allow, matches);
}

Result<void> UrlRules::check(const ManifestContent& content) const {
  for (const Descriptor& layer : content.layers) {
    for (const std::string& url : layer.urls) {
      if (allows(url)) continue;
      return fail(Code::invalid,
                  "the layer " + layer.digest.str() + " has the url " + in_quotes(url) +
                      ", which is not allowed",
                  "only http and https urls without a fragment are, as far as "
                  "validation.manifests.urls allows them",
                  reason::kManifestInvalid);
    }
  }
  return {};
}

}  // namespace bunker::registry
