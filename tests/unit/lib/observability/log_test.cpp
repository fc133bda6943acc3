#include "lib/observability/log.h"

#include <cmath>
#include <regex>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "lib/observability/metrics.h"

namespace bunker {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A pipe whose far end is read to the end of file.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(fds_, O_CLOEXEC), 0); }
  ~Pipe() {
    close_writer();
    ::close(fds_[0]);
  }
  [[nodiscard]] int writer() const { return fds_[1]; }
  [[nodiscard]] int reader() const { return fds_[0]; }
  void close_writer() {
    if (fds_[1] >= 0) ::close(fds_[1]);
    fds_[1] = -1;
  }
  std::string drain() {
    close_writer();
    std::string out;
    char buffer[4096];
    for (ssize_t got; (got = ::read(fds_[0], buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
  }

 private:
  int fds_[2] = {-1, -1};
};

// What a logger with `options` writes while `use` runs.
template <class Use>
std::string logged(Logger::Options options, Use use) {
  Pipe pipe;
  options.fd = pipe.writer();
  {
    Logger logger(std::move(options));
    use(logger);
  }
  return pipe.drain();
}

TEST(LogTest, TextIsOneLogfmtLine) {
  const std::string out = logged({}, [](Logger& log) {
    log.info("response completed", {{"status", 200},
                                    {"path", "/v2/"},
                                    {"seconds", 0.25},
                                    {"cached", true},
                                    {"bytes", std::uint64_t{18446744073709551615u}},
                                    {"delta", -3}});
  });
  EXPECT_TRUE(std::regex_match(
      out, std::regex(R"(time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z" level=info )"
                      R"(msg="response completed" status=200 path=/v2/ seconds=0.25 cached=true )"
                      R"(bytes=18446744073709551615 delta=-3\n)")))
      << out;
}

TEST(LogTest, JsonHoldsEveryKindOfField) {
  const std::string out =
      logged({.format = LogFormat::json, .fields = {{"service", "registry"}}},
             [](Logger& log) { log.warn("slow", {{"n", 1}, {"ok", false}, {"nan", NAN}}); });
  const auto line = nlohmann::json::parse(out);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["msg"], "slow");
  EXPECT_EQ(line["n"], 1);
  EXPECT_EQ(line["ok"], false);
  EXPECT_TRUE(line["nan"].is_null());
  EXPECT_EQ(line["service"], "registry");
}

TEST(LogTest, LogstashHasItsOwnNames) {
  const auto line = nlohmann::json::parse(
      logged({.format = LogFormat::logstash}, [](Logger& log) { log.error("broken"); }));
  EXPECT_EQ(line["message"], "broken");
  EXPECT_EQ(line["@version"], "1");
  EXPECT_EQ(line["type"], "log");
  EXPECT_TRUE(line.contains("@timestamp"));
  EXPECT_FALSE(line.contains("msg"));
}

TEST(LogTest, AFieldCannotReplaceTheLinesOwn) {
  const auto line = nlohmann::json::parse(
      logged({.format = LogFormat::json, .fields = {{"time", "never"}}},
             [](Logger& log) { log.info("real", {{"level", "debug"}, {"msg", "forged"}}); }));
  EXPECT_EQ(line["msg"], "real");
  EXPECT_EQ(line["fields.msg"], "forged");
  EXPECT_EQ(line["fields.level"], "debug");
  EXPECT_EQ(line["fields.time"], "never");
}

