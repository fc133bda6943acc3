#include "registryd/core/names.h"

#include <algorithm>

#include "registryd/core/errors.h"
#include "registryd/core/in_quotes.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxTag = 128;

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_tag_start(char c) noexcept {
  return is_alphanumeric(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

bool is_path_component(std::string_view text) noexcept {
  if (text.empty() || !is_alphanumeric(text.back())) return false;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_alphanumeric(text[at])) return false;
    while (at < text.size() && is_alphanumeric(text[at])) ++at;
    // One separator: ".", "_", "__" or any number of "-".
    const std::size_t start = at;
    while (at < text.size() && text[at] == '-') ++at;
    if (at > start || at == text.size()) continue;
    if (text[at] == '.') {
      ++at;
    } else if (text[at] == '_') {
      ++at;
      if (at < text.size() && text[at] == '_') ++at;
    }
  }
  return true;
}

Result<RepositoryName> RepositoryName::parse(std::string_view text) {
  bool valid = text.size() <= kMaxName;
  for (std::size_t start = 0; valid && start <= text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    valid = is_path_component(text.substr(start, end - start));
    start = end + 1;
  }
  if (!valid) {
    return fail(Code::invalid, in_quotes(text) + " is not a repository name",
                "use at most 255 lower-case letters, digits and single separators ('.', '_', '__', "
                "'-') in components joined by '/'",
                reason::kNameInvalid);
  }
  return RepositoryName(std::string(text));
}

Result<Tag> Tag::parse(std::string_view text) {
  bool valid = !text.empty() && text.size() <= kMaxTag && is_tag_start(text.front());
  for (std::size_t at = 1; valid && at < text.size(); ++at) {
    valid = is_tag_start(text[at]) || text[at] == '.' || text[at] == '-';
  }
  if (!valid) {
    return fail(Code::invalid, in_quotes(text) + " is not a tag",
                "use at most 128 letters, digits, '_', '.' and '-', not beginning with '.' or '-'",
                reason::kTagInvalid);
  }
  return Tag(std::string(text));
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.contains(':')) {
    BUNKER_TRY_ASSIGN(Digest digest, Digest::parse(text));
    return digest;
  }
  BUNKER_TRY_ASSIGN(Tag tag, Tag::parse(text));
  return tag;
}

const std::string& to_string(const Reference& reference) noexcept {
  if (const auto* tag = std::get_if<Tag>(&reference)) return tag->str();
  return std::get_if<Digest>(&reference)->str();
}

}  // namespace bunker::registry
