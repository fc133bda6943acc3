#include "lib/http/message.h"

#include <algorithm>

#include "lib/base/encoding.h"
#include "lib/http/syntax.h"

namespace bunker::http {
namespace {

// Calls `each` with the decoded value of every well-formed parameter called `name`, until it
// returns false.
template <class Each>
void for_each_parameter(std::string_view query, std::string_view name, Each each) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equals = pair.find('=');
    const auto key = percent_decode(pair.substr(0, equals));
    if (key && *key == name) {
      const std::string_view raw =
          equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
      auto value = percent_decode(raw);
      if (value && !each(std::move(*value))) return;
    }
    if (end == std::string_view::npos) return;
    query.remove_prefix(end + 1);
  }
}

}  // namespace

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      break;
  }
  return "other";
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const Field& field : fields_) {
    if (equals_ignore_case(field.first, name)) return field.second;
  }
  return std::nullopt;
}

std::optional<std::string> Headers::joined(std::string_view name) const {
  std::optional<std::string> out;
  for (const Field& field : fields_) {
    if (!equals_ignore_case(field.first, name)) continue;
    if (out) {
      out->append(", ").append(field.second);
    } else {
      out = field.second;
    }
  }
  return out;
}

void Headers::set(std::string_view name, std::string_view value) {
  const auto same = [name](const Field& field) { return equals_ignore_case(field.first, name); };
  const auto first = std::ranges::find_if(fields_, same);
  if (first == fields_.end()) {
    add(name, value);
    return;
  }
  first->second = value;
  fields_.erase(std::remove_if(first + 1, fields_.end(), same), fields_.end());
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_,
                [name](const Field& field) { return equals_ignore_case(field.first, name); });
}

std::optional<std::string> Request::query_value(std::string_view name) const {
  std::optional<std::string> out;
  for_each_parameter(query, name, [&out](std::string value) {
    out = std::move(value);
    return false;
  });
  return out;
}

std::vector<std::string> Request::query_values(std::string_view name) const {
  std::vector<std::string> out;
  for_each_parameter(query, name, [&out](std::string value) {
    out.push_back(std::move(value));
    return true;
  });
  return out;
}

}  // namespace bunker::http
