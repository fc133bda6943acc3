// Counters, gauges and histograms, and their exposition. prometheus-cpp stops here.
// Handles stay valid as long as the Metrics that made them; updating one is lock-free and cheap.
// Looking one up takes a lock: keep the handle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bunker {

class Logger;

using Labels = std::vector<std::pair<std::string, std::string>>;

// Thread-safe.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) = 0;  // amount >= 0
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double amount) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

// Thread-safe. Owner: the composition root.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same handle. Names and help follow promtool's lint; a name
  // registered before with another type, help or buckets, or one that is not well-formed, is a
  // bug: std::logic_error.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> buckets,
                       const Labels& labels = {});

  // Called before each exposition, one call at a time, to set what is read rather than counted.
  // What it uses outlives the last exposition.
  void on_scrape(std::function<void()> refresh);

  struct Exposition {
    std::string content_type;
    std::string body;
  };
  // Prometheus text 0.0.4, or OpenMetrics 1.0 where `accept` (an Accept header) prefers it.
  // Always includes process_* (from /proc) and what register_build_info() added.
  [[nodiscard]] Exposition expose(std::string_view accept) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Adds `bunker_build_info{program,version,revision,compiler} 1`.
void register_build_info(Metrics& metrics, std::string_view program);

// Adds `bunker_log_dropped_lines_total`. `log` outlives the last exposition.
void register_log_metrics(Metrics& metrics, const Logger& log);

// The version of this build: "0.1.0", and the source revision or "unknown".
[[nodiscard]] std::string_view build_version() noexcept;
[[nodiscard]] std::string_view build_revision() noexcept;

}  // namespace bunker
