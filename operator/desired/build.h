// Parts that several builders share: names, labels, the frame of an object. For this folder and
// operator/plan. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "operator/desired/input.h"

namespace bunker::desired {

using Json = nlohmann::json;

inline constexpr std::int64_t kUser = 65532;  // who the pods run as
inline constexpr int kRegistryPort = 5000;
inline constexpr int kDebugPort = 5001;
inline constexpr int kCertsidecarPort = 5002;
inline constexpr int kRedisPort = 6379;

// On a Deployment: what its volume's claim was when it was applied last.
inline constexpr std::string_view kClaimAnnotation = "bunker.dev/volume-claim";

// Names of the objects of `registry`: NAME, or NAME-suffix.
[[nodiscard]] std::string name_of(const v1alpha1::Registry& registry, std::string_view suffix = "");
// The same by the Registry's name alone.
[[nodiscard]] std::string name_of(std::string_view registry, std::string_view suffix);
[[nodiscard]] std::string server_ca_name(const v1alpha1::Registry& registry);
[[nodiscard]] std::string client_ca_name(const v1alpha1::Registry& registry);

// component: "registry" or "redis".
[[nodiscard]] Json selector_labels(const v1alpha1::Registry& registry, std::string_view component);
[[nodiscard]] Json labels(const v1alpha1::Registry& registry, std::string_view component);

// An object with type, name, labels and its owner, to be filled in.
[[nodiscard]] Json object(const v1alpha1::Registry& registry, std::string_view api_version,
                          std::string_view kind, std::string_view name,
                          std::string_view component = "registry");

// What the restricted profile of Kubernetes' pod security asks for.
[[nodiscard]] Json pod_security();
[[nodiscard]] Json container_security();

// The pods' certificates are made by certsidecar.
[[nodiscard]] bool manages_certificates(const v1alpha1::Registry& registry);
[[nodiscard]] bool speaks_tls(const v1alpha1::Registry& registry);
[[nodiscard]] bool knows_clients(const v1alpha1::Registry& registry);
// The fewest pods that serve when all is well.
[[nodiscard]] std::int64_t least_replicas(const v1alpha1::Registry& registry);

// SHA-256 of `text`, hexadecimal; its first `digits`.
[[nodiscard]] std::string digest_of(std::string_view text, std::size_t digits = 64);

// The host without its port.
[[nodiscard]] std::string host_name(const v1alpha1::Registry& registry);

}  // namespace bunker::desired
