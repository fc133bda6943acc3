// What is wrong, odd or worth knowing in a configuration: one finding a mistake, all of them at
// once. Plain values. No finding ever holds the value of a secret key.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace bunker::config {

enum class Severity {
  error,    // registryd does not start with it
  warning,  // it starts, and does something else than the words may suggest
  note,     // for information
};

struct Finding {
  Severity severity = Severity::error;
  std::string source;   // the file's path, or the environment variable's name
  int line = 0;         // from 1; 0: the source as a whole
  int column = 0;       // from 1
  std::string key;      // full path, e.g. "http.tls.clientcas[0]"; empty: no key in particular
  std::string message;  // what is wrong
  std::string remedy;   // what to do about it; may be empty
  bool operator==(const Finding&) const = default;
};

// "config.yml:14:3: error: http.adr: is not a key that …" and the remedy indented below, one
// finding after the other, errors first.
[[nodiscard]] std::string format(std::span<const Finding> findings);

}  // namespace bunker::config
