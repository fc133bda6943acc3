#include "registryd/ops/debug_handler.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lib/runtime/io_threads.h"

namespace bunker::ops {
namespace {

using ::testing::HasSubstr;

struct Answer {
  int status = 0;
  std::string type;
  std::string body;
};

class DebugHandlerTest : public ::testing::Test {
 protected:
  Answer ask(const std::string& path, const std::string& query = "",
             http::Method method = http::Method::get, const std::string& accept = "") {
    const http::Handler handler =
        make_debug_handler({.health = health_,
                            .metrics = metrics_enabled_ ? &metrics_ : nullptr,
                            .metrics_path = metrics_path_,
                            .draining = [this] { return draining_; }});
    http::Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    if (!accept.empty()) request.headers.add("Accept", accept);
    Context context;
    http::Response response = run_task(handler(context, request));
    const auto source = make_source(std::move(response.body));
    return {.status = response.status,
            .type = std::string(response.headers.get("Content-Type").value_or("")),
            .body = run_task(read_all(*source, 1u << 20)).value()};
  }

  void report(const std::string& name, bool passes, const std::string& why = "no answer") {
    health_.add(name, 1);
    health_.report(name, passes ? Result<void>() : fail(Code::retry_later, why));
  }

  Metrics metrics_;
  Health health_;
  bool metrics_enabled_ = true;
  bool draining_ = false;
  std::string metrics_path_ = "/metrics";
};

TEST_F(DebugHandlerTest, ServesMetricsInTheFormatThatWasAskedFor) {
  metrics_.counter("x_total", "X.").add(2);
  const Answer text = ask("/metrics");
  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(text.type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(text.body, HasSubstr("x_total 2\n"));
  const Answer open = ask("/metrics", "", http::Method::get, "application/openmetrics-text");
  EXPECT_EQ(open.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_THAT(open.body, HasSubstr("# EOF\n"));
}

TEST_F(DebugHandlerTest, TheMetricsPathIsConfigurableAndThePageOptional) {
  metrics_path_ = "/internal/prom";
  EXPECT_EQ(ask("/internal/prom").status, 200);
  EXPECT_EQ(ask("/metrics").status, 404);
  metrics_enabled_ = false;
  EXPECT_EQ(ask("/internal/prom").status, 404);
}

TEST_F(DebugHandlerTest, LivenessIgnoresChecks) {
  report("store", false);
  draining_ = true;
  EXPECT_EQ(ask("/healthz").status, 200);
  EXPECT_EQ(ask("/healthz").body, "ok\n");
}

TEST_F(DebugHandlerTest, ReadinessFollowsTheChecks) {
  report("store", true);
  EXPECT_EQ(ask("/readyz").body, "ok\n");
  report("store", false);
  const Answer failing = ask("/readyz");
  EXPECT_EQ(failing.status, 503);
  EXPECT_EQ(failing.body,
            "[+]shutdown ok\n[-]store failed: retry_later: no answer\nreadyz check failed\n");
}

TEST_F(DebugHandlerTest, ReadinessWaitsForTheFirstResult) {
  health_.add("store", 1);
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_THAT(ask("/readyz").body, HasSubstr("[-]store failed: not checked yet\n"));
  EXPECT_EQ(ask("/debug/health").status, 200);
}

TEST_F(DebugHandlerTest, DrainingIsNotReady) {
  draining_ = true;
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_EQ(ask("/readyz", "exclude=shutdown").status, 200);
}

TEST_F(DebugHandlerTest, ReadinessCanListAndExclude) {
  report("a", true);
  report("b c", false);
  EXPECT_EQ(ask("/readyz", "verbose&exclude=b%20c").body,
            "[+]shutdown ok\n[+]a ok\n[+]b c excluded: ok\nreadyz check passed\n");
  EXPECT_EQ(ask("/readyz", "exclude=a&exclude=b%20c").status, 200);
  EXPECT_EQ(ask("/readyz", "exclude=a").status, 503);
}

TEST_F(DebugHandlerTest, DebugHealthIsTheFailingChecksAsJson) {
  report("a", true);
  EXPECT_EQ(ask("/debug/health").status, 200);
  EXPECT_EQ(ask("/debug/health").body, "{}\n");
  report("b", false, "bad \xff byte");
  const Answer failing = ask("/debug/health");
  EXPECT_EQ(failing.status, 503);
  EXPECT_EQ(failing.type, "application/json; charset=utf-8");
  EXPECT_EQ(nlohmann::json::parse(failing.body)["b"], "retry_later: bad \xef\xbf\xbd byte");
}

TEST_F(DebugHandlerTest, AnythingElseIsRefused) {
  EXPECT_EQ(ask("/").status, 404);
  EXPECT_EQ(ask("/metrics/").status, 404);
  EXPECT_EQ(ask("/healthz", "", http::Method::post).status, 405);
  EXPECT_EQ(ask("/healthz", "", http::Method::head).status, 200);
}

}  // namespace
}  // namespace bunker::ops
