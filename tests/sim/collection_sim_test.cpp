#include "tests/sim/collection_sim.h"

#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>

namespace bunker::sim {
namespace {

// BUNKER_SIM_SEEDS: more schedules; BUNKER_SIM_SEED: where to begin.
std::uint64_t number(const char* name, std::uint64_t fallback) {
  const char* const text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

void add(SimReport& total, const SimReport& one) {
  total.pushes += one.pushes;
  total.mounts += one.mounts;
  total.refused += one.refused;
  total.deletions += one.deletions;
  total.collections += one.collections;
  total.collected += one.collected;
  total.rescued += one.rescued;
  total.killed += one.killed;
  total.resumed += one.resumed;
}

void run_seeds(bool delete_untagged) {
  const std::uint64_t first = number("BUNKER_SIM_SEED", 1);
  const std::uint64_t count = number("BUNKER_SIM_SEEDS", 40);
  SimReport total;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SimOptions options;
    options.seed = seed;
    options.delete_untagged = delete_untagged;
    const SimReport report = simulate(options);
    ASSERT_EQ(report.loss, "");
    ASSERT_EQ(report.waste, "") << "seed " << seed;
    add(total, report);
  }
  std::cout << count << " schedules: " << total.pushes << " pushes, " << total.mounts << " mounts, "
            << total.refused << " refused, " << total.deletions << " deletions; "
            << total.collections << " collections, " << total.collected << " objects collected, "
            << total.rescued << " rescued, " << total.killed << " collectors killed, "
            << total.resumed << " runs finished for a dead one\n";
  EXPECT_GT(total.pushes, 10 * count);
  EXPECT_GT(total.mounts, count);
  EXPECT_GT(total.collected, 10 * count);
  EXPECT_GT(total.rescued, 0u);
  EXPECT_GT(total.killed, 0u);
  EXPECT_GT(total.resumed, 0u);
}

TEST(CollectionSimulation, LosesNothingAndLeavesNothing) {
  run_seeds(false);
}

TEST(CollectionSimulation, LosesNothingWithoutUntagged) {
  run_seeds(true);
}

// What finds nothing wrong with wrong rules shows nothing.
TEST(CollectionSimulation, NoticesReplicasThatDoNotLook) {
  for (std::uint64_t seed = 1; seed < 300; ++seed) {
    SimOptions options;
    options.seed = seed;
    options.replicas_never_look = true;
    if (!simulate(options).loss.empty()) return;
  }
  FAIL() << "no schedule lost anything";
}

TEST(CollectionSimulation, NoticesCollectorsThatDoNotWait) {
  for (std::uint64_t seed = 1; seed < 300; ++seed) {
    SimOptions options;
    options.seed = seed;
    options.collectors_ignore_grace = true;
    if (!simulate(options).loss.empty()) return;
  }
  FAIL() << "no schedule lost anything";
}

}  // namespace
}  // namespace bunker::sim
