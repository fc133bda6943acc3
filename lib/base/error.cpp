#include "lib/base/error.h"

namespace bunker {

std::string_view to_string(Code code) noexcept {
  switch (code) {
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::invalid:
      return "invalid";
    case Code::unauthenticated:
      return "unauthenticated";
    case Code::forbidden:
      return "forbidden";
    case Code::conflict:
      return "conflict";
    case Code::too_large:
      return "too_large";
    case Code::out_of_range:
      return "out_of_range";
    case Code::unsupported:
      return "unsupported";
    case Code::retry_later:
      return "retry_later";
    case Code::cancelled:
      return "cancelled";
    case Code::data_loss:
      return "data_loss";
    case Code::internal:
      return "internal";
  }
  return "internal";
}

std::string to_string(const Error& error) {
  std::string out(to_string(error.code));
  out += ": ";
  out += error.message;
  if (!error.detail.empty()) {
    out += " (";
    out += error.detail;
    out += ')';
  }
  return out;
}

}  // namespace bunker
