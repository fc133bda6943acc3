#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {

Json ingress(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  if (!registry.spec.ingress) return nullptr;
  const v1alpha1::Ingress& wanted = *registry.spec.ingress;
  // Layers are large and slow: no bound on bodies, no spooling, time for them. Controllers other
  // than nginx do not read these.
  Json annotations = {{"nginx.ingress.kubernetes.io/proxy-body-size", "0"},
                      {"nginx.ingress.kubernetes.io/proxy-request-buffering", "off"},
                      {"nginx.ingress.kubernetes.io/proxy-buffering", "off"},
                      {"nginx.ingress.kubernetes.io/proxy-read-timeout", "600"},
                      {"nginx.ingress.kubernetes.io/proxy-send-timeout", "600"}};
  if (speaks_tls(registry)) annotations["nginx.ingress.kubernetes.io/backend-protocol"] = "HTTPS";
  annotations.update(Json(wanted.annotations));

  Json out = object(registry, "networking.k8s.io/v1", "Ingress", name_of(registry));
  out["metadata"]["annotations"] = std::move(annotations);
  const Json backend = {{"service",
                         {{"name", name_of(registry)},
                          {"port", {{"name", speaks_tls(registry) ? "https" : "http"}}}}}};
  const std::string host = host_name(registry);
  out["spec"]["rules"] = Json::array(
      {{{"host", host},
        {"http",
         {{"paths",
           Json::array({{{"path", "/"}, {"pathType", "Prefix"}, {"backend", backend}}})}}}}});
  if (!wanted.class_name.empty()) out["spec"]["ingressClassName"] = wanted.class_name;
  Json tls = {{"hosts", {host}}};
  if (wanted.tls_secret) tls["secretName"] = wanted.tls_secret->name;
  out["spec"]["tls"] = Json::array({std::move(tls)});
  return out;
}

}  // namespace bunker::desired
