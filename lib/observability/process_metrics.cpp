#include "lib/observability/process_metrics.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bunker {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

void add(std::vector<MetricFamily>& out, std::string name, std::string help, MetricType type,
         double value) {
  MetricFamily family{.name = std::move(name), .help = std::move(help), .type = type, .metric = {}};
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  out.push_back(std::move(family));
}

// proc(5): /proc/self/stat's fields behind the command's name, numbered from 3.
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::vector<std::string> fields;
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return fields;
  std::istringstream rest(line.substr(name_end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

std::optional<double> open_files() {
  // Since Linux 6.2 the directory's size is the number of open files, which spares walking
  // through tens of thousands of connections.
  struct stat info{};
  if (::stat("/proc/self/fd", &info) != 0) return std::nullopt;
  if (info.st_size > 0) return static_cast<double>(info.st_size);
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  return static_cast<double>(std::distance(begin(entries), end(entries)));
}

std::optional<double> soft_limit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return std::nullopt;
  if (limit.rlim_cur == RLIM_INFINITY) return std::numeric_limits<double>::infinity();
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::vector<MetricFamily> collect_process_metrics() {
  std::vector<MetricFamily> out;
  const std::vector<std::string> fields = stat_fields();
  const auto field = [&](std::size_t number) { return std::stod(fields.at(number - 3)); };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (fields.size() > 21) {
    add(out, "process_cpu_seconds_total", "User and system CPU time spent.", MetricType::Counter,
        (field(14) + field(15)) / ticks);
    add(out, "process_threads", "Number of threads.", MetricType::Gauge, field(20));
    add(out, "process_virtual_memory_bytes", "Size of the address space.", MetricType::Gauge,
        field(23));
    add(out, "process_resident_memory_bytes", "Memory held in RAM.", MetricType::Gauge,
        field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    if (const auto boot = boot_time()) {
      add(out, "process_start_time_seconds", "When the process started, in Unix time.",
          MetricType::Gauge, *boot + field(22) / ticks);
    }
  }
  if (const auto files = open_files()) {
    add(out, "process_open_fds", "Number of open file descriptors.", MetricType::Gauge, *files);
  }
  if (const auto limit = soft_limit(RLIMIT_NOFILE)) {
    add(out, "process_max_fds", "Most file descriptors that may be open.", MetricType::Gauge,
        *limit);
  }
  if (const auto limit = soft_limit(RLIMIT_AS)) {
    add(out, "process_virtual_memory_max_bytes", "Most address space that may be used.",
        MetricType::Gauge, *limit);
  }
  return out;
}

}  // namespace bunker
