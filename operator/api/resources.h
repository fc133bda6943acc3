// Registry and RegistryUser, read strictly: defaults are filled in and what the API server would
// refuse is refused here in the same words, so that `render` needs no cluster. Not for status:
// operator/plan writes it. Immutable; any thread.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/object.h"
#include "operator/api/schema.h"
#include "operator/api/types.h"

namespace bunker::v1alpha1 {

inline constexpr std::string_view kApiVersion = "bunker.dev/v1alpha1";

struct Registry {
  std::string name, ns, uid;
  std::int64_t generation = 0;
  RegistrySpec spec;
};

struct RegistryUser {
  std::string name, ns, uid;
  std::int64_t generation = 0;
  RegistryUserSpec spec;
  // The common name of the certificate: spec.commonName, or the resource's name.
  [[nodiscard]] const std::string& common_name() const;
};

class ResourceReader {
 public:
  ResourceReader();

  // invalid: not a resource of that kind, or it does not fit; the message names the resource, the
  // detail has a line for each mistake.
  [[nodiscard]] Result<Registry> registry(const kube::Object& object) const;
  [[nodiscard]] Result<RegistryUser> user(const kube::Object& object) const;

  // `object` with the defaults filled in, as the API server would store it.
  [[nodiscard]] kube::Object with_defaults(const kube::Object& object) const;

 private:
  Schema registry_;
  Schema user_;
};

// What the CEL rules refuse; in the CRD's own words.
[[nodiscard]] std::vector<Problem> broken_rules(const Registry& registry);
[[nodiscard]] std::vector<Problem> broken_rules(const RegistryUser& user);

}  // namespace bunker::v1alpha1
