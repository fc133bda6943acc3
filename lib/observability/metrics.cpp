#include "lib/observability/metrics.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "lib/observability/metric_cells.h"
#include "lib/observability/openmetrics.h"
#include "lib/observability/process_metrics.h"

namespace bunker {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

struct Family {
  std::string help;
  MetricType type;
  std::vector<double> buckets;
  std::map<Labels, std::unique_ptr<Cell>> series;
};

bool valid_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void check_names(std::string_view name, MetricType type, const Labels& labels) {
  bool valid = valid_name(name) && (type != MetricType::Counter || name.ends_with("_total"));
  for (const auto& [label, value] : labels) valid = valid && valid_name(label) && label != "le";
  if (!valid) throw std::logic_error("bad metric or label name at " + std::string(name));
}

}  // namespace

struct Metrics::Impl {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
  std::mutex scrape_mutex;
  std::vector<std::function<void()>> refreshers;
  const std::size_t shards = shard_count();

  // The series `labels` of the family `name`, made by `make` when it is new.
  template <class Make>
  Cell& series(std::string_view name, std::string_view help, MetricType type,
               const std::vector<double>& buckets, Labels labels, Make make) {
    std::ranges::sort(labels);
    const std::lock_guard lock(mutex);
    auto found = families.find(name);
    if (found == families.end()) {
      check_names(name, type, labels);
      found =
          families.emplace(std::string(name), Family{std::string(help), type, buckets, {}}).first;
    }
    Family& family = found->second;
    if (family.type != type || family.help != help || family.buckets != buckets) {
      throw std::logic_error("metric registered twice in different ways: " + std::string(name));
    }
    auto cell = family.series.find(labels);
    if (cell == family.series.end()) {
      check_names(name, type, labels);
      cell = family.series.emplace(std::move(labels), make()).first;
    }
    return *cell->second;
  }

  std::vector<MetricFamily> collect() {
    std::vector<MetricFamily> out = collect_process_metrics();
    const std::lock_guard lock(mutex);
    for (const auto& [name, family] : families) {
      MetricFamily& copy = out.emplace_back(
          MetricFamily{.name = name, .help = family.help, .type = family.type, .metric = {}});
      for (const auto& [labels, cell] : family.series) {
        auto& metric = copy.metric.emplace_back(cell->collect());
        for (const auto& [label, value] : labels) metric.label.push_back({label, value});
      }
    }
    return out;
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return static_cast<CounterCell&>(impl_->series(name, help, MetricType::Counter, {}, labels, [&] {
    return std::make_unique<CounterCell>(impl_->shards);
  }));
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return static_cast<GaugeCell&>(impl_->series(name, help, MetricType::Gauge, {}, labels,
                                               [] { return std::make_unique<GaugeCell>(); }));
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help,
                              std::vector<double> buckets, const Labels& labels) {
  return static_cast<HistogramCell&>(
      impl_->series(name, help, MetricType::Histogram, buckets, labels,
                    [&] { return std::make_unique<HistogramCell>(buckets, impl_->shards); }));
}

void Metrics::on_scrape(std::function<void()> refresh) {
  const std::lock_guard lock(impl_->scrape_mutex);
  impl_->refreshers.push_back(std::move(refresh));
}

Metrics::Exposition Metrics::expose(std::string_view accept) const {
  {
    // Not under `mutex`, which a refresher takes when it looks a series up.
    const std::lock_guard lock(impl_->scrape_mutex);
    for (const auto& refresh : impl_->refreshers) refresh();
  }
  const std::vector<MetricFamily> families = impl_->collect();
  if (prefers_openmetrics(accept)) {
    return {.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
            .body = write_openmetrics(families)};
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = text.str()};
}

}  // namespace bunker
