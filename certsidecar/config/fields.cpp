#include "certsidecar/config/fields.h"

#include <charconv>

#include "certsidecar/duration.h"

namespace bunker::certsidecar {

using nlohmann::json;

Fields::Fields(const json& value, std::string path, std::vector<std::string>& problems)
    : value_(value), path_(std::move(path)), problems_(problems) {
  if (!value_.is_object())
    problems_.push_back((path_.empty() ? "the file" : path_) + ": is no map");
}

Fields::~Fields() {
  if (!value_.is_object()) return;
  for (const auto& [key, ignored] : value_.items()) {
    if (!known_.contains(key)) problems_.push_back(at(key) + ": there is no such key");
  }
}

std::string Fields::at(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

void Fields::problem(std::string_view key, const std::string& what) {
  problems_.push_back(at(key) + ": " + what);
}

bool Fields::has(const char* key) const {
  return value_.is_object() && value_.contains(key) && !value_[key].is_null();
}

const json* Fields::find(const char* key) {
  known_.insert(key);
  return has(key) ? &value_[key] : nullptr;
}

void Fields::text(const char* key, std::string& out) {
  const json* value = find(key);
  if (value == nullptr) return;
  if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
    problem(key, "is no text (numbers need quotes)");
    return;
  }
  out = value->get<std::string>();
}

void Fields::texts(const char* key, std::vector<std::string>& out) {
  const json* value = find(key);
  if (value == nullptr) return;
  std::vector<std::string> read;
  bool good = value->is_array();
  for (std::size_t i = 0; good && i < value->size(); ++i) {
    good = (*value)[i].is_string();
    if (good) read.push_back((*value)[i].get<std::string>());
  }
  if (good) {
    out = std::move(read);
  } else {
    problem(key, "is no list of texts");
  }
}

void Fields::flag(const char* key, bool& out) {
  const json* value = find(key);
  if (value == nullptr) return;
  if (value->is_boolean()) {
    out = value->get<bool>();
  } else {
    problem(key, "is neither true nor false");
  }
}

void Fields::fraction(const char* key, double& out) {
  const json* value = find(key);
  if (value == nullptr) return;
  const double number = value->is_number() ? value->get<double>() : 0;
  if (number > 0 && number < 1) {
    out = number;
  } else {
    problem(key, "is no number between 0 and 1");
  }
}

void Fields::duration(const char* key, std::chrono::seconds& out, std::chrono::seconds least) {
  std::string given;
  text(key, given);
  if (given.empty()) return;
  const auto read = parse_duration(given);
  if (!read) {
    problem(key, read.error().message + ": " + read.error().detail);
  } else if (*read < least) {
    problem(key, "is less than " + format_duration(least));
  } else {
    out = *read;
  }
}

void Fields::mode(const char* key, mode_t& out) {
  std::string given;
  text(key, given);
  if (given.empty()) return;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number, 8);
  if (error == std::errc() && end == given.data() + given.size() && number <= 0777) {
    out = number;
  } else {
    problem(key, '"' + given + "\" is no file mode such as \"0600\"");
  }
}

void Fields::key_algorithm(const char* key, pki::KeyAlgorithm& out) {
  std::string given;
  text(key, given);
  if (given.empty()) return;
  if (const auto read = pki::parse_key_algorithm(given)) {
    out = *read;
  } else {
    problem(key, read.error().message + ": " + read.error().detail);
  }
}

void Fields::map(const char* key, const std::function<void(Fields&)>& read) {
  const json* value = find(key);
  if (value == nullptr) return;
  Fields inner(*value, at(key), problems_);
  if (value->is_object()) read(inner);
}

void Fields::maps(const char* key, const std::function<void(const std::string&, Fields&)>& read) {
  const json* value = find(key);
  if (value == nullptr) return;
  if (!value->is_object()) {
    problem(key, "is no map");
    return;
  }
  for (const auto& [name, item] : value->items()) {
    Fields inner(item, at(key) + '.' + name, problems_);
    if (item.is_object()) read(name, inner);
  }
}

void Fields::list(const char* key, const std::function<void(Fields&)>& read) {
  const json* value = find(key);
  if (value == nullptr) return;
  if (!value->is_array()) {
    problem(key, "is no list");
    return;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    Fields inner((*value)[i], at(key) + '[' + std::to_string(i) + ']', problems_);
    if ((*value)[i].is_object()) read(inner);
  }
}

}  // namespace bunker::certsidecar
