#include "registryd/ops/collection_service.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "registryd/core/layout.h"
#include "registryd/core/registry.h"
#include "registryd/ops/instrumented_store.h"
#include "registryd/storage/memory/memory_store.h"
#include "tests/unit/registryd/ops/ops_support.h"

namespace bunker::ops {
namespace {

using namespace std::chrono_literals;

// Stands still until it is told to move.
class SteppedClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return SystemTime(seconds_.load()); }
  void step(std::chrono::seconds time) { seconds_ = seconds_.load() + time; }

 private:
  std::atomic<std::chrono::seconds> seconds_{1'000'000'000s};
};

// A replica: what it has of its own. The store and the clock are everybody's.
class Replica {
 public:
  Replica(storage::ObjectStore& store, const Clock& clock, const collect::Options& options,
          std::optional<std::chrono::nanoseconds> every)
      : store_(instrument(store, metrics_)),
        registry_(*store_, clock, {}),
        service_({threads_, *store_, timer_, clock, registry_.guard(), log_, metrics_}, options,
                 every) {
    threads_.start();
  }
  ~Replica() {
    service_.stop();
    threads_.stop();
  }
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  CollectionService& service() { return service_; }
  [[nodiscard]] double runs(const std::string& result) const {
    return series(metrics_, "bunker_collection_runs_total{result=\"" + result + "\"}");
  }
  [[nodiscard]] double deleted() const {
    return series(metrics_, "bunker_collection_deleted_blobs_total");
  }
  [[nodiscard]] double looks() const {
    return series(metrics_,
                  "registry_storage_action_seconds_count{action=\"Stat\",driver=\"inmemory\"}");
  }

 private:
  Logger log_{quiet()};
  Metrics metrics_;
  const registry::SystemTimer timer_;
  const std::unique_ptr<storage::ObjectStore> store_;
  registry::Registry registry_;
  IoThreads threads_{1};
  CollectionService service_;
};

class CollectionServiceTest : public ::testing::Test {
 protected:
  CollectionServiceTest() {
    options_.minimum_age = 0s;
    options_.grace = 20s;
    options_.bounds.known_for = 0s;
    at_once_ = options_;
    at_once_.offline = true;
    Context context;
    EXPECT_TRUE(run_task(store_->put(context, loose_, "loose")));
    clock_.step(2s);
  }

  [[nodiscard]] bool has(const std::string& key) {
    Context context;
    return run_task(store_->head(context, key)).has_value();
  }
  template <class Condition>
  static void wait_until(Condition condition) {
    while (!condition()) std::this_thread::sleep_for(5ms);
  }

  SteppedClock clock_;
  const std::unique_ptr<storage::ObjectStore> store_ = storage::make_memory_store(&clock_);
  const std::string loose_ =
      registry::layout::blob_data(registry::Digest::of(registry::Algorithm::sha256, "loose"));
  collect::Options options_, at_once_;
};

TEST_F(CollectionServiceTest, RunsWhenItIsAskedTo) {
  Replica replica(*store_, clock_, at_once_, std::nullopt);
  ASSERT_TRUE(replica.service().start(at_once_));
  wait_until([&] { return !replica.service().status().running; });
  const auto status = replica.service().status();
  EXPECT_EQ(status.error, "");
  EXPECT_EQ(status.progress.phase, collect::Phase::done);
  EXPECT_EQ(status.progress.deleted_blobs, 1u);
  EXPECT_FALSE(has(loose_));
  EXPECT_EQ(replica.runs("ok"), 1);
  EXPECT_EQ(replica.deleted(), 1);
}

TEST_F(CollectionServiceTest, OneAtATimeAndItCanBeCancelled) {
  Replica replica(*store_, clock_, options_, std::nullopt);
  ASSERT_TRUE(replica.service().start(options_));
  wait_until([&] { return replica.service().status().progress.phase == collect::Phase::grace; });
  const auto second = replica.service().start(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::already_exists);
  replica.service().cancel();
  wait_until([&] { return !replica.service().status().running; });
  EXPECT_EQ(replica.service().status().progress.phase, collect::Phase::cancelled);
  EXPECT_EQ(replica.runs("cancelled"), 1);
  EXPECT_TRUE(has(loose_));
  ASSERT_TRUE(replica.service().start(at_once_));
  wait_until([&] { return !replica.service().status().running; });
  EXPECT_FALSE(has(loose_));
}

TEST_F(CollectionServiceTest, StopEndsWhatIsUnderWay) {
  Replica replica(*store_, clock_, options_, std::nullopt);
  ASSERT_TRUE(replica.service().start(options_));
  replica.service().stop();
  EXPECT_FALSE(replica.service().status().running);
  EXPECT_FALSE(replica.service().start(options_));
  EXPECT_TRUE(has(loose_));
}

TEST_F(CollectionServiceTest, TheScheduleIsOneForAllReplicas) {
  constexpr auto kEvery = 4s;  // they look every second
  Replica one(*store_, clock_, at_once_, kEvery);
  wait_until([&] { return one.runs("ok") == 1; });
  EXPECT_FALSE(has(loose_));
  Replica other(*store_, clock_, at_once_, kEvery);
  const double from_one = one.looks(), from_other = other.looks();
  wait_until([&] { return one.looks() > from_one + 1 && other.looks() > from_other + 1; });
  EXPECT_EQ(one.runs("ok") + other.runs("ok"), 1);
  clock_.step(kEvery);
  wait_until([&] { return one.runs("ok") + other.runs("ok") > 1; });
}

}  // namespace
}  // namespace bunker::ops
