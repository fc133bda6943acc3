// What an administrator can ask of a running registryd, as plain values: the gRPC service speaks to
// this, and the composition root implements it. Not for the registry's own API.
//
// Called from the gRPC module's threads, any number at once. Owner: the composition root; outlives
// the server.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace bunker::admin {

struct CollectionRequest {
  bool dry_run = false;
  std::optional<bool> delete_untagged;  // nullopt, here and below: as configured
  std::optional<std::chrono::seconds> grace;
  std::optional<std::chrono::seconds> minimum_age;
};

struct CollectionStatus {
  std::string phase;  // collect::to_string(Phase)
  std::string run;
  bool running = false;
  bool dry_run = false;
  bool resumed = false;
  std::uint64_t repositories = 0, manifests = 0, blobs = 0, bytes = 0;
  std::uint64_t candidates = 0, candidate_bytes = 0, rescued = 0;
  std::uint64_t deleted = 0, deleted_blobs = 0, deleted_bytes = 0;
  std::string error;
  std::vector<std::string> warnings;
};

struct Statistics {
  std::string version, revision, storage_driver;
  std::chrono::seconds uptime{0};
  bool read_only = false;
  bool healthy = false;
  std::uint64_t cache_requests = 0, cache_hits = 0, cache_entries = 0;
  std::uint64_t collection_looks = 0, collection_rescues = 0;
};

// What became of one thing that was to be read again.
struct Reloaded {
  std::string what;   // "password file"
  std::string path;   // empty where it is made of several files
  std::string error;  // why the last good one stays in use; empty: it was read again
};

class Operations {
 public:
  virtual ~Operations() = default;
  // already_exists while one is under way here.
  virtual Result<void> start_collection(const CollectionRequest& request) = 0;
  virtual CollectionStatus collection() = 0;
  virtual void cancel_collection() = 0;
  // Reads again all that may change while registryd runs. Blocks.
  virtual std::vector<Reloaded> reload() = 0;
  virtual void set_read_only(bool read_only) = 0;
  // Blocks until it is done.
  virtual Result<void> flush_cache() = 0;
  virtual Statistics statistics() = 0;
};

}  // namespace bunker::admin
