#include <algorithm>
#include <array>
#include <cctype>

#include <nlohmann/json.hpp>

#include "lib/yaml/yaml.h"

namespace bunker::yaml {
namespace {

bool looks_typed(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kWords = {
      "true", "false", "yes", "no", "on", "off", "null", "y", "n", ".inf", ".nan", "~"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::ranges::find(kWords, lower) != kWords.end()) return true;
  // Whatever begins as a number does may be one, a time or a base-60 number of YAML 1.1.
  const std::size_t digit = text.find_first_not_of("+-.");
  return digit <= 2 && text[digit] >= '0' && text[digit] <= '9' &&
         text.find_first_not_of("0123456789abcdefABCDEFxXoO_.:+-TZtz ") == std::string_view::npos;
}

bool is_plain(std::string_view text) {
  if (text.empty() || looks_typed(text)) return false;
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`=<").find(text.front()) != std::string_view::npos) {
    const bool dash = text.front() == '-' && text.size() > 1 && text[1] != ' ' && text[1] != '-';
    if (!dash) return false;
  }
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) {
    return false;
  }
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

// A block scalar keeps text of several lines readable; what it cannot hold is quoted.
bool is_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == '\n' || text.front() == ' ') {
    return false;
  }
  if (text.ends_with("\n\n") || text.find(" \n") != std::string_view::npos) return false;
  return std::ranges::all_of(text,
                             [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\n'; });
}

template <class Json>
class Writer {
 public:
  std::string take() { return std::move(out_); }

  void value(const Json& json, std::size_t indent) {
    if (json.is_object() && !json.empty()) {
      object(json, indent, false);
    } else if (json.is_array() && !json.empty()) {
      array(json, indent);
    } else {
      scalar(json, indent);
      out_ += '\n';
    }
  }

 private:
  static bool is_nested(const Json& json) { return json.is_structured() && !json.empty(); }

  // `inline_first`: the first key goes on the line that an item's dash has begun.
  void object(const Json& json, std::size_t indent, bool inline_first) {
    bool first = true;
    for (const auto& [key, each] : json.items()) {
      if (!first || !inline_first) out_.append(indent, ' ');
      first = false;
      string(key, indent, false);
      out_ += ':';
      if (is_nested(each)) {
        out_ += '\n';
        value(each, each.is_array() ? indent : indent + 2);
      } else {
        out_ += ' ';
        scalar(each, indent + 2);
        out_ += '\n';
      }
    }
  }

  void array(const Json& json, std::size_t indent) {
    for (const Json& each : json) {
      out_.append(indent, ' ');
      out_ += "- ";
      if (each.is_object() && !each.empty()) {
        object(each, indent + 2, true);
      } else if (each.is_array() && !each.empty()) {
        out_.back() = '\n';
        value(each, indent + 2);
      } else {
        scalar(each, indent + 2);
        out_ += '\n';
      }
    }
  }

  void scalar(const Json& json, std::size_t indent) {
    if (json.is_string()) {
      string(json.template get_ref<const std::string&>(), indent, true);
    } else {
      out_ += json.dump();
    }
  }

  void string(const std::string& text, std::size_t indent, bool block_allowed) {
    if (is_plain(text)) {
      out_ += text;
    } else if (block_allowed && is_block(text)) {
      block(text, indent);
    } else {
      // JSON's strings are YAML's double-quoted ones.
      out_ += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
    }
  }

  void block(std::string_view text, std::size_t indent) {
    out_ += text.ends_with('\n') ? "|" : "|-";
    if (text.ends_with('\n')) text.remove_suffix(1);
    while (true) {
      const std::string_view line = text.substr(0, text.find('\n'));
      out_ += '\n';
      if (!line.empty()) out_.append(indent, ' ').append(line);
      if (line.size() == text.size()) return;
      text.remove_prefix(line.size() + 1);
    }
  }

  std::string out_;
};

template <class Json>
std::string write_any(const Json& json) {
  Writer<Json> writer;
  writer.value(json, 0);
  return writer.take();
}

}  // namespace

std::string write(const nlohmann::json& value) {
  return write_any(value);
}

std::string write(const nlohmann::ordered_json& value) {
  return write_any(value);
}

}  // namespace bunker::yaml
