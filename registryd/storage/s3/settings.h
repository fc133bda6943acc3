// What the S3 driver is told: distribution's storage.s3 keys under its meanings and defaults.
// Plain values. Not here: where credentials come from when none are given (credentials.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/result.h"

namespace bunker::storage::s3 {

struct Settings {
  std::string region;             // may be empty with an endpoint: then "us-east-1"
  std::string endpoint;           // regionendpoint: "https://host[:port][/path]" or "host[:port]"
  std::string redirect_endpoint;  // what clients reach it by; empty: `endpoint`
  // nullopt: path-style where an endpoint is given, as distribution 2.x does (3.x never does it by
  // itself).
  std::optional<bool> force_path_style;
  std::string bucket;
  std::string root_directory;

  bool secure = true;  // https, where an endpoint names no scheme
  bool skip_verify = false;
  bool dual_stack = false;
  bool accelerate = false;
  bool fips_endpoint = false;

  bool encrypt = false;
  std::string key_id;                      // of KMS; empty: AES256. Only with `encrypt`
  std::string storage_class = "STANDARD";  // "NONE": leave it to the store
  std::string object_acl = "private";
  std::string user_agent;  // added to ours

  std::uint64_t chunk_bytes = 10u << 20;  // of a part: 5 MiB to 5 GiB
  std::uint64_t copy_chunk_bytes = 32u << 20;
  unsigned copy_concurrency = 100;
  std::uint64_t copy_threshold_bytes = 512u << 20;

  // bunker.s3.payloadsigning; nullopt: where neither TLS nor the loopback protects what is sent.
  std::optional<bool> sign_payloads;

  bool redirect_disabled = false;  // storage.redirect.disable
};

// invalid, naming the key and the remedy, for what cannot work: no bucket, AWS without a region, an
// endpoint that is not one, a chunk size that S3 refuses.
[[nodiscard]] Result<void> check(const Settings& settings);

}  // namespace bunker::storage::s3
