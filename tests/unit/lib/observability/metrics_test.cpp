#include "lib/observability/metrics.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <regex>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <unistd.h>

namespace bunker {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOpenMetrics = "application/openmetrics-text; version=1.0.0";

std::string text_of(const Metrics& metrics) {
  return metrics.expose("").body;
}

void fill(Metrics& metrics) {
  register_build_info(metrics, "registryd");
  metrics.counter("bunker_things_total", "Things that were done.", {{"kind", "a\"b\\c\nd"}}).add(3);
  metrics.gauge("bunker_depth_bytes", "Bytes that wait.").set(-1.5);
  auto& histogram =
      metrics.histogram("bunker_step_seconds", "Time of a step.", {0.5, 1, 10}, {{"step", "one"}});
  for (const double value : {0.1, 0.5, 0.7, 20.0}) histogram.observe(value);
}

// Runs `command` with `input` as its standard input; its output and whether it exited with 0.
std::pair<std::string, bool> run(const std::string& command, const std::string& input) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("metrics_test." + std::to_string(::getpid()));
  std::ofstream(file) << input;
  FILE* pipe = ::popen((command + " < " + file.string() + " 2>&1").c_str(), "r");
  std::string out;
  char buffer[4096];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    out.append(buffer, got);
  }
  const int status = ::pclose(pipe);
  std::filesystem::remove(file);
  return {out, status == 0};
}

