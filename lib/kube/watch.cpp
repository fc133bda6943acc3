#include "lib/kube/watch.h"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/kube/decode.h"

namespace bunker::kube {
namespace {

std::optional<WatchEvent::Type> type_of(const nlohmann::json& name) {
  if (name == "ADDED") return WatchEvent::Type::added;
  if (name == "MODIFIED") return WatchEvent::Type::modified;
  if (name == "DELETED") return WatchEvent::Type::deleted;
  if (name == "BOOKMARK") return WatchEvent::Type::bookmark;
  return std::nullopt;
}

Result<WatchEvent> decode_line(std::string_view line) {
  nlohmann::json document = decode_json(line);
  if (!document.is_object() || !document["object"].is_object()) {
    return fail(Code::invalid, "a watch event without an object");
  }
  const nlohmann::json& name = document["type"];
  nlohmann::json& object = document["object"];
  if (name == "ERROR") {
    const nlohmann::json& code = object["code"];
    const int status = code.is_number_integer() ? code.get<int>() : 500;
    return fail(status_error(
        status, object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "watch"));
  }
  const std::optional<WatchEvent::Type> type = type_of(name);
  if (!type) return fail(Code::invalid, "a watch event of an unknown type");
  return WatchEvent{*type, Object(std::move(object))};
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

Result<void> WatchDecoder::feed(std::string_view bytes,
                                const std::function<void(WatchEvent)>& each) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > max_line_) {
      return fail(Code::invalid,
                  "a watch event of more than " + std::to_string(max_line_) + " bytes");
    }
    line_ += part;
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    if (blank(line)) continue;
    BUNKER_TRY_ASSIGN(WatchEvent event, decode_line(line));
    each(std::move(event));
  }
  return {};
}

}  // namespace bunker::kube
