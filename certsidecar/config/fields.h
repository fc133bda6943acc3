// Reads the keys of one map of the configuration and collects what is wrong with them. Internal to
// certsidecar/config. One thread; lives as long as one reading.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/pki/key.h"

namespace bunker::certsidecar {

class Fields {
 public:
  // `path` is what mistakes are reported under; `problems` outlives this.
  Fields(const nlohmann::json& value, std::string path, std::vector<std::string>& problems);
  // Keys that nobody asked for are mistakes.
  ~Fields();
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  // Each leaves `out` as it is where the key is not there, or wrong.
  void text(const char* key, std::string& out);
  void texts(const char* key, std::vector<std::string>& out);
  void flag(const char* key, bool& out);
  void fraction(const char* key, double& out);  // in (0, 1)
  void duration(const char* key, std::chrono::seconds& out, std::chrono::seconds least);
  void mode(const char* key, mode_t& out);  // "0600": octal, in quotes
  void key_algorithm(const char* key, pki::KeyAlgorithm& out);
  template <class T, std::size_t N>
  void choice(const char* key, const std::array<std::pair<std::string_view, T>, N>& values, T& out);

  [[nodiscard]] bool has(const char* key) const;
  // Reads the map at `key`, if there is one.
  void map(const char* key, const std::function<void(Fields&)>& read);
  // Reads each map in the map at `key`, with its name, in their order.
  void maps(const char* key, const std::function<void(const std::string&, Fields&)>& read);
  // Reads each map in the list at `key`.
  void list(const char* key, const std::function<void(Fields&)>& read);

  void problem(std::string_view key, const std::string& what);

 private:
  const nlohmann::json* find(const char* key);
  [[nodiscard]] std::string at(std::string_view key) const;

  const nlohmann::json& value_;
  const std::string path_;
  std::vector<std::string>& problems_;
  std::set<std::string, std::less<>> known_;
};

template <class T, std::size_t N>
void Fields::choice(const char* key, const std::array<std::pair<std::string_view, T>, N>& values,
                    T& out) {
  std::string given;
  text(key, given);
  if (given.empty()) return;
  std::string names;
  for (const auto& [name, value] : values) {
    if (given == name) {
      out = value;
      return;
    }
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  problem(key, '"' + given + "\" is none of " + names);
}

}  // namespace bunker::certsidecar
