// The JSON of an Object, for .cpp files that read or build specs. Not for headers: it goes with
// <nlohmann/json.hpp>, which is costly to parse. Thread rule: as Object.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "lib/kube/object.h"

namespace bunker::kube {

// Always a JSON object; lives as long as `object` or a copy of it does.
[[nodiscard]] const nlohmann::json& json_of(const Object& object);

// The value at a JSON pointer such as "/spec/replicas"; null (the JSON value) where there is none,
// or where the way to it leads through something that is no object or array.
[[nodiscard]] const nlohmann::json& at(const Object& object, std::string_view pointer);

// The JSON of `object`, to be changed: moved out where nobody else shares it, else copied.
[[nodiscard]] nlohmann::json take_json(Object&& object);

}  // namespace bunker::kube
