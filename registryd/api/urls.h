// The URLs that answers carry: Location and Link. Pure; thread-safe after construction.
//
// Location is a path ("/v2/…") unless http.host, or a proxy that names the host the client asked
// for, says otherwise. Every client resolves a path against the URL it used (docker since 1.6,
// containerd, podman, oras, crane, regctl, helm), so it stays right behind any TLS proxy; an
// absolute URL with a scheme or host that differs makes containerd drop its credentials. The Host
// header alone is what the last proxy wrote and is never used.
//
// Link is always a path: oras follows only its own origin, and a list may be cached by a proxy, so
// no header of one client may steer another.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/http/message.h"

namespace bunker::api {

class Urls {
 public:
  struct Options {
    std::string prefix;  // as parse_path() takes it
    std::string host;    // http.host
    bool relative = false;
  };
  explicit Urls(Options options);

  // Location values. `name`, `digest` and `uuid` are valid and need no escaping.
  [[nodiscard]] std::string manifest(const http::Request& request, std::string_view name,
                                     std::string_view digest) const;
  [[nodiscard]] std::string blob(const http::Request& request, std::string_view name,
                                 std::string_view digest) const;
  [[nodiscard]] std::string upload(const http::Request& request, std::string_view name,
                                   std::string_view uuid, std::string_view state) const;

  // Link values: `</v2/…?last=…&n=…>; rel="next"`.
  [[nodiscard]] std::string next_tags(std::string_view name, std::string_view last,
                                      std::size_t n) const;
  [[nodiscard]] std::string next_catalog(std::string_view last, std::size_t n) const;

 private:
  [[nodiscard]] std::string base(const http::Request& request) const;

  std::string fixed_base_;  // what http.host gives; empty: ask the request
  std::string path_base_;   // "<prefix>/v2/"
  bool relative_;
};

// The origin that a proxy says the client asked for ("https://registry.example.com"): RFC 7239
// Forwarded, else X-Forwarded-Host with -Proto and -Port. Empty when no host is named or any part
// is not plainly a scheme, host or port: these values end up in our headers.
[[nodiscard]] std::string forwarded_origin(const http::Request& request);

}  // namespace bunker::api
