// Every metric that registryd's parts register, under the eyes of the real promtool.
#include <cstdio>

#include <gtest/gtest.h>

#include "registryd/core/registry.h"
#include "registryd/ops/health_monitor.h"
#include "registryd/ops/instrumented_store.h"
#include "registryd/ops/registry_metrics.h"
#include "registryd/ops/upload_purger.h"
#include "registryd/storage/memory/memory_store.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/registryd/ops/ops_support.h"

namespace bunker::ops {
namespace {

TEST(MetricsLintTest, PromtoolFindsNothingToComplainAbout) {
  Logger log(quiet());
  Metrics metrics;
  register_build_info(metrics, "registryd");
  register_log_metrics(metrics, log);
  const auto memory = storage::make_memory_store();
  const auto store = instrument(*memory, metrics);
  const SystemClock clock;
  registry::Registry registry(*store, clock, {});
  register_registry_metrics(metrics, registry);
  Context context;
  ASSERT_FALSE(run_task(store->read(context, std::string(2000, 'x'), 1)));  // an error's series
  Health health;
  IoThreads threads(1);
  const HealthMonitor monitor(threads, {storage_check(*store, std::chrono::seconds(1))}, health,
                              log, metrics);
  const UploadPurger purger(threads, registry, {}, log, metrics);

  const TempFolder folder;
  folder.write("metrics", metrics.expose("").body);
  const std::string command = "promtool check metrics < " + (folder / "metrics") + " 2>&1";
  FILE* promtool = ::popen(command.c_str(), "r");
  std::string complaints;
  char buffer[4096];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, promtool)) > 0;) {
    complaints.append(buffer, got);
  }
  EXPECT_EQ(::pclose(promtool), 0);
  EXPECT_EQ(complaints, "");
}

}  // namespace
}  // namespace bunker::ops
