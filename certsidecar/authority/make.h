// New authorities, and leaves of them: lib/pki with names and keys chosen. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "certsidecar/authority/store.h"
#include "certsidecar/files/certificate_folder.h"
#include "lib/base/clock.h"
#include "lib/pki/authority_set.h"
#include "lib/pki/issue.h"
#include "lib/pki/key.h"

namespace bunker::certsidecar {

struct AuthoritySettings {
  std::string common_name = "Bunker CA";
  std::vector<std::string> organizations;
  pki::KeyAlgorithm algorithm = pki::KeyAlgorithm::ecdsa_p256;
  std::chrono::seconds lifetime = std::chrono::days(3650);
};

// The beginning of its key's fingerprint goes into its name, so that a CA and its successor are
// told apart everywhere. Errors as pki::make_authority().
[[nodiscard]] Result<pki::Authority> new_authority(const AuthoritySettings& settings,
                                                   SystemTime now);

// Settings for the successor of `current`: its name, organization, kind of key and lifetime.
[[nodiscard]] AuthoritySettings settings_like(const pki::Certificate& current);

// The request that `certificate` answers: its names, what it is for, and how long it lives.
[[nodiscard]] pki::LeafRequest request_like(const pki::Certificate& certificate);

// A new authority with its (empty) revocation list, in a store that has none. already_exists: it
// has one.
[[nodiscard]] Result<pki::AuthoritySet> create_authority(AuthorityStore& store,
                                                         const AuthoritySettings& settings,
                                                         std::chrono::seconds crl_lifetime,
                                                         SystemTime now);

// A new key, and a certificate for it by the CA that signs.
[[nodiscard]] Result<Leaf> issue_leaf(const pki::AuthoritySet& set, const pki::LeafRequest& request,
                                      pki::KeyAlgorithm algorithm, SystemTime now);

}  // namespace bunker::certsidecar
