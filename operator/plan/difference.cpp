#include "operator/plan/difference.h"

#include <charconv>
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"
#include "operator/desired/build.h"

namespace bunker::op {
namespace {

using nlohmann::json;

bool is_nothing(const json& value) {
  return value.is_null() || (value.is_structured() && value.empty()) || value == "";
}

std::optional<double> scale_of(std::string_view suffix) {
  static constexpr std::pair<std::string_view, double> kScales[] = {
      {"", 1},     {"n", 1e-9}, {"u", 1e-6},        {"m", 1e-3},          {"k", 1e3},
      {"M", 1e6},  {"G", 1e9},  {"T", 1e12},        {"Ki", 1024},         {"Mi", 1048576},
      {"P", 1e15}, {"E", 1e18}, {"Gi", 1073741824}, {"Ti", 1099511627776}};
  for (const auto& [name, scale] : kScales) {
    if (name == suffix) return scale;
  }
  return std::nullopt;
}

// The value of a Kubernetes quantity ("500m", "1Gi", 2).
std::optional<double> quantity(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::optional<double> scale =
      scale_of({end, static_cast<std::size_t>(text.data() + text.size() - end)});
  if (!scale) return std::nullopt;
  return number * *scale;
}

bool holds(const json& observed, const json& wanted);

const json* entry_named(const json& list, const json& name) {
  for (const json& each : list) {
    if (each.is_object() && each.value("name", json()) == name) return &each;
  }
  return nullptr;
}

bool holds_list(const json& observed, const json& wanted) {
  const bool named = std::ranges::all_of(
      wanted, [](const json& each) { return each.is_object() && each.contains("name"); });
  if (named) {
    return std::ranges::all_of(wanted, [&](const json& each) {
      const json* found = entry_named(observed, each.at("name"));
      return found && holds(*found, each);
    });
  }
  if (observed.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!holds(observed[i], wanted[i])) return false;
  }
  return true;
}

bool holds(const json& observed, const json& wanted) {
  if (is_nothing(wanted)) return is_nothing(observed) || wanted.type() == observed.type();
  if (wanted.is_object()) {
    if (!observed.is_object()) return false;
    for (const auto& [key, value] : wanted.items()) {
      const auto found = observed.find(key);
      if (found == observed.end() ? !is_nothing(value) : !holds(*found, value)) return false;
    }
    return true;
  }
  if (wanted.is_array()) return observed.is_array() && holds_list(observed, wanted);
  if (wanted == observed) return true;
  const std::optional<double> a = quantity(wanted);
  const std::optional<double> b = quantity(observed);
  return a && b && std::abs(*a - *b) <= 1e-9 * std::max(std::abs(*a), std::abs(*b));
}

}  // namespace

kube::Object sealed(const kube::Object& object) {
  json value = kube::json_of(object);
  value["metadata"]["annotations"][std::string(kAppliedAnnotation)] =
      desired::digest_of(object.dump(), 16);
  return kube::Object(std::move(value));
}

bool differs(const kube::Object& wanted, const kube::Object& observed) {
  return !holds(kube::json_of(observed), kube::json_of(wanted));
}

}  // namespace bunker::op
