#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/kube/object_json.h"
#include "lib/pki/bundle.h"
#include "lib/pki/issue.h"
#include "lib/pki/rotation_policy.h"
#include "operator/api/duration.h"
#include "operator/desired/build.h"
#include "operator/plan/conditions.h"
#include "operator/plan/difference.h"
#include "operator/plan/planners.h"
#include "operator/plan/secrets.h"
#include "operator/plan/user_identity.h"

namespace bunker::op {
namespace {

using nlohmann::json;
using v1alpha1::Registry;
using v1alpha1::RegistryUser;

// A new CA of the servers reaches users' Secrets at the latest then.
constexpr std::chrono::hours kLookAgain{1};

class UserPlanner final : public Planner {
 public:
  explicit UserPlanner(PlannerOptions options) : options_(std::move(options)) {}

  Plan plan(const Observed& observed) const override {
    const kube::Object& subject = observed.subject;
    const Result<RegistryUser> user = reader_.user(subject);
    const std::optional<Registry> registry = registry_of(observed);
    if (subject.deleting()) return leave(observed);
    if (!user) return told(observed, not_ready("InvalidSpec", user.error().detail));
    if (observed.failure) return told(observed, not_ready("ApplyFailed", *observed.failure));
    const std::string& wanted = user->spec.registry.name;
    if (!registry) {
      return told(observed,
                  not_ready("RegistryMissing", "there is no valid Registry " + wanted +
                                                   " in this namespace: make it, or mend it"));
    }
    if (!desired::knows_clients(*registry)) {
      return told(observed,
                  not_ready("ClientsNotAsked", "Registry " + wanted +
                                                   " does not ask for certificates: set its "
                                                   "spec.tls.clientAuth.mode"));
    }
    const std::string name = desired::client_ca_name(*registry);
    const kube::Object* secret = find_secret(observed.secrets, registry->ns, name);
    if (!secret) return told(observed, authority_missing(*registry, name));
    if (lacks_key(*secret)) return told(observed, authority_without_key(*registry, name));
    Result<pki::AuthoritySet> authority = authority_of(*secret);
    if (!authority) {
      return told(observed, not_ready("AuthorityUnusable",
                                      "Secret " + name + ": " + authority.error().message));
    }
    return keep({*user, *registry, *secret, server_bundle(observed, *registry), observed},
                *std::move(authority));
  }

 private:
  // What a user's certificate is made of.
  struct Case {
    const RegistryUser& user;
    const Registry& registry;
    const kube::Object& authority_secret;
    std::string server_bundle;
    const Observed& observed;
  };

  static Condition not_ready(std::string reason, std::string message) {
    return {"Ready", Truth::no, std::move(reason), std::move(message)};
  }

  static Condition authority_missing(const Registry& registry, const std::string& name) {
    if (registry.spec.tls.client_auth.ca_secret) {
      return not_ready("AuthorityOutOfReach",
                       "Secret " + name + " is not there, or not labelled for the operator: " +
                           "kubectl --namespace " + registry.ns + " label secret " + name + " " +
                           std::string(desired::kRegistryLabel) + "=" + registry.name +
                           " lets it sign");
    }
    return not_ready("AuthorityMissing", "Secret " + name + " is not there yet");
  }

  static bool lacks_key(const kube::Object& secret) {
    const Files files = files_of(secret);
    return !files.contains("ca.key") && !files.contains("tls.key");
  }

  static Condition authority_without_key(const Registry& registry, const std::string& name) {
    return not_ready("AuthorityWithoutKey",
                     "Secret " + name +
                         " has no ca.key, so that the operator cannot sign with it: add the key, "
                         "issue the certificate where the key is, or remove "
                         "spec.tls.clientAuth.caSecret from Registry " +
                         registry.name + ", to have a CA made");
  }

  // Whatever its state; null: it is not there.
  static const kube::Object* named_registry(const Observed& observed) {
    const json& name = kube::at(observed.subject, "/spec/registry/name");
    for (const kube::Object& each : observed.related) {
      if (each.gvk().kind == "Registry" && each.ns() == observed.subject.ns() &&
          name == each.name()) {
        return &each;
      }
    }
    return nullptr;
  }

  std::optional<Registry> registry_of(const Observed& observed) const {
    const kube::Object* named = named_registry(observed);
    if (named == nullptr || named->deleting()) return std::nullopt;
    Result<Registry> registry = reader_.registry(*named);
    return registry ? std::optional(*std::move(registry)) : std::nullopt;
  }

  // desired::client_ca_name() of one that need not be valid.
  static std::string client_ca_of(const kube::Object& registry) {
    const json& given = kube::at(registry, "/spec/tls/clientAuth/caSecret/name");
    return given.is_string() ? given.get<std::string>()
                             : desired::name_of(registry.name(), "client-ca");
  }

