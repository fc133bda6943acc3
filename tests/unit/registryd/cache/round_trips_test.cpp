// How often a cold read has to wait for a store that is far away: calls that do not need each
// other's answers go out together.
#include <algorithm>

#include <gtest/gtest.h>

#include "registryd/cache/caching_store.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::cache {
namespace {

using registry::Registry;
using registry::SyncRegistry;

// Counts calls, and the longest chain of them that wait for each other.
class RoundStore final : public registry::StoreDecorator {
 public:
  explicit RoundStore(storage::ObjectStore& inner) : StoreDecorator(inner) { set_remote(true); }

  struct Cost {
    unsigned calls = 0;
    unsigned rounds = 0;
    bool operator==(const Cost&) const = default;
  };
  Cost take() { return std::exchange(cost_, {}); }

 protected:
  Task<Result<void>> before(std::string_view call, bool writes) override {
    (void)call;
    (void)writes;
    ++cost_.calls;
    const unsigned round = cost_.rounds + 1;
    // Calls that are made at once have all begun by then.
    co_await sleep_for(std::chrono::milliseconds(5));
    cost_.rounds = std::max(cost_.rounds, round);
    co_return Result<void>();
  }

 private:
  Cost cost_;
};

class RoundTrips : public ::testing::Test {
 protected:
  // A replica that knows nothing yet.
  SyncRegistry& cold() {
    caching_ = make_caching_store(store_, nullptr, 1000, metrics_);
    replica_ = std::make_unique<SyncRegistry>(*caching_, clock_, Registry::Options());
    store_.take();
    return *replica_;
  }

  Metrics metrics_;
  registry::ManualClock clock_;
  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store();
  RoundStore store_{*memory_};
  std::unique_ptr<CachingStore> caching_;
  std::unique_ptr<SyncRegistry> replica_;
};

// The table of docs/s3-cost.md.
TEST_F(RoundTrips, AreAsFewAsReadsNeed) {
  using Cost = RoundStore::Cost;
  SyncRegistry& writer = cold();
  const auto blob = writer.push("app", "config")->digest;
  const auto image = registry::image(registry::blob_descriptor("config"), {});
  const auto digest = writer.put("app", "v1", image)->digest;

  EXPECT_TRUE(cold().get("app", "v1"));
  EXPECT_EQ(store_.take(), (Cost{3, 2})) << "the tag, then all that it points to";
  EXPECT_TRUE(replica_->get("app", "v1"));
  EXPECT_EQ(store_.take(), (Cost{1, 1}));
  EXPECT_TRUE(cold().get("app", digest.str()));
  EXPECT_EQ(store_.take(), (Cost{2, 1}));
  EXPECT_TRUE(cold().blob("app", blob));
  EXPECT_EQ(store_.take(), (Cost{2, 1}));
  EXPECT_TRUE(replica_->blob("app", blob));
  EXPECT_EQ(store_.take(), (Cost{1, 1}));
  // Most ask for what is not there, and the link alone tells that.
  EXPECT_TRUE(cold().stat("app", blob));
  EXPECT_EQ(store_.take(), (Cost{2, 2}));
}

}  // namespace
}  // namespace bunker::cache
