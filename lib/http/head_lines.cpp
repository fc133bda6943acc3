#include "lib/http/head_lines.h"

#include "lib/http/syntax.h"

namespace bunker::http {

HeadLines::Found HeadLines::next(std::string_view input, std::size_t limit,
                                 std::string_view& line) noexcept {
  const std::string_view window = input.substr(0, limit);
  const auto feed = window.find('\n', scanned_);
  if (feed == std::string_view::npos) {
    scanned_ = window.size();
    return window.size() < limit ? Found::need_more : Found::too_long;
  }
  if (feed == position_ || input[feed - 1] != '\r') return Found::malformed;
  line = input.substr(position_, feed - 1 - position_);
  position_ = scanned_ = feed + 1;
  return Found::line;
}

FieldLine split_field(std::string_view line) noexcept {
  if (line.front() == ' ' || line.front() == '\t') {
    return {{}, {}, "a header field is folded over two lines"};
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return {{}, {}, "a header field has no colon"};
  const FieldLine field{line.substr(0, colon), trim(line.substr(colon + 1)), {}};
  if (!is_token(field.name)) return {{}, {}, "a header field's name is not a token"};
  if (!is_field_value(field.value)) return {{}, {}, "a header field has a control character"};
  return field;
}

}  // namespace bunker::http
