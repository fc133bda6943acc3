#include "lib/observability/log.h"

#include <chrono>

#include <spdlog/logger.h>

#include "lib/observability/fd_sink.h"
#include "lib/observability/log_format.h"
#include "lib/observability/metrics.h"

namespace bunker {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

struct Logger::Impl {
  explicit Impl(const Options& options)
      : formatter(options.format, options.fields),
        sink(std::make_shared<FdSink>(options.fd, formatter)),
        logger(std::string(), sink) {
    logger.set_level(to_spdlog(options.level));
    logger.flush_on(spdlog::level::warn);
  }

  LineFormatter formatter;
  std::shared_ptr<FdSink> sink;
  spdlog::logger logger;
};

Logger::Logger(Options options) : impl_(std::make_unique<Impl>(options)) {}
Logger::~Logger() = default;

bool Logger::enabled(LogLevel level) const noexcept {
  return impl_->logger.should_log(to_spdlog(level));
}

void Logger::log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  const auto now = std::chrono::system_clock::now();
  LogBuffer line;
  impl_->formatter.format(line, now, level, message, fields);
  impl_->logger.log(now, spdlog::source_loc{}, to_spdlog(level),
                    spdlog::string_view_t(line.data(), line.size()));
}

std::uint64_t Logger::dropped_lines() const {
  return impl_->sink->dropped();
}

void register_log_metrics(Metrics& metrics, const Logger& log) {
  Counter& lines = metrics.counter("bunker_log_dropped_lines_total",
                                   "Log lines lost because the reader of the log was too slow.");
  metrics.on_scrape([&lines, &log, counted = std::uint64_t{0}]() mutable {
    const std::uint64_t dropped = log.dropped_lines();
    lines.add(static_cast<double>(dropped - counted));
    counted = dropped;
  });
}

}  // namespace bunker
