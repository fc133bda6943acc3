#include "registryd/ops/upload_purger.h"

#include <thread>

#include <gmock/gmock.h>

#include "registryd/core/layout.h"
#include "registryd/storage/memory/memory_store.h"
#include "tests/unit/registryd/ops/ops_support.h"

namespace bunker::ops {
namespace {

using std::chrono::milliseconds;

// A clock that is a year ahead, so that everything is old.
class LaterClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override {
    return std::chrono::system_clock::now() + std::chrono::hours(24 * 365);
  }
};

class UploadPurgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto name = registry::RepositoryName::parse("library/alpine").value();
    scratch_ = registry::layout::upload_data(name, "0c2b5a0e-3d5f-4c2a-9f3e-6b1f6b7f0a11");
    ASSERT_TRUE(run_task(store_->put(context_, scratch_, "left behind")));
    threads_.start();
  }

  // Runs a purger until it has counted a run with `result`.
  void purge(bool dry_run, const std::string& result) {
    PurgeOptions options;
    options.interval = milliseconds(5);
    options.dry_run = dry_run;
    UploadPurger purger(threads_, registry_, options, log_, metrics_);
    while (series(metrics_, "bunker_upload_purge_runs_total{result=\"" + result + "\"}") == 0) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    purger.stop();
  }

  [[nodiscard]] bool exists() { return run_task(store_->head(context_, scratch_)).has_value(); }

  Logger log_{quiet()};
  Metrics metrics_;
  Context context_;
  LaterClock clock_;
  const std::unique_ptr<storage::ObjectStore> store_ = storage::make_memory_store();
  registry::Registry registry_{*store_, clock_, {}};
  std::string scratch_;
  IoThreads threads_{1};
};

TEST_F(UploadPurgerTest, RemovesWhatIsOld) {
  purge(/*dry_run=*/false, "ok");
  EXPECT_FALSE(exists());
  EXPECT_EQ(series(metrics_, "bunker_upload_purge_removed_total"), 1);
  EXPECT_GT(series(metrics_, "bunker_upload_purge_last_success_timestamp_seconds"), 1e9);
}

TEST_F(UploadPurgerTest, ADryRunRemovesNothing) {
  purge(/*dry_run=*/true, "ok");
  EXPECT_TRUE(exists());
  EXPECT_EQ(series(metrics_, "bunker_upload_purge_removed_total"), 0);
}

TEST_F(UploadPurgerTest, AFailureIsCounted) {
  registry_.set_read_only(true);
  purge(/*dry_run=*/false, "failed");
  EXPECT_TRUE(exists());
  EXPECT_EQ(series(metrics_, "bunker_upload_purge_last_success_timestamp_seconds"), 0);
}

}  // namespace
}  // namespace bunker::ops
