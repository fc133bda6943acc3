// How the generated readers take fields from JSON that fits its schema. For types.cpp alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace bunker::v1alpha1::detail {

// A value of another type than the schema's leaves `out` at its default.
inline void read(const nlohmann::json& in, std::string& out) {
  if (in.is_string()) out = in.get_ref<const std::string&>();
}
inline void read(const nlohmann::json& in, bool& out) {
  if (in.is_boolean()) out = in.get<bool>();
}
inline void read(const nlohmann::json& in, std::int64_t& out) {
  if (in.is_number_integer()) out = in.get<std::int64_t>();
}
inline void read(const nlohmann::json& in, nlohmann::json& out) {
  out = in;
}
inline void read(const nlohmann::json& in, std::map<std::string, std::string>& out) {
  if (!in.is_object()) return;
  for (const auto& [key, value] : in.items()) read(value, out[key]);
}
template <class T>
void read(const nlohmann::json& in, std::vector<T>& out) {
  if (!in.is_array()) return;
  for (const nlohmann::json& each : in) read(each, out.emplace_back());
}
template <class T>
void read(const nlohmann::json& in, std::optional<T>& out) {
  read(in, out.emplace());
}

template <class T>
void read_field(const nlohmann::json& in, const char* name, T& out) {
  if (!in.is_object()) return;
  const auto found = in.find(name);
  if (found != in.end() && !found->is_null()) read(*found, out);
}

}  // namespace bunker::v1alpha1::detail
