// Where a bucket is reached: from settings to scheme, host and path. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "registryd/storage/s3/settings.h"

namespace bunker::storage::s3 {

struct Endpoint {
  bool tls = true;
  std::string host;  // to connect to and to verify: without brackets
  unsigned port = 443;
  std::string host_header;  // "bucket.s3.eu-west-1.amazonaws.com", with the port where unusual
  std::string path;         // before "/<key>": "", or "/bucket" in path style

  [[nodiscard]] std::string url() const { return (tls ? "https://" : "http://") + host_header; }
};

// Where registryd reaches the bucket. invalid: the endpoint is not one.
[[nodiscard]] Result<Endpoint> resolve_endpoint(const Settings& settings);

// Where clients reach it: `redirect_endpoint`, or else the same.
[[nodiscard]] Result<Endpoint> resolve_redirect_endpoint(const Settings& settings);

// Whether `host` is this machine itself: a loopback address, or a name that stands for one (RFC
// 6761 §6.3).
[[nodiscard]] bool is_loopback(std::string_view host);

// Whether a client on another network may be expected to reach `host`: not for loopback, private
// and link-local addresses, names without a dot, and names that only a cluster or a local network
// knows (.local, .internal, .svc and the like).
[[nodiscard]] bool is_public_host(std::string_view host);

}  // namespace bunker::storage::s3