TEST(LogTest, HostileValuesStayInsideTheirQuotes) {
  const std::string agent =
      "x\"\n{\"level\":\"error\",\"msg\":\"forged\"}\r\x1b["
      "2J\x7f\xff\xc0\xaf\xe2\x80\xa8\xe2\x80\xae"
      "\xc2\x85 ok \xc3\xa9";
  const std::string json =
      logged({.format = LogFormat::json}, [&](Logger& log) { log.info("m", {{"agent", agent}}); });
  EXPECT_EQ(split_lines(json).size(), 1u);
  EXPECT_THAT(json, Not(HasSubstr("\x1b")));
  EXPECT_THAT(json, HasSubstr(R"(\u2028\u202e\u0085 ok é)"));
  const auto parsed = nlohmann::json::parse(json);  // throws on bytes that are not UTF-8
  EXPECT_EQ(parsed["msg"], "m");

  const std::string text = logged({}, [&](Logger& log) { log.info("m", {{"agent", agent}}); });
  EXPECT_EQ(split_lines(text).size(), 1u);
  EXPECT_THAT(
      text,
      HasSubstr(R"(agent="x\"\n{\"level\":\"error\",\"msg\":\"forged\"}\r\x1b[2J\x7f\xff\xc0\xaf)"
                R"(\u2028\u202e\u0085 ok é")"));
}

TEST(LogTest, KeysOfTheConfigurationCannotBreakTheLine) {
  const std::string text =
      logged({.fields = {{"a b\n=c", "v"}}}, [](Logger& log) { log.info("m", {{"empty", ""}}); });
  EXPECT_THAT(text, EndsWith(" msg=m empty=\"\" a_b__c=v\n"));
}

TEST(LogTest, LinesBelowTheLevelAreNotWritten) {
  const std::string out = logged({.level = LogLevel::warn}, [](Logger& log) {
    EXPECT_FALSE(log.enabled(LogLevel::info));
    EXPECT_TRUE(log.enabled(LogLevel::error));
    log.debug("no");
    log.info("no");
    log.warn("yes");
  });
  EXPECT_EQ(split_lines(out).size(), 1u);
}

TEST(LogTest, ThreadsDoNotMixTheirLines) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  Pipe pipe;
  std::string out;
  std::thread reader([&] {
    char buffer[65536];
    for (ssize_t got; (got = ::read(pipe.reader(), buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(got));
    }
  });
  {
    Logger logger({.format = LogFormat::json, .fd = pipe.writer()});
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&logger, t] {
        for (int i = 0; i < kLines; ++i) logger.info("line", {{"thread", t}, {"i", i}});
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(logger.dropped_lines(), 0u);
  }
  pipe.close_writer();
  reader.join();
  std::map<int, int> next;
  for (const std::string& line : split_lines(out)) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json["i"], next[json["thread"]]++);
  }
  EXPECT_EQ(next, (std::map<int, int>{{0, kLines}, {1, kLines}, {2, kLines}, {3, kLines}}));
}

TEST(LogTest, AStuckReaderCostsLinesAndNeverTime) {
  Pipe pipe;  // nobody reads until the end: the pipe and then the buffer fill up
  std::thread reader;
  std::string out;
  std::uint64_t dropped = 0;
  {
    Logger logger({.fd = pipe.writer()});
    const std::string filler(1000, 'x');
    int written = 0;
    for (; logger.dropped_lines() == 0 && written < 1'000'000; ++written) {
      logger.info("fill", {{"filler", filler}});
    }
    dropped = logger.dropped_lines();
    EXPECT_GT(dropped, 0u);
    Metrics metrics;
    register_log_metrics(metrics, logger);
    for (int scrape = 0; scrape < 2; ++scrape) {
      EXPECT_THAT(metrics.expose("").body,
                  HasSubstr("\nbunker_log_dropped_lines_total " + std::to_string(dropped) + "\n"));
    }
    reader = std::thread([&] {
      char buffer[65536];
      for (ssize_t got; (got = ::read(pipe.reader(), buffer, sizeof buffer)) > 0;) {
        out.append(buffer, static_cast<std::size_t>(got));
      }
    });
  }
  pipe.close_writer();
  reader.join();
  const auto lines = split_lines(out);
  EXPECT_THAT(lines.front(), StartsWith("time=\""));
  EXPECT_THAT(out, HasSubstr("level=warning msg=\"log lines dropped: the reader of the log is too "
                             "slow\" lines=" +
                             std::to_string(dropped)));
}

TEST(LogTest, WarningsDoNotWaitForTheLoggersEnd) {
  Pipe pipe;
  Logger logger({.fd = pipe.writer()});
  logger.error("now");
  char buffer[256];
  const ssize_t got = ::read(pipe.reader(), buffer, sizeof buffer);  // hangs when nothing comes
  ASSERT_GT(got, 0);
  EXPECT_THAT(std::string(buffer, static_cast<std::size_t>(got)), EndsWith("msg=now\n"));
}

}  // namespace
}  // namespace bunker
