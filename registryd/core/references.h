// Which of a manifest's references a repository must hold before it accepts the manifest, and from
// where foreign layers may come: ReferencePolicy applied to one document. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "registryd/core/manifest.h"
#include "registryd/core/registry.h"

namespace bunker::registry {

struct RequiredReferences {
  std::vector<Digest> blobs;      // sorted, without duplicates
  std::vector<Digest> manifests;  // the same
};

[[nodiscard]] RequiredReferences required_references(const ManifestContent& content,
                                                     const ReferencePolicy& policy);

// The compiled regular expressions of a policy. Thread-safe after construction.
class UrlRules {
 public:
  // A pattern that does not compile allows nothing, and denies everything.
  explicit UrlRules(const ReferencePolicy& policy);
  ~UrlRules();
  UrlRules(const UrlRules&) = delete;
  UrlRules& operator=(const UrlRules&) = delete;

  // MANIFEST_INVALID when a layer has a url that is not http(s), has a fragment, or is not allowed.
  [[nodiscard]] Result<void> check(const ManifestContent& content) const;

 private:
  struct Compiled;
  [[nodiscard]] bool allows(const std::string& url) const;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace bunker::registry
