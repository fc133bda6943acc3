// What certsidecar may do: keep the authorities of this Registry, and nobody else's.
#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {
namespace {

Json rule(Json groups, Json resources, Json names, Json verbs) {
  Json out = {{"apiGroups", std::move(groups)},
              {"resources", std::move(resources)},
              {"verbs", std::move(verbs)}};
  if (!names.empty()) out["resourceNames"] = std::move(names);
  return out;
}

}  // namespace

Json role(const Input& input) {
  if (!manages_certificates(input.registry)) return nullptr;
  const std::string server = server_ca_name(input.registry);
  const std::string client = client_ca_name(input.registry);
  Json authorities = Json::array({server});
  if (knows_clients(input.registry) && client != server) authorities.push_back(client);
  Json out = object(input.registry, "rbac.authorization.k8s.io/v1", "Role",
                    name_of(input.registry, "certificates"));
  const Json lease = {name_of(input.registry, "certificates")};
  out["rules"] = {
      rule({""}, {"secrets"}, authorities, {"get", "list", "watch", "update", "patch"}),
      rule({"coordination.k8s.io"}, {"leases"}, lease, {"get", "update", "patch"}),
      // Nothing has a name before it is made.
      rule({"coordination.k8s.io"}, {"leases"}, Json::array(), {"create"}),
      // A pod says which generation of the CA it runs, and who drives rotation asks the others.
      rule({""}, {"pods"}, Json::array(), {"get", "list", "patch"}),
  };
  return out;
}

Json role_binding(const Input& input) {
  if (!manages_certificates(input.registry)) return nullptr;
  const std::string name = name_of(input.registry, "certificates");
  const std::string& given = input.registry.spec.service_account.name;
  Json subject = {{"kind", "ServiceAccount"},
                  {"name", given.empty() ? name_of(input.registry) : given}};
  if (!input.registry.ns.empty()) subject["namespace"] = input.registry.ns;
  Json out = object(input.registry, "rbac.authorization.k8s.io/v1", "RoleBinding", name);
  out["roleRef"] = {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", name}};
  out["subjects"] = Json::array({std::move(subject)});
  return out;
}

}  // namespace bunker::desired
