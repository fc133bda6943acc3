// The small pages that every program serves to machines on the inside: text, metrics, and checks
// as Kubernetes' own components show them. For the handlers of debug and probe ports; not for the
// API. Pure but for reading the metrics; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http/message.h"

namespace bunker {
class Metrics;
}

namespace bunker::http {

inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

// A page that nobody keeps.
[[nodiscard]] Response status_page(int status, std::string_view content_type, std::string body);
[[nodiscard]] inline Response status_page(int status, std::string body) {
  return status_page(status, kPlainText, std::move(body));
}

// 405 for all but GET and HEAD, which alone these pages know; nullopt: go on.
[[nodiscard]] std::optional<Response> refuse_writes(const Request& request);

// The metrics in the format that the request accepts.
[[nodiscard]] Response metrics_page(const Metrics& metrics, const Request& request);

struct CheckResult {
  std::string name;
  bool passes = false;
  std::string why;  // it fails; may be empty
};

// 200 where all of `checks` pass, else 503 with a line for each. ?verbose shows the lines anyway,
// ?exclude=NAME (repeatable) leaves one out. `page` is what is asked for: "readyz".
[[nodiscard]] Response checks_page(std::string_view page, const std::vector<CheckResult>& checks,
                                   const Request& request);

}  // namespace bunker::http
