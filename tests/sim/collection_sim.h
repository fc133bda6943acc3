// A whole world of collection: several registries on one store, clients that push, mount, delete
// and push again what was deleted, collectors that start at any time, two at once, die, and stand
// still. An oracle knows what was acknowledged. One seed, one schedule.
#pragma once

#include <cstdint>
#include <string>

namespace bunker::sim {

struct SimOptions {
  std::uint64_t seed = 1;
  bool delete_untagged = false;
  // How the replicas break the protocol, to see that the oracle notices.
  bool replicas_never_look = false;  // beyond the first time
  bool collectors_ignore_grace = false;
};

struct SimReport {
  std::string loss;   // what was acknowledged and is gone; empty: nothing
  std::string waste;  // what nothing refers to and is there after the last collection
  std::uint64_t pushes = 0, mounts = 0, refused = 0, deletions = 0;
  std::uint64_t collections = 0, collected = 0, rescued = 0, killed = 0, resumed = 0;
};

[[nodiscard]] SimReport simulate(const SimOptions& options);

}  // namespace bunker::sim