  // What clients trust the server by; empty: somebody else knows.
  static std::string server_bundle(const Observed& observed, const Registry& registry) {
    if (!desired::manages_certificates(registry)) return {};
    const kube::Object* secret =
        find_secret(observed.secrets, registry.ns, desired::server_ca_name(registry));
    if (!secret) return {};
    const Result<pki::AuthoritySet> set = authority_of(*secret);
    return set ? pki::to_pem(set->trusted()) : std::string();
  }

  Plan keep(const Case& wanted, pki::AuthoritySet authority) const {
    const Observed& observed = wanted.observed;
    Plan out;
    if (!observed.subject.has_finalizer(kUserFinalizer)) {
      out.finalizers = finalizers_with(observed.subject);
    }
    UserIdentity identity = identity_in(observed.owned, wanted.user);
    const std::optional<pki::RenewalReason> reason =
        why_new(wanted.user, identity, authority, observed);
    if (reason) {
      const Result<void> issued =
          issue_into(wanted.user, authority, *options_.mint, observed, identity);
      if (!issued) {
        return told(observed, not_ready("NotIssued", issued.error().message));
      }
      // Before the certificate is handed out, so that it can be revoked whatever happens next.
      out.apply.push_back(updated(wanted.authority_secret, authority));
      out.events.push_back({false, "CertificateIssued", "IssueCertificate",
                            "issued a certificate valid until " +
                                format_rfc3339(identity.certificate->not_after) + ": " +
                                reason->message});
    }
    for (kube::Object& each : user_secrets(wanted.user, identity, wanted.server_bundle)) {
      const kube::Object* there = find_secret(observed.owned, each.ns(), each.name());
      if (!there || differs(each, *there)) out.apply.push_back(std::move(each));
    }
    const SystemTime renewal = pki::renewal_time(*identity.certificate, {});
    report(wanted, identity, renewal, out);
    const auto left = std::chrono::ceil<std::chrono::seconds>(renewal - observed.now);
    out.again = std::clamp<std::chrono::seconds>(left, std::chrono::seconds(1), kLookAgain);
    return out;
  }

  static void report(const Case& wanted, const UserIdentity& identity, SystemTime renewal,
                     Plan& out) {
    const RegistryUser& user = wanted.user;
    const std::string until = format_rfc3339(identity.certificate->not_after);
    const Condition ready = {"Ready", Truth::yes, "CertificateValid",
                             "Secrets " + user.name + " and " + user.name +
                                 "-docker hold a certificate that is valid until " + until};
    const json& before = kube::at(wanted.observed.subject, "/status");
    json status = {{"observedGeneration", user.generation},
                   {"conditions", to_json({ready}, before, user.generation, wanted.observed.now)},
                   {"secretName", user.name},
                   {"dockerSecretName", user.name + "-docker"},
                   {"serial", identity.certificate->serial},
                   {"notAfter", until},
                   {"renewalTime", format_rfc3339(renewal)}};
    out.status = changed_status(wanted.observed.subject, std::move(status));
  }

  // The Secrets that are there stay; the status says what is the matter.
  static Plan told(const Observed& observed, const Condition& ready) {
    Plan out;
    const json& before = kube::at(observed.subject, "/status");
    json status = before.is_object() ? before : json::object();
    const std::int64_t generation = observed.subject.generation();
    status["observedGeneration"] = generation;
    status["conditions"] = to_json({ready}, before, generation, observed.now);
    out.events = changes(ready, before);
    out.status = changed_status(observed.subject, std::move(status));
    return out;
  }

  // Revokes what is out, and lets go. A Registry that is not valid or is being deleted counts, too:
  // its pods may serve, and its CA may be a person's and trusted elsewhere.
  static Plan leave(const Observed& observed) {
    Plan out;
    const kube::Object& subject = observed.subject;
    if (!subject.has_finalizer(kUserFinalizer)) return out;
    out.finalizers = finalizers_without(subject);
    const kube::Object* registry = named_registry(observed);
    const kube::Object* secret =
        registry ? find_secret(observed.secrets, registry->ns(), client_ca_of(*registry)) : nullptr;
    if (!secret && !kube::at(subject, "/status/serial").is_string()) return out;
    const char* missing = registry
                              ? "the CA's Secret is not there, or not labelled for the operator"
                              : "its Registry, which names the CA, is not there";
    Result<pki::AuthoritySet> authority =
        secret ? authority_of(*secret) : Result<pki::AuthoritySet>(fail(Code::not_found, missing));
    const Result<bool> revoked = authority ? revoke_all(*authority, subject, observed)
                                           : Result<bool>(fail(authority.error()));
    if (!revoked) {
      out.events.push_back(
          {true, "NotRevoked", "RevokeCertificate",
           "the user's certificates stay valid until they run out: " + revoked.error().message});
    } else if (*revoked) {
      out.apply.push_back(updated(*secret, *authority));
    }
    return out;
  }

  PlannerOptions options_;
  v1alpha1::ResourceReader reader_;
};

}  // namespace

std::unique_ptr<Planner> make_user_planner(PlannerOptions options) {
  return std::make_unique<UserPlanner>(std::move(options));
}

}  // namespace bunker::op
