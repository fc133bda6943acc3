#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"
#include "operator/desired/build.h"
#include "operator/desired/desired.h"
#include "operator/plan/difference.h"
#include "operator/plan/planners.h"
#include "operator/plan/registry_status.h"
#include "operator/plan/secrets.h"

namespace bunker::op {
namespace {

using nlohmann::json;
using v1alpha1::Registry;

// Nothing tells when a CA comes to its end, so that is looked at now and then.
constexpr std::chrono::hours kLookAgain{6};

const kube::Object* find(const std::vector<kube::Object>& objects, const kube::Object& like) {
  for (const kube::Object& each : objects) {
    if (each.gvk() == like.gvk() && each.key() == like.key()) return &each;
  }
  return nullptr;
}

bool is_secret(const kube::Object& object) {
  return object.gvk() == kube::Gvk{"", "v1", "Secret"};
}

class RegistryPlanner final : public Planner {
 public:
  explicit RegistryPlanner(PlannerOptions options) : options_(std::move(options)) {}

  Plan plan(const Observed& observed) const override {
    Plan out;
    // What it owns goes with it; the bucket, a volume's claim and what they hold stay.
    if (observed.subject.deleting()) return out;
    Result<Registry> registry = reader_.registry(observed.subject);
    if (!registry) {
      tell(report_invalid(registry.error(), observed), observed, out);
      return out;
    }
    desired::Input input = input_of(*std::move(registry), observed);
    const Sharing sharing = sharing_of(input.registry, observed, reader_);
    const bool managed = input.registry.spec.management_state == v1alpha1::ManagementState::managed;
    if (managed && !observed.failure) {
      const Result<void> minted = plan_secrets(input.registry, sharing, observed, out);
      if (!minted) {
        Observed failed = observed;
        failed.failure = minted.error().message;
        tell(report(input, sharing, failed, out, ends_), observed, out);
        return out;
      }
      input.credentials_hash = credentials_hash(input.registry, sharing, observed, out);
      // Two that would harm each other: what runs stays as it is until a person decides.
      if (sharing.conflict.empty()) plan_objects(input, observed, out);
    }
    tell(report(input, sharing, observed, out, ends_), observed, out);
    out.again = kLookAgain;
    return out;
  }

 private:
  desired::Input input_of(Registry registry, const Observed& observed) const {
    desired::Input out;
    for (const kube::Object& each : observed.related) {
      if (each.gvk().kind != "RegistryUser" || each.deleting() || each.ns() != registry.ns) {
        continue;
      }
      const Result<v1alpha1::RegistryUser> user = reader_.user(each);
      if (user && user->spec.registry.name == registry.name) out.users.push_back(*user);
    }
    // Their order must not depend on that of a cache.
    std::ranges::sort(out.users, {}, &v1alpha1::RegistryUser::name);
    out.registry = std::move(registry);
    out.images = options_.images;
    out.cluster_domain = options_.cluster_domain;
    const auto served = [&](const kube::Gvk& gvk) { return observed.served.contains(gvk); };
    out.kinds = {.service_monitor = served({"monitoring.coreos.com", "v1", "ServiceMonitor"}),
                 .prometheus_rule = served({"monitoring.coreos.com", "v1", "PrometheusRule"}),
                 .http_route = served({"gateway.networking.k8s.io", "v1", "HTTPRoute"})};
    return out;
  }

  // Secrets that are not there yet; one that is there stays what it is.
  Result<void> plan_secrets(const Registry& registry, const Sharing& sharing,
                            const Observed& observed, Plan& out) const {
    for (const desired::SecretNeed& need : desired::secrets_of(registry)) {
      const bool is_http = need.what == desired::SecretNeed::What::http;
      const kube::Object* there = find_secret(observed.owned, registry.ns, need.name);
      if (!there) {
        // The oldest of those that share a bucket makes the secret of all.
        if (is_http && !sharing.is_oldest && !sharing.secret && sharing.conflict.empty()) continue;
        BUNKER_TRY_ASSIGN(kube::Object made, mint_secret(registry, need, sharing.secret,
                                                         *options_.mint, observed.now));
        if (!is_http) {
          out.events.push_back({false, "SecretMade", "CreateSecret",
                                "made Secret " + need.name + "; keep a copy of it"});
        }
        out.create.push_back(std::move(made));
      } else if (is_http && sharing.secret && files_of(*there)["secret"] != *sharing.secret) {
        // They came to share a bucket after both had a secret: the oldest one's is taken.
        out.apply.push_back(make_secret(desired::object(registry, "v1", "Secret", need.name),
                                        {{"secret", *sharing.secret}}));
      }
    }
    return {};
  }

  // Over the Secrets that can be seen: a value that changes rolls the pods.
  static std::string credentials_hash(const Registry& registry, const Sharing& sharing,
                                      const Observed& observed, const Plan& plan) {
    std::string text;
    for (const std::string& name : desired::start_secrets(registry)) {
      const kube::Object* secret = find_secret(plan.create, registry.ns, name);
      if (!secret) secret = find_secret(observed.owned, registry.ns, name);
      if (!secret) secret = find_secret(observed.secrets, registry.ns, name);
      if (!secret) continue;
      Files files = files_of(*secret);
      if (name == desired::name_of(registry, "http") && sharing.secret) {
        files["secret"] = *sharing.secret;
      }
      for (const auto& [key, value] : files) text += key + "=" + value + "\n";
    }
    return desired::digest_of(text);
  }

  static void plan_objects(const desired::Input& input, const Observed& observed, Plan& out) {
    std::vector<kube::Object> wanted = desired::objects(input);
    const bool claim_is_applied = is_claim_applied(wanted, observed);
    for (kube::Object& each : wanted) {
      each = sealed(each);
      if (each.gvk().kind == "PersistentVolumeClaim") {
        if (!claim_is_applied) out.apply.push_back(each);
        continue;
      }
      const kube::Object* there = find(observed.owned, each);
      if (!there || differs(each, *there)) out.apply.push_back(each);
    }
    for (const kube::Object& each : observed.owned) {
      // A Secret may hold what nobody can make again.
      if (!is_secret(each) && !each.deleting() && !find(wanted, each)) out.remove.push_back(each);
    }
  }

  // A claim has no owner, so it is not observed; the Deployment remembers which one was applied.
  static bool is_claim_applied(const std::vector<kube::Object>& wanted, const Observed& observed) {
    for (const kube::Object& each : wanted) {
      const auto claim = each.annotation(desired::kClaimAnnotation);
      if (!claim) continue;
      const kube::Object* there = find(observed.owned, each);
      return there && there->annotation(desired::kClaimAnnotation) == claim;
    }
    return true;
  }

  static void tell(RegistryReport report, const Observed& observed, Plan& out) {
    const json& before = kube::at(observed.subject, "/status");
    for (Happening& each : changes(report.ready, before)) out.events.push_back(std::move(each));
    out.status = changed_status(observed.subject, std::move(report.status));
  }

  PlannerOptions options_;
  v1alpha1::ResourceReader reader_;
  mutable AuthorityEnds ends_;
};

}  // namespace

std::unique_ptr<Planner> make_registry_planner(PlannerOptions options) {
  return std::make_unique<RegistryPlanner>(std::move(options));
}

}  // namespace bunker::op
