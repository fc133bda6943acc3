// One run of a Collector, from its first beat to its end. For the .cpp files of registryd/collect
// alone.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "registryd/collect/collector.h"

namespace bunker::collect {

class Collector::Run {
 public:
  Run(Collector& collector, Context& context);
  Task<Result<Progress>> execute();

 private:
  // Another run, as its keys tell.
  struct Other {
    std::string id;
    std::optional<SystemTime> open;
    std::optional<SystemTime> beat;
  };

  // --- run.cpp: the stages ---
  Task<Result<void>> work();
  Task<Result<void>> dry_run();
  Task<Result<ScanResult>> scan_once(const DigestSet* only);
  Task<Result<void>> find_candidates();
  Task<Result<void>> take_over(Other dead);
  Task<Result<void>> publish();
  Task<Result<void>> wait_for_grace();
  Task<Result<void>> end(std::string run);

  // --- lease.cpp: being the one that collects, and knowing what time it is for the store ---
  Task<Result<void>> beat();
  // Reports, beats where that is due, and fails when the run is over for this collector.
  Task<Result<void>> tick();
  [[nodiscard]] Result<void> check_awake() const;
  Task<Result<std::vector<Other>>> others();
  [[nodiscard]] bool is_dead(const Other& other) const;
  // conflict when somebody else collects. The dead one whose work is to be finished, if any.
  Task<Result<std::optional<Other>>> claim();
  Task<Result<void>> remove_litter();
  Task<Result<SystemTime>> store_time(storage::ObjectKey key);
  Task<Result<std::vector<storage::ListEntry>>> list_all(std::string prefix);

  // --- sweep.cpp ---
  Task<Result<void>> sweep(std::vector<Item> doomed);
  Task<Result<void>> remove_round(std::vector<Item> items, std::size_t number);
  Task<Result<void>> take_rescues();
  Task<Result<void>> keep(PackedDigest digest);
  Task<Result<void>> learn_referrers();

  [[nodiscard]] const Options& options() const { return collector_.options_; }
  [[nodiscard]] storage::ObjectStore& store() const { return collector_.deps_.store; }
  [[nodiscard]] SteadyTime now() const { return collector_.deps_.timer.now(); }

  Collector& collector_;
  Context& context_;
  Progress progress_;
  std::string id_;
  bool claimed_ = false;  // keys of this run may be in the store
  bool lost_ = false;     // this collector was away too long to touch anything

  SteadyTime beaten_;  // when the last beat began
  SystemTime beaten_wall_;
  SystemTime store_now_;  // of the last beat, by the store's clock
  SystemTime started_;    // the same, of the first

  ReferenceReader reader_;
  DigestSet candidates_;
  SteadyTime open_since_;

  // While sweeping.
  std::set<PackedDigest> rescued_;  // that pushes asked for
  std::set<PackedDigest> kept_;     // because of them
  std::set<PackedDigest> revisions_;
  std::map<PackedDigest, std::vector<PackedDigest>> targets_;  // of links that name others
  std::optional<std::map<PackedDigest, std::vector<PackedDigest>>> referrers_;
};

}  // namespace bunker::collect
