#include "registryd/verify_storage.h"

#include <iostream>

#include <unistd.h>

#include "lib/runtime/io_threads.h"
#include "registryd/collect/scrub.h"
#include "registryd/open_store.h"

namespace bunker {
namespace {

constexpr int kFailed = 1;
constexpr int kDamaged = 4;
constexpr std::chrono::milliseconds kOften{200};  // on a terminal
constexpr std::chrono::seconds kSeldom{10};

class Reporter {
 public:
  void progress(const collect::ScrubReport& report) {
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < (terminal_ ? std::chrono::nanoseconds(kOften) : kSeldom)) return;
    shown_ = now;
    std::cerr << (terminal_ ? "\r\x1b[K" : "") << report.blobs << " blobs, "
              << report.bytes / 1'000'000 << " MB; " << report.repositories << " repositories, "
              << report.links << " links" << (terminal_ ? "" : "\n") << std::flush;
  }
  void damage(const collect::Damage& damage) const {
    std::cout << to_string(damage.fault) << (damage.repaired ? " repaired " : " ") << damage.key
              << ": " << damage.detail << std::endl;
  }
  void end(const collect::ScrubReport& report) const {
    std::cerr << (terminal_ ? "\r\x1b[K" : "") << report.blobs << " blobs of "
              << report.bytes / 1'000'000 << " MB, " << report.repositories << " repositories, "
              << report.links << " links, " << report.manifests << " manifests, "
              << report.unfinished_uploads << " unfinished uploads\n";
    for (const auto& [fault, count] : report.found) {
      const auto mended = report.repaired.find(fault);
      std::cerr << to_string(fault) << ": " << count << ", repaired "
                << (mended == report.repaired.end() ? 0 : mended->second) << '\n';
    }
    if (report.found.empty()) std::cerr << "no damage\n";
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) == 1;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

int print_error(const Error& error) {
  std::cerr << "registryd: " << error.message << '\n';
  if (!error.detail.empty()) std::cerr << "  " << error.detail << '\n';
  return kFailed;
}

}  // namespace

int verify_storage(const config::Config& config, bool repair) {
  auto store = OpenStore::open(config);
  if (!store) return print_error(store.error());
  Reporter reporter;
  collect::ScrubHooks hooks;
  hooks.progress = [&](const collect::ScrubReport& report) { reporter.progress(report); };
  hooks.damage = [&](const collect::Damage& damage) { reporter.damage(damage); };
  Context context{.request_id = "verify-storage", .deadline = SteadyTime::max()};
  collect::ScrubOptions options;
  options.repair = repair;
  const auto report = run_task(collect::scrub(context, (*store)->store(), options, hooks));
  if (!report) return print_error(report.error());
  reporter.end(*report);
  return report->unrepaired() == 0 ? 0 : kDamaged;
}

}  // namespace bunker
