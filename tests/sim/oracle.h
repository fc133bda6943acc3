// What the store must hold after all, and what it must not: reads the shared store itself, beside
// all replicas and caches. One thread. Owner: the simulation.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registryd/core/digest.h"
#include "registryd/storage/object_store.h"
#include "tests/sim/collection_sim.h"

namespace bunker::sim {

using OracleTag = std::pair<std::size_t, std::string>;  // a client, and a tag in its repository

[[nodiscard]] std::string repository_of(std::size_t client);

class Oracle {
 public:
  // All outlive it; what is found wrong goes into `report`.
  Oracle(storage::ObjectStore& store, const SimOptions& options, SimReport& report)
      : store_(store), options_(options), report_(report) {}

  // What a tag leads to is whole: the manifest, its children, and every blob with its link.
  void check(const OracleTag& tag);
  // The same of all; begins to count anew what is in use.
  void check_all(const std::set<OracleTag>& tags);
  // Only what can be pulled is there: every manifest of every repository, and what it refers to.
  // `damaged`: the last collection left a repository alone as a whole. After check_all().
  void check_waste(std::size_t clients, bool damaged);

 private:
  void check_manifest(std::size_t client, const registry::Digest& digest, const std::string& tag);
  void lost(const std::string& what);
  bool there(const std::string& key);
  std::optional<std::string> read(const std::string& key);
  std::vector<std::string> keys(std::string_view prefix);

  storage::ObjectStore& store_;
  const SimOptions& options_;
  SimReport& report_;
  std::set<registry::Digest> used_;
  bool strict_ = true;
};

}  // namespace bunker::sim
