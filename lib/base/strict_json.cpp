#include "lib/base/strict_json.h"

#include <string>
#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>

namespace bunker {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
// A manifest of 4 MiB holds fewer than 30,000 descriptors; each value costs the parser 16 bytes or
// more, so this bounds what a hostile document can make it allocate.
constexpr std::size_t kMaxValues = 250'000;

// In quotes and ASCII, and not too long.
std::string printable(const std::string& key) {
  constexpr std::size_t kShown = 100;
  return json(key.substr(0, kShown)).dump(-1, ' ', true, json::error_handler_t::replace);
}

// Watches the parser, and drops everything once the document is known to be bad.
class Guard {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& value) {
    if (!problem_.empty()) return false;
    switch (event) {
      case json::parse_event_t::object_start:
        keys_.emplace_back();
        return count(depth);
      case json::parse_event_t::object_end:
        keys_.pop_back();
        return true;
      case json::parse_event_t::key:
        return add_key(value.get_ref<const std::string&>());
      case json::parse_event_t::array_end:
        return true;
      case json::parse_event_t::array_start:
      case json::parse_event_t::value:
        return count(depth);
    }
    return true;
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  bool count(int depth) {
    if (depth > kMaxDepth) problem_ = "it is nested more than 64 levels deep";
    if (++values_ > kMaxValues) problem_ = "it holds more than 250,000 values";
    return problem_.empty();
  }

  bool add_key(const std::string& key) {
    if (!keys_.back().insert(key).second) {
      problem_ = "an object has the key " + printable(key) + " twice";
    }
    return problem_.empty();
  }

  std::vector<std::unordered_set<std::string>> keys_;
  std::size_t values_ = 0;
  std::string problem_;
};

}  // namespace

Result<json> parse_strict_json(std::string_view bytes) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kByteOrderMark)) {
    return fail(Code::invalid, "it begins with a byte order mark");
  }
  Guard guard;
  auto watch = [&guard](int depth, json::parse_event_t event, json& value) {
    return guard(depth, event, value);
  };
  try {
    json document = json::parse(bytes, watch);
    if (!guard.problem().empty()) return fail(Code::invalid, guard.problem());
    return document;
  } catch (const json::parse_error& error) {
    return fail(Code::invalid, "it is not valid JSON at byte " + std::to_string(error.byte));
  } catch (const json::exception&) {
    return fail(Code::invalid, "it holds a number that is out of range");
  }
}

}  // namespace bunker