TEST(MetricsTest, TextExposition) {
  Metrics metrics;
  fill(metrics);
  const auto exposition = metrics.expose("text/plain");
  EXPECT_EQ(exposition.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(exposition.body, HasSubstr("# HELP bunker_things_total Things that were done.\n"
                                         "# TYPE bunker_things_total counter\n"
                                         "bunker_things_total{kind=\"a\\\"b\\\\c\\nd\"} 3\n"));
  EXPECT_THAT(exposition.body, HasSubstr("bunker_depth_bytes -1.5\n"));
  EXPECT_THAT(exposition.body,
              HasSubstr("bunker_step_seconds_bucket{step=\"one\",le=\"0.5\"} 2\n"));
  EXPECT_THAT(exposition.body, HasSubstr("bunker_step_seconds_bucket{step=\"one\",le=\"10\"} 3\n"));
  EXPECT_THAT(exposition.body,
              HasSubstr("bunker_step_seconds_bucket{step=\"one\",le=\"+Inf\"} 4\n"));
  EXPECT_THAT(exposition.body, HasSubstr("bunker_step_seconds_count{step=\"one\"} 4\n"));
  EXPECT_THAT(exposition.body, HasSubstr("bunker_build_info{compiler=\"clang "));
}

TEST(MetricsTest, OpenMetricsExposition) {
  Metrics metrics;
  fill(metrics);
  const auto exposition = metrics.expose(kOpenMetrics);
  EXPECT_EQ(exposition.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_THAT(exposition.body, HasSubstr("# TYPE bunker_things counter\n"
                                         "# HELP bunker_things Things that were done.\n"
                                         "bunker_things_total{kind=\"a\\\"b\\\\c\\nd\"} 3.0\n"));
  EXPECT_THAT(exposition.body, HasSubstr("# TYPE bunker_step_seconds histogram\n"
                                         "# UNIT bunker_step_seconds seconds\n"));
  EXPECT_THAT(exposition.body,
              HasSubstr("bunker_step_seconds_bucket{step=\"one\",le=\"1.0\"} 3\n"));
  EXPECT_THAT(exposition.body, HasSubstr("bunker_step_seconds_sum{step=\"one\"} 21.3\n"));
  EXPECT_THAT(exposition.body, EndsWith("\n# EOF\n"));
}

TEST(MetricsTest, PromtoolFindsNothingToComplainAbout) {
  Metrics metrics;
  fill(metrics);
  const auto [out, ok] = run("promtool check metrics", text_of(metrics));
  EXPECT_TRUE(ok) << out;
  EXPECT_EQ(out, "");
}

TEST(MetricsTest, PrometheusReadsTheOpenMetricsForm) {
  Metrics metrics;
  fill(metrics);
  // The importer wants a timestamp on each sample, which an exposition leaves to the scraper.
  const std::string body = std::regex_replace(
      metrics.expose(kOpenMetrics).body, std::regex("(^|\n)([^#\n][^\n]*)"), "$1$2 1700000000");
  const auto directory =
      std::filesystem::temp_directory_path() / ("tsdb_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto [out, ok] =
      run("promtool tsdb create-blocks-from openmetrics /dev/stdin " + directory.string(), body);
  std::filesystem::remove_all(directory);
  EXPECT_TRUE(ok) << out << body;
}

TEST(MetricsTest, AcceptDecidesTheFormat) {
  const Metrics metrics;
  const auto openmetrics = [&](std::string_view accept) {
    return metrics.expose(accept).content_type.starts_with("application/openmetrics-text");
  };
  // What Prometheus 2.42 sends.
  EXPECT_TRUE(
      openmetrics("application/openmetrics-text;version=1.0.0,"
                  "application/openmetrics-text;version=0.0.1;q=0.75,"
                  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  EXPECT_TRUE(openmetrics("Application/OpenMetrics-Text"));
  EXPECT_TRUE(openmetrics("text/*;q=0.9, application/openmetrics-text"));
  EXPECT_TRUE(openmetrics("text/plain;q=0, */*, application/openmetrics-text;q=0.1"));
  EXPECT_FALSE(openmetrics(""));
  EXPECT_FALSE(openmetrics("*/*"));
  EXPECT_FALSE(openmetrics("application/json"));
  EXPECT_FALSE(openmetrics("application/openmetrics-text;version=2.0.0"));
  EXPECT_FALSE(openmetrics("application/openmetrics-text;q=0"));
  EXPECT_FALSE(openmetrics("application/openmetrics-text;q=x"));
  EXPECT_FALSE(openmetrics("application/openmetrics-text;q=0.5, text/plain;q=0.6"));
  EXPECT_FALSE(openmetrics(",;=,; q"));
}

TEST(MetricsTest, TheSameNameAndLabelsGiveTheSameHandle) {
  Metrics metrics;
  auto& first = metrics.counter("x_total", "X.", {{"a", "1"}, {"b", "2"}});
  auto& same = metrics.counter("x_total", "X.", {{"b", "2"}, {"a", "1"}});
  auto& other = metrics.counter("x_total", "X.", {{"a", "1"}});
  EXPECT_EQ(&first, &same);
  EXPECT_NE(&first, &other);
}

TEST(MetricsTest, ContradictionsAreBugs) {
  Metrics metrics;
  metrics.counter("x_total", "X.");
  metrics.histogram("h_seconds", "H.", {1, 2});
  EXPECT_THROW(metrics.gauge("x_total", "X."), std::logic_error);
  EXPECT_THROW(metrics.counter("x_total", "Y."), std::logic_error);
  EXPECT_THROW(metrics.histogram("h_seconds", "H.", {1, 3}), std::logic_error);
  EXPECT_THROW(metrics.counter("y", "No suffix."), std::logic_error);
  EXPECT_THROW(metrics.gauge("1y", "Digit first."), std::logic_error);
  EXPECT_THROW(metrics.gauge("y:z", "Colon."), std::logic_error);
  EXPECT_THROW(metrics.gauge("y", "Bad label.", {{"a-b", "1"}}), std::logic_error);
}

TEST(MetricsTest, UpdatesFromManyThreadsAllCount) {
  Metrics metrics;
  auto& counter = metrics.counter("x_total", "X.");
  auto& gauge = metrics.gauge("g", "G.");
  auto& histogram = metrics.histogram("h_seconds", "H.", {1, 2});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        counter.add();
        gauge.add(i % 2 == 0 ? 1 : -1);
        histogram.observe(i % 3);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string text = text_of(metrics);
  EXPECT_THAT(text, HasSubstr("\nx_total 40000\n"));
  EXPECT_THAT(text, HasSubstr("\ng 0\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"1\"} 26668\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_count 40000\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_sum 39996\n"));
}

TEST(MetricsTest, ACounterNeverGoesBack) {
  Metrics metrics;
  auto& counter = metrics.counter("x_total", "X.");
  counter.add(2);
  counter.add(-1);
  counter.add(NAN);
  EXPECT_THAT(text_of(metrics), HasSubstr("\nx_total 2\n"));
}

TEST(MetricsTest, ScrapesRefreshGauges) {
  Metrics metrics;
  auto& gauge = metrics.gauge("g", "G.");
  int scrapes = 0;
  metrics.on_scrape([&] { gauge.set(++scrapes); });
  EXPECT_THAT(text_of(metrics), HasSubstr("\ng 1\n"));
  EXPECT_THAT(text_of(metrics), HasSubstr("\ng 2\n"));
}

TEST(MetricsTest, TheProcessIsMeasured) {
  const Metrics metrics;
  const auto value = [&](const std::string& name) {
    const std::string text = text_of(metrics);
    std::smatch match;
    return std::regex_search(text, match, std::regex("\n" + name + " ([^\n]+)\n"))
               ? std::stod(match[1])
               : -1.0;
  };
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), 3);
  std::jthread([] {}).join();  // with the first thread a sanitizer starts one of its own
  const double threads = value("process_threads");
  std::latch measured(1);
  std::jthread another([&] { measured.wait(); });
  EXPECT_EQ(value("process_threads"), threads + 1);
  measured.count_down();
  const double age = static_cast<double>(std::time(nullptr)) - value("process_start_time_seconds");
  EXPECT_GT(age, -2);
  EXPECT_LT(age, 600);
}

}  // namespace
}  // namespace bunker
