// Secrets as plans see and make them. Pure but for what a Mint gives; any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/clock.h"
#include "lib/kube/object.h"
#include "lib/pki/authority_set.h"
#include "operator/desired/desired.h"
#include "operator/plan/mint.h"

namespace bunker::op {

// Name of the file in a Secret -> content.
using Files = std::map<std::string, std::string>;

// The Secret of this name in the namespace; null: not among them.
[[nodiscard]] const kube::Object* find_secret(const std::vector<kube::Object>& objects,
                                              std::string_view ns, std::string_view name);

// What a Secret holds; entries that are not base64 are left out.
[[nodiscard]] Files files_of(const kube::Object& secret);

// A Secret with the labels and owner of `frame`'s metadata.
[[nodiscard]] kube::Object make_secret(nlohmann::json frame, const Files& files,
                                       std::string_view type = "Opaque");

// invalid: no authority in it, and why.
[[nodiscard]] Result<pki::AuthoritySet> authority_of(const kube::Object& secret);
[[nodiscard]] Files files_of(const pki::AuthoritySet& set);

// When authorities end. To read one's key and certificate takes OpenSSL milliseconds, and plans are
// made for every change of a pod: what was read is remembered. Any thread.
class AuthorityEnds {
 public:
  // The end of the CA that signs; nullopt: there is no authority in `secret`.
  [[nodiscard]] std::optional<SystemTime> of(const kube::Object& secret);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::optional<SystemTime>> known_;  // by digest of the content
};

// A Secret that is made once for `registry`. `shared`: the http secret of a Registry on the same
// storage, which it must have in common with this one.
[[nodiscard]] Result<kube::Object> mint_secret(const v1alpha1::Registry& registry,
                                               const desired::SecretNeed& need,
                                               const std::optional<std::string>& shared,
                                               const Mint& mint, SystemTime now);

[[nodiscard]] pki::KeyAlgorithm algorithm_of(v1alpha1::KeyType type) noexcept;

}  // namespace bunker::op
