// Collection as the configuration and the command line want it. Part of the composition root.
#pragma once

#include <optional>
#include <string>

#include "registryd/collect/collector.h"
#include "registryd/config/config.h"

namespace bunker {

// What bunker.collection says, and what the store's cache asks for.
[[nodiscard]] collect::Options collection_options(const config::Config& config);

// `registryd garbage-collect`: what the command line says beside the configuration.
struct GarbageCollect {
  bool dry_run = false;
  bool delete_untagged = false;
  bool offline = false;
  bool force = false;
  bool quiet = false;
  std::optional<std::chrono::seconds> grace, minimum_age;
};

// Collects once, reporting on standard error and what would go (dry_run) on standard output.
// Returns the exit code: 0 done; 1 failed, or another collection is under way; 3 interrupted.
// Blocks; from the main thread, before any other thread exists.
[[nodiscard]] int garbage_collect(const config::Config& config, const GarbageCollect& wanted);

}  // namespace bunker
