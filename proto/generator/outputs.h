// What is made of the model, each as the text of a file. Pure: equal models give equal text.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "proto/generator/model.h"

namespace bunker::generator {

// The structural OpenAPI v3 schema of a message (Kubernetes' dialect, with CEL rules). The API
// server checks with it, and so does operator/api/schema.h, for which descriptions are left out.
[[nodiscard]] nlohmann::ordered_json schema_of(const MessageType& message, bool descriptions);

// A CustomResourceDefinition (apiextensions.k8s.io/v1) of `message`, which is a resource, as YAML.
[[nodiscard]] std::string crd_yaml(const MessageType& message);

// C++: plain structs with the defaults as initialisers, and their readers from JSON.
[[nodiscard]] std::string cpp_header(const Model& model);
[[nodiscard]] std::string cpp_source(const Model& model);

// The reference for people, in Markdown.
[[nodiscard]] std::string reference_markdown(const Model& model);

}  // namespace bunker::generator
