#include <charconv>
#include <cmath>
#include <sstream>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "lib/yaml/yaml.h"

namespace bunker::yaml {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxNodes = 1'000'000;
constexpr int kMaxDepth = 100;

std::unexpected<Error> invalid(const YAML::Mark& mark, const std::string& what) {
  if (mark.is_null()) return fail(Code::invalid, "not YAML: " + what);
  return fail(Code::invalid, "line " + std::to_string(mark.line + 1) + ", column " +
                                 std::to_string(mark.column + 1) + ": " + what);
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

std::optional<json> as_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text;
  if (negative || text.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x")) base = 16;
  if (digits.starts_with("0o")) base = 8;
  if (base != 10) digits.remove_prefix(2);
  if (base == 10 && digits.size() > 1 && digits.front() == '0') {
    base = 8;  // YAML 1.1
    digits.remove_prefix(1);
  }
  const std::string signed_digits = (negative ? "-" : "") + std::string(digits);
  std::int64_t value = 0;
  const char* end = signed_digits.data() + signed_digits.size();
  const auto [rest, error] = std::from_chars(signed_digits.data(), end, value, base);
  if (digits.empty() || error != std::errc() || rest != end) return std::nullopt;
  return json(value);
}

std::optional<json> as_float(std::string_view text) {
  if (text.find_first_of("0123456789") == std::string_view::npos ||
      text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) {
    return std::nullopt;
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return json(value);
}

json plain(const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    return false;
  }
  if (std::optional<json> number = as_integer(text)) return *std::move(number);
  if (std::optional<json> number = as_float(text)) return *std::move(number);
  return text;
}

class Reader {
 public:
  Result<json> convert(const YAML::Node& node, int depth) {
    if (++nodes_ > kMaxNodes) return fail(Code::too_large, "the aliases unfold to too much");
    if (depth > kMaxDepth) return invalid(node.Mark(), "nested too deeply");
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return map(node, depth);
      case YAML::NodeType::Sequence:
        return sequence(node, depth);
      case YAML::NodeType::Scalar:
        // "!" is the tag of what stood in quotes or in a block.
        if (node.Tag() == "?" || node.Tag().empty()) return plain(node.Scalar());
        return json(node.Scalar());
      default:
        return json(nullptr);
    }
  }

 private:
  Result<json> sequence(const YAML::Node& node, int depth) {
    json out = json::array();
    for (const YAML::Node& each : node) {
      BUNKER_TRY_ASSIGN(json value, convert(each, depth + 1));
      out.push_back(std::move(value));
    }
    return out;
  }

  Result<json> map(const YAML::Node& node, int depth) {
    json out = json::object();
    json merged = json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return invalid(entry.first.Mark(), "a key must be a scalar");
      const std::string& key = entry.first.Scalar();
      BUNKER_TRY_ASSIGN(json value, convert(entry.second, depth + 1));
      if (key == "<<") {
        BUNKER_TRY(merge(value, merged, entry.second.Mark()));
      } else if (!out.emplace(key, std::move(value)).second) {
        return invalid(entry.first.Mark(), "the key " + key + " is there twice");
      }
    }
    for (auto& [key, value] : merged.items()) out.emplace(key, std::move(value));
    return out;
  }

  static Result<void> merge(const json& value, json& into, const YAML::Mark& mark) {
    const json list = value.is_array() ? value : json::array({value});
    for (const json& each : list) {
      if (!each.is_object()) return invalid(mark, "<< merges maps only");
      for (const auto& [key, item] : each.items()) into.emplace(key, item);
    }
    return {};
  }

  std::size_t nodes_ = 0;
};

}  // namespace

Result<std::vector<nlohmann::json>> read(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(Code::too_large, "more than 4 MiB of YAML");
  std::vector<json> out;
  try {
    std::istringstream stream{std::string(text)};
    Reader reader;
    for (const YAML::Node& document : YAML::LoadAll(stream)) {
      BUNKER_TRY_ASSIGN(json value, reader.convert(document, 0));
      if (!value.is_null()) out.push_back(std::move(value));
    }
  } catch (const YAML::Exception& error) {
    return invalid(error.mark, error.msg);
  }
  return out;
}

}  // namespace bunker::yaml
