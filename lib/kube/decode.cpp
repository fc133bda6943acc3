#include "lib/kube/decode.h"

#include <nlohmann/json.hpp>

namespace bunker::kube {
namespace {

using nlohmann::json;

// Walks JSON text without building anything. Every function leaves `at` behind what it read; false
// where the text ends too early or is not what was expected.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool take(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool string(std::string_view& out) {
    skip_space();
    const std::size_t begin = at_;
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\') {
        ++at_;
      } else if (c == '"') {
        out = text_.substr(begin, at_ - begin);
        return true;
      }
    }
    return false;
  }

  bool value(std::string_view& out) {
    skip_space();
    const std::size_t begin = at_;
    if (at_ >= text_.size()) return false;
    std::size_t depth = 0;
    std::string_view ignored;
    do {
      const char c = text_[at_];
      if (c == '"') {
        if (!string(ignored)) return false;
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) break;  // ends what a bare value is in
        --depth;
        ++at_;
      } else if (depth == 0 && (c == ',' || c == ':')) {
        break;
      } else {
        ++at_;
      }
      if (depth == 0 && (c == '"' || c == '}' || c == ']')) break;
    } while (at_ < text_.size());
    out = text_.substr(begin, at_ - begin);
    return depth == 0 && !out.empty();
  }

 private:
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool scan_items(Scanner& in, std::vector<std::string_view>& out) {
  if (!in.take('[')) {
    std::string_view null;
    return in.value(null) && null == "null";
  }
  if (in.take(']')) return true;
  do {
    std::string_view item;
    if (!in.value(item) || !item.starts_with('{')) return false;
    out.push_back(item);
  } while (in.take(','));
  return in.take(']');
}

bool scan_list(Scanner& in, std::vector<std::string_view>& items, std::string_view& metadata) {
  if (!in.take('{')) return false;
  if (in.take('}')) return true;
  do {
    std::string_view name;
    std::string_view value;
    if (!in.string(name) || !in.take(':')) return false;
    if (name == R"("items")") {
      if (!scan_items(in, items)) return false;
    } else if (!in.value(value)) {
      return false;
    } else if (name == R"("metadata")") {
      metadata = value;
    }
  } while (in.take(','));
  return in.take('}');
}

std::string text_of(const json& value, const char* key) {
  if (!value.is_object()) return {};
  const auto found = value.find(key);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Code code_of(int status, const std::string& reason) {
  switch (status) {
    case 400:
    case 422:
      return Code::invalid;
    case 401:
      return Code::unauthenticated;
    case 403:
      return Code::forbidden;
    case 404:
      return Code::not_found;
    case 405:
    case 406:
    case 415:
      return Code::unsupported;
    case 409:
      return reason == "AlreadyExists" ? Code::already_exists : Code::conflict;
    case 410:
      return Code::out_of_range;
    case 413:
      return Code::too_large;
    default:
      return status == 0 || status == 408 || status == 429 || status >= 500 ? Code::retry_later
                                                                            : Code::internal;
  }
}

std::string remedy(Code code) {
  switch (code) {
    case Code::forbidden:
      return "grant this in the role of the account that the program runs as";
    case Code::unauthenticated:
      return "the token or certificate is not accepted: check the service account or kubeconfig";
    default:
      return {};
  }
}

}  // namespace

json decode_json(std::string_view text) {
  const auto keep = [](int, json::parse_event_t event, json& parsed) {
    return event != json::parse_event_t::key || parsed != "managedFields";
  };
  json value = json::parse(text, keep, false);
  return value.is_discarded() ? json() : value;
}

Result<Object> decode_object(std::string_view text) {
  json value = decode_json(text);
  if (!value.is_object()) {
    return fail(Code::invalid, "the API server sent what is no object",
                std::to_string(text.size()) + " bytes");
  }
  return Object(std::move(value));
}

Result<ListText> split_list(std::string_view text) {
  ListText out;
  Scanner in(text);
  std::string_view metadata;
  if (!scan_list(in, out.items, metadata)) {
    return fail(Code::invalid, "the API server sent what is no list",
                std::to_string(text.size()) + " bytes");
  }
  const json parsed = json::parse(metadata, nullptr, false);
  out.resource_version = text_of(parsed, "resourceVersion");
  out.continue_token = text_of(parsed, "continue");
  return out;
}

Error status_error(int http_status, std::string_view body, std::string_view what) {
  const json status = json::parse(body, nullptr, false);
  const std::string message = text_of(status, "message");
  const Code code = code_of(http_status, text_of(status, "reason"));
  std::string sentence = std::string(what) + ": ";
  if (!message.empty()) {
    sentence += message;
  } else if (http_status == 0) {
    sentence += "no answer from the API server";
  } else {
    sentence += "the API server answered " + std::to_string(http_status);
  }
  return Error(code, std::move(sentence), remedy(code));
}

}  // namespace bunker::kube
