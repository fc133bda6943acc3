// An authority in a Kubernetes Secret, through the API. Replicas publish the generation that they
// run in an annotation of their own Pod, and who holds the Lease drives rotation. Needs the rights
// that docs/certsidecar.md lists.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "certsidecar/authority/store.h"
#include "lib/kube/client.h"

namespace bunker::certsidecar {

struct SecretPlace {
  std::string ns;
  std::string name;       // of the Secret
  std::string authority;  // its name in the configuration, which is the same in every replica
  // Whether this replica holds the Lease. Any thread.
  std::function<bool()> lead;
};

// The annotation that holds the generation: "certificates.bunker.dev/server".
[[nodiscard]] std::string generation_annotation(const std::string& authority);

// `client` outlives the store.
[[nodiscard]] std::unique_ptr<AuthorityStore> make_secret_store(kube::Client& client,
                                                                SecretPlace place);

}  // namespace bunker::certsidecar
