#include "lib/kube/decode.h"

#include <nlohmann/json.hpp>

namespace bunker::kube {
namespace {

using nlohmann::json;

constexpr std::string_view kSpace = " \t\n\r";
constexpr std::size_t kMostOfRest = std::size_t{1} << 20;

// Walks JSON text without building anything. Every function leaves `at` behind what it read; false
// where the text ends too early or is not what was expected.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // How much of the text is read.
  std::size_t at() const { return at_; }

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
    while (at_ < text_.size() && kSpace.contains(text_[at_])) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

constexpr std::string_view kManagedFields = R"("managedFields")";

// Leaves `text` without its last comma and the space around it.
void drop_comma(std::string& text) {
  std::string_view left = text;
  while (!left.empty() && kSpace.contains(left.back())) left.remove_suffix(1);
  if (left.ends_with(',')) text.resize(left.size() - 1);
}

// `text` without the members of that name: often the larger half, and slow to parse. Valid
// JSON stays valid; some that is not becomes so.
std::string without_managed_fields(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t found = text.find(kManagedFields);
    if (found == std::string_view::npos) break;
    const std::size_t after = found + kManagedFields.size();
    Scanner in(text.substr(after));
    std::string_view value;
    // Within a string the quote is escaped; a string that is a value has no colon behind it.
    const bool is_name = (found == 0 || text[found - 1] != '\\') && in.take(':') && in.value(value);
    out += text.substr(0, is_name ? found : after);
    text.remove_prefix(after + (is_name ? in.at() : 0));
    if (!is_name) continue;
    Scanner behind(text);
    if (behind.take(',')) {
      text.remove_prefix(behind.at());
    } else {
      drop_comma(out);
    }
  }
  out += text;
  return out;
}

std::unexpected<Error> not_a_list() {
  return fail(Code::invalid, "the API server sent what is no list");
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
  json value = json::parse(without_managed_fields(text), nullptr, false);
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

bool ListDecoder::keep(std::string_view bytes) {
  std::string& where = in_item_ ? item_ : rest_;
  where += bytes;
  return where.size() <= (in_item_ ? max_item_ : kMostOfRest);
}

// Whether the array that begins behind rest_ is that of the items.
bool ListDecoder::at_items() const {
  std::string_view before = rest_;
  const auto trim = [&before] {
    while (!before.empty() && kSpace.contains(before.back())) before.remove_suffix(1);
  };
  trim();
  if (!before.ends_with(':')) return false;
  before.remove_suffix(1);
  trim();
  return before.ends_with(R"("items")") && !before.ends_with(R"(\"items")");
}

Result<void> ListDecoder::feed(std::string_view bytes,
                               const std::function<Result<void>(std::string_view)>& each) {
  std::size_t kept = 0;  // how much of `bytes` is where it belongs
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (in_string_) {
      const bool escapes = c == '\\' && !escaped_;
      if (c == '"' && !escaped_) in_string_ = false;
      escaped_ = escapes;
      continue;
    }
    switch (c) {
      case '"':
        in_string_ = true;
        break;
      case '{':
      case '[':
        ++depth_;
        if (in_items_ ? depth_ == 3 && c == '{' : depth_ == 2 && c == '[') {
          if (!keep(bytes.substr(kept, i - kept))) return not_a_list();
          kept = i;
          if (in_items_) {
            in_item_ = true;
          } else {
            in_items_ = at_items();
          }
        }
        break;
      case '}':
      case ']':
        if (depth_ == 0) return not_a_list();
        --depth_;
        if (in_item_ && depth_ == 2) {
          if (!keep(bytes.substr(kept, i + 1 - kept))) return not_a_list();
          kept = i + 1;
          in_item_ = false;
          BUNKER_TRY(each(item_));
          item_.clear();
        } else if (in_items_ && depth_ == 1) {
          in_items_ = false;
        }
        break;
      case ',':
        if (in_items_ && depth_ == 2) {  // between two items
          if (!keep(bytes.substr(kept, i - kept))) return not_a_list();
          kept = i + 1;
        }
        break;
      default:
        break;
    }
  }
  if (!keep(bytes.substr(kept))) return not_a_list();
  return {};
}

Result<ListHead> ListDecoder::finish() const {
  const json list = json::parse(rest_, nullptr, false);
  if (in_item_ || !list.is_object()) return not_a_list();
  const auto items = list.find("items");
  if (items != list.end() && !items->empty()) return not_a_list();  // no objects
  const auto metadata = list.find("metadata");
  if (metadata == list.end()) return ListHead{};
  return ListHead{text_of(*metadata, "resourceVersion"), text_of(*metadata, "continue")};
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
