// Names with a grammar (OCI distribution-spec, "Pulling manifests"): repository, tag, reference.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <variant>

#include "lib/base/result.h"
#include "registryd/core/digest.h"

namespace bunker::registry {

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*: what a repository name is made of, joined by '/'.
[[nodiscard]] bool is_path_component(std::string_view text) noexcept;

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*, at most 255 bytes.
class RepositoryName {
 public:
  [[nodiscard]] static Result<RepositoryName> parse(std::string_view text);  // NAME_INVALID
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  friend auto operator<=>(const RepositoryName&, const RepositoryName&) = default;

 private:
  explicit RepositoryName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
class Tag {
 public:
  [[nodiscard]] static Result<Tag> parse(std::string_view text);  // TAG_INVALID
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  friend auto operator<=>(const Tag&, const Tag&) = default;

 private:
  explicit Tag(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// What follows /manifests/ in a path: a digest where it holds a ':', else a tag.
using Reference = std::variant<Tag, Digest>;
[[nodiscard]] Result<Reference> parse_reference(std::string_view text);
[[nodiscard]] const std::string& to_string(const Reference& reference) noexcept;

}  // namespace bunker::registry
