// Random values of the registry's domain. Names are drawn from few and awkward characters, so that
// they nest in, begin with and sort around one another.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bunker::registry {

// A repository name's component over "a", "0" and the separators, always valid.
[[nodiscard]] inline rc::Gen<std::string> component() {
  return rc::gen::map(
      rc::gen::pair(rc::gen::element<std::string>("a", "0", "b", "aa"),
                    rc::gen::container<std::vector<std::string>>(
                        rc::gen::element<std::string>("-a", ".a", "_a", "__0", "--0", "a", "0"))),
      [](std::pair<std::string, std::vector<std::string>> parts) {
        std::string out = std::move(parts.first);
        for (const std::string& part : parts.second) {
          if (out.size() < 6) out += part;
        }
        return out;
      });
}

[[nodiscard]] inline rc::Gen<std::string> repository_name() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(component()),
                      [](std::vector<std::string> parts) {
                        std::string out = parts.empty() ? "a" : parts.front();
                        for (std::size_t i = 1; i < std::min<std::size_t>(parts.size(), 4); ++i) {
                          out += "/" + parts[i];
                        }
                        return out;
                      });
}

[[nodiscard]] inline rc::Gen<std::string> tag_name() {
  return rc::gen::map(
      rc::gen::pair(
          rc::gen::element<char>('a', '0', 'A', '_'),
          rc::gen::container<std::string>(rc::gen::element<char>('a', '0', '.', '-', '_', 'Z'))),
      [](std::pair<char, std::string> parts) { return parts.first + parts.second.substr(0, 6); });
}

}  // namespace bunker::registry
