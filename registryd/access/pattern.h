// The patterns of access rules: texts with '*', and names of repositories with '*' and '**'.
// Pure values; matching allocates nothing and takes time linear in the name, whatever the pattern.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace bunker::access {

// Whether `text` is `pattern`, in which each '*' stands for any characters, none included.
[[nodiscard]] bool matches_text(std::string_view pattern, std::string_view text) noexcept;

// A pattern for names of repositories. '*' stands for any characters within a component, and '**',
// as a component of its own, for any components: "team/*" is every repository right below team/,
// "team/**" every one below it at any depth, "**/base" every one that is called so, and "**" all.
class RepositoryPattern {
 public:
  // invalid: no name could match, or '**' is only part of a component.
  [[nodiscard]] static Result<RepositoryPattern> parse(std::string_view text);

  [[nodiscard]] bool matches(std::string_view name) const noexcept;
  // Whether a repository below `folder` ("team", not "team/") could match.
  [[nodiscard]] bool may_match_below(std::string_view folder) const noexcept;
  [[nodiscard]] bool matches_all() const noexcept;
  [[nodiscard]] const std::string& str() const noexcept { return text_; }

 private:
  struct Component {
    std::string text;
    bool is_any_depth = false;  // "**"
  };
  // Bit i: the name so far is matched by the first i components.
  using States = std::uint64_t;
  static constexpr std::size_t kMostComponents = 62;

  [[nodiscard]] States skip_any_depth(States states) const noexcept;
  [[nodiscard]] States run(std::string_view name) const noexcept;

  std::string text_;
  std::vector<Component> components_;
};

// A pattern for tags: any tag's characters, and '*'.
[[nodiscard]] Result<std::string> parse_tag_pattern(std::string_view text);

}  // namespace bunker::access
