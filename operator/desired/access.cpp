// The file of access rules that registryd reads again whenever it changes.
#include <nlohmann/json.hpp>

#include "lib/yaml/yaml.h"
#include "operator/desired/build.h"
#include "operator/desired/desired.h"

namespace bunker::desired {
namespace {

Json actions(const std::vector<v1alpha1::Action>& wanted) {
  Json out = Json::array();
  for (const v1alpha1::Action each : wanted) out.push_back(to_string(each));
  return out;
}

Json rule(Json identities, Json repositories, Json what) {
  return {{"identities", std::move(identities)},
          {"repositories", std::move(repositories)},
          {"actions", std::move(what)}};
}

Json everything(const char* identity) {
  return rule({identity}, {"**"}, {"pull", "push", "delete"});
}

}  // namespace

std::string access_rules(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  const v1alpha1::Access& access = registry.spec.access;
  Json rules = Json::array();
  for (const v1alpha1::AccessRule& each : access.rules) {
    rules.push_back(rule(each.identities, each.repositories, actions(each.actions)));
  }
  for (const v1alpha1::RegistryUser& user : input.users) {
    for (const v1alpha1::Right& right : user.spec.rights) {
      rules.push_back(
          rule({"cn:" + user.common_name()}, right.repositories, actions(right.actions)));
    }
  }
  // registryd refuses a file without rules, so what holds where nobody said anything is said here.
  if (rules.empty()) {
    const bool someone_is_known = knows_clients(registry) || registry.spec.auth;
    // Tokens may be nobody's; what they allow, their service decides.
    const bool tokens = registry.spec.auth && registry.spec.auth->token;
    if (someone_is_known) rules.push_back(everything("authenticated"));
    if (tokens || (!someone_is_known && !access.anonymous_pull)) {
      rules.push_back(everything("anonymous"));
    }
  }
  if (access.anonymous_pull) rules.push_back(rule({"anonymous"}, {"**"}, {"pull"}));
  Json out = {{"rules", std::move(rules)}};
  for (const v1alpha1::ImmutableTags& each : access.immutable_tags) {
    out["immutable"].push_back({{"repositories", each.repositories}, {"tags", each.tags}});
  }
  return yaml::write(out);
}

}  // namespace bunker::desired
