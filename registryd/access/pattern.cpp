#include "registryd/access/pattern.h"

#include <algorithm>

namespace bunker::access {
namespace {

constexpr std::string_view kAnyDepth = "**";
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestTag = 128;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool may_be_in_name(char c) {
  return is_lower_or_digit(c) || std::string_view("._-*").contains(c);
}

bool may_be_in_tag(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || std::string_view("._-*").contains(c);
}

}  // namespace

bool matches_text(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0;
  std::size_t t = 0;
  // After the last '*' that was passed, and where the text then was: a later '*' makes what an
  // earlier one could still have taken irrelevant, so going back to the last one is enough.
  std::size_t after_star = std::string_view::npos;
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Result<RepositoryPattern> RepositoryPattern::parse(std::string_view text) {
  const auto wrong = [text](std::string why, std::string remedy) {
    return fail(Code::invalid, '"' + std::string(text) + "\" is no pattern of repositories: " + why,
                std::move(remedy));
  };
  if (text.empty() || text.size() > kLongestName) {
    return wrong("it has no characters, or more than a name can have", "write it as in team/**");
  }
  RepositoryPattern out;
  out.text_ = text;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    const std::string_view part = text.substr(start, end - start);
    start = end + 1;
    if (part.empty()) return wrong("it has an empty component", "write it as in team/**");
    if (!std::ranges::all_of(part, may_be_in_name)) {
      return wrong("no name has such characters",
                   "names are lower-case letters, digits, '.', '_', '-' and '/'");
    }
    if (part.contains(kAnyDepth) && part != kAnyDepth) {
      return wrong("'**' stands for whole components", "write it between slashes, as in team/**");
    }
    // At the end it stands for one component or more: what is below team/ is not team itself.
    if (part == kAnyDepth && end == text.size()) out.components_.push_back({"*"});
    out.components_.push_back({std::string(part), part == kAnyDepth});
  }
  if (out.components_.size() > kMostComponents) {
    return wrong("it has too many components", "60 are allowed");
  }
  return out;
}

RepositoryPattern::States RepositoryPattern::skip_any_depth(States states) const noexcept {
  for (std::size_t i = 0; i < components_.size(); ++i) {
    if (components_[i].is_any_depth && (states >> i & 1) != 0) states |= States{1} << (i + 1);
  }
  return states;
}

RepositoryPattern::States RepositoryPattern::run(std::string_view name) const noexcept {
  States states = skip_any_depth(1);
  for (std::size_t start = 0; start <= name.size() && states != 0;) {
    const std::size_t end = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, end - start);
    start = end + 1;
    States next = 0;
    for (std::size_t i = 0; i < components_.size(); ++i) {
      if ((states >> i & 1) == 0) continue;
      if (components_[i].is_any_depth) {
        next |= States{1} << i;
      } else if (matches_text(components_[i].text, part)) {
        next |= States{1} << (i + 1);
      }
    }
    states = skip_any_depth(next);
  }
  return states;
}

bool RepositoryPattern::matches(std::string_view name) const noexcept {
  return (run(name) >> components_.size() & 1) != 0;
}

bool RepositoryPattern::may_match_below(std::string_view folder) const noexcept {
  const States whole = States{1} << components_.size();
  return (run(folder) & ~whole) != 0;
}

bool RepositoryPattern::matches_all() const noexcept {
  return text_ == kAnyDepth;
}

Result<std::string> parse_tag_pattern(std::string_view text) {
  if (!text.empty() && text.size() <= kLongestTag && std::ranges::all_of(text, may_be_in_tag)) {
    return std::string(text);
  }
  return fail(Code::invalid, '"' + std::string(text) + "\" is no pattern of tags",
              "tags are at most 128 letters, digits, '.', '_' and '-'; '*' stands for any of them");
}

}  // namespace bunker::access
