#include "operator/plan/user_identity.h"

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/kube/object_json.h"
#include "lib/pki/bundle.h"
#include "lib/pki/issue.h"
#include "operator/api/duration.h"
#include "operator/desired/build.h"
#include "operator/plan/difference.h"
#include "operator/plan/secrets.h"

namespace bunker::op {
namespace {

using nlohmann::json;
using v1alpha1::RegistryUser;

std::string annotation(const kube::Object& object, std::string_view key) {
  return std::string(object.annotation(key).value_or(""));
}

pki::LeafRequest request_for(const RegistryUser& user) {
  pki::LeafRequest out;
  out.subject.common_name = user.common_name();
  out.subject.organizations = user.spec.groups;
  out.for_clients = true;
  out.lifetime =
      std::chrono::duration_cast<std::chrono::seconds>(v1alpha1::duration_of(user.spec.lifetime));
  return out;
}

std::vector<std::string> valid_serials(const pki::AuthoritySet& authority, std::string_view name,
                                       SystemTime now) {
  std::vector<std::string> out;
  for (const pki::IssuedClient& each : authority.issued) {
    if (each.name == name && each.not_after > now) out.push_back(each.serial);
  }
  return out;
}

json frame(const RegistryUser& user, const std::string& name, const UserIdentity& identity) {
  json metadata = {{"name", name},
                   {"namespace", user.ns},
                   {"labels",
                    {{"app.kubernetes.io/name", "bunker"},
                     {"app.kubernetes.io/component", "user"},
                     {"app.kubernetes.io/part-of", "bunker"},
                     {kManagedByLabel, kManagedBy},
                     {"bunker.dev/registry", user.spec.registry.name},
                     {"bunker.dev/user", user.name}}},
                   {"ownerReferences", json::array({{{"apiVersion", v1alpha1::kApiVersion},
                                                     {"kind", "RegistryUser"},
                                                     {"name", user.name},
                                                     {"uid", user.uid},
                                                     {"controller", true},
                                                     {"blockOwnerDeletion", true}}})}};
  if (!identity.renew.empty()) {
    metadata["annotations"][std::string(kRenewAnnotation)] = identity.renew;
  }
  if (!identity.replace.empty()) {
    metadata["annotations"][std::string(kReplaceAnnotation)] = identity.replace;
  }
  return {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", std::move(metadata)}};
}

}  // namespace

UserIdentity identity_in(const std::vector<kube::Object>& owned, const RegistryUser& user) {
  UserIdentity out;
  const kube::Object* secret = find_secret(owned, user.ns, user.name);
  if (!secret) return out;
  const Files files = files_of(*secret);
  const auto chain = files.find("tls.crt");
  const auto key = files.find("tls.key");
  if (chain == files.end() || key == files.end()) return out;
  Result<std::vector<pki::Certificate>> certificates = pki::parse_bundle(chain->second);
  Result<pki::PrivateKey> private_key = pki::PrivateKey::from_pem(key->second);
  if (!certificates || !private_key) return out;
  out.certificate = certificates->front();
  out.key = *std::move(private_key);
  out.chain = chain->second;
  out.renew = annotation(*secret, kRenewAnnotation);
  out.replace = annotation(*secret, kReplaceAnnotation);
  return out;
}

std::optional<pki::RenewalReason> why_new(const RegistryUser& user, const UserIdentity& identity,
                                          const pki::AuthoritySet& authority,
                                          const Observed& observed) {
  if (identity.certificate &&
      (annotation(observed.subject, kRenewAnnotation) != identity.renew ||
       annotation(observed.subject, kReplaceAnnotation) != identity.replace)) {
    return pki::RenewalReason{"AskedFor", "an annotation asks for a new one"};
  }
  pki::LeafState state;
  if (identity.certificate) state.certificate = &*identity.certificate;
  if (identity.key) state.key = &*identity.key;
  pki::LeafTarget target;
  target.request = request_for(user);
  target.algorithm = algorithm_of(user.spec.key_type);
  target.issuer = &authority.current.certificate();
  return pki::renewal_reason(state, target, {}, observed.now);
}

Result<void> issue_into(const RegistryUser& user, pki::AuthoritySet& authority, const Mint& mint,
                        const Observed& observed, UserIdentity& identity) {
  const std::string replace = annotation(observed.subject, kReplaceAnnotation);
  if (identity.certificate && replace != identity.replace) {
    BUNKER_TRY(
        pki::revoke(authority, valid_serials(authority, user.name, observed.now), observed.now));
  }
  const pki::LeafRequest request = request_for(user);
  BUNKER_TRY(pki::check(request));
  BUNKER_TRY_ASSIGN(pki::PrivateKey key, mint.key(algorithm_of(user.spec.key_type)));
  BUNKER_TRY_ASSIGN(pki::Certificate certificate,
                    pki::issue(authority.current, key.public_key(), request, observed.now));
  pki::record_issued(authority, user.name, certificate, observed.now);
  identity.chain = pki::to_pem(certificate) + pki::to_pem(authority.current.intermediates());
  identity.certificate = std::move(certificate);
  identity.key = std::move(key);
  identity.renew = annotation(observed.subject, kRenewAnnotation);
  identity.replace = replace;
  return {};
}

std::vector<kube::Object> user_secrets(const RegistryUser& user, const UserIdentity& identity,
                                       const std::string& server_bundle) {
  const pki::SecretText key = identity.key->to_pem();
  Files program = {{"tls.crt", identity.chain}, {"tls.key", std::string(key.view())}};
  // Docker takes every *.key without its *.cert for a mistake, so nothing else is in this one.
  Files docker = {{"client.cert", identity.chain}, {"client.key", std::string(key.view())}};
  if (!server_bundle.empty()) program["ca.crt"] = docker["ca.crt"] = server_bundle;
  return {make_secret(frame(user, user.name, identity), program, "kubernetes.io/tls"),
          make_secret(frame(user, user.name + "-docker", identity), docker)};
}

Result<bool> revoke_all(pki::AuthoritySet& authority, const kube::Object& subject,
                        const Observed& observed) {
  std::vector<std::string> serials = valid_serials(authority, subject.name(), observed.now);
  const json& last = kube::at(subject, "/status/serial");
  if (last.is_string() && std::ranges::find(serials, last.get<std::string>()) == serials.end()) {
    serials.push_back(last.get<std::string>());
  }
  if (serials.empty()) return false;
  BUNKER_TRY(pki::revoke(authority, serials, observed.now));
  return true;
}

kube::Object updated(const kube::Object& secret, const pki::AuthoritySet& authority) {
  json out = {{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"metadata",
               {{"name", secret.name()},
                {"namespace", secret.ns()},
                {"resourceVersion", secret.resource_version()}}}};
  for (const auto& [name, bytes] : files_of(authority)) {
    if (name == "state.json" || name == "ca.crl") out["data"][name] = base64_encode(bytes);
  }
  return kube::Object(std::move(out));
}

std::vector<std::string> finalizers_with(const kube::Object& subject) {
  std::vector<std::string> out = finalizers_without(subject);
  out.emplace_back(kUserFinalizer);
  return out;
}

std::vector<std::string> finalizers_without(const kube::Object& subject) {
  std::vector<std::string> out;
  const json& there = kube::at(subject, "/metadata/finalizers");
  if (!there.is_array()) return out;
  for (const json& each : there) {
    if (each.is_string() && each != kUserFinalizer) out.push_back(each.get<std::string>());
  }
  return out;
}

}  // namespace bunker::op
