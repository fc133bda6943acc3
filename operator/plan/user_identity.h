// A user's key and certificate: found in Secrets, issued, put into Secrets, revoked. Pure but for
// what a Mint gives; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/kube/object.h"
#include "lib/pki/authority_set.h"
#include "lib/pki/rotation_policy.h"
#include "operator/api/resources.h"
#include "operator/plan/mint.h"
#include "operator/plan/plan.h"

namespace bunker::op {

// Holds a RegistryUser that is deleted until its certificates are revoked.
inline constexpr std::string_view kUserFinalizer = "bunker.dev/revoke";
// Another value of these on a RegistryUser asks for a new certificate; the second also revokes
// those before it, as after a theft.
inline constexpr std::string_view kRenewAnnotation = "bunker.dev/renew";
inline constexpr std::string_view kReplaceAnnotation = "bunker.dev/replace";

struct UserIdentity {
  std::optional<pki::Certificate> certificate;
  std::optional<pki::PrivateKey> key;
  std::string chain;           // PEM: the certificate, and those above it but the root
  std::string renew, replace;  // the annotations' values that it was made for
};

// What the user's Secret holds, as far as it can be read.
[[nodiscard]] UserIdentity identity_in(const std::vector<kube::Object>& owned,
                                       const v1alpha1::RegistryUser& user);

// Why a new certificate is needed; nullopt: it is not.
[[nodiscard]] std::optional<pki::RenewalReason> why_new(const v1alpha1::RegistryUser& user,
                                                        const UserIdentity& identity,
                                                        const pki::AuthoritySet& authority,
                                                        const Observed& observed);

// Issues one; `authority` notes it, and revokes those before it where that is asked for.
[[nodiscard]] Result<void> issue_into(const v1alpha1::RegistryUser& user,
                                      pki::AuthoritySet& authority, const Mint& mint,
                                      const Observed& observed, UserIdentity& identity);

// NAME and NAME-docker, to be applied. `server_bundle`: empty, without ca.crt.
[[nodiscard]] std::vector<kube::Object> user_secrets(const v1alpha1::RegistryUser& user,
                                                     const UserIdentity& identity,
                                                     const std::string& server_bundle);

// Revokes all of the user's that is still valid; false: nothing was.
[[nodiscard]] Result<bool> revoke_all(pki::AuthoritySet& authority, const kube::Object& subject,
                                      const Observed& observed);

// The fields of the authority's Secret that an issue or a revocation changes, bound to the version
// that was read: who changed it meanwhile wins, and this is planned again.
[[nodiscard]] kube::Object updated(const kube::Object& secret, const pki::AuthoritySet& authority);

[[nodiscard]] std::vector<std::string> finalizers_with(const kube::Object& subject);
[[nodiscard]] std::vector<std::string> finalizers_without(const kube::Object& subject);

}  // namespace bunker::op
