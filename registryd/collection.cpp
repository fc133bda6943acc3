#include "registryd/collection.h"

#include <atomic>
#include <iostream>
#include <thread>

#include <signal.h>
#include <unistd.h>

#include "lib/runtime/io_threads.h"
#include "registryd/core/registry.h"
#include "registryd/open_store.h"

namespace bunker {
namespace {

constexpr int kFailed = 1;
constexpr int kInterrupted = 3;

std::string megabytes(std::uint64_t bytes) {
  constexpr std::uint64_t kTenth = 100'000;
  const std::uint64_t tenths = (bytes + kTenth / 2) / kTenth;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MB";
}

// Progress on standard error: a line that changes on a terminal, a line for each phase elsewhere.
class Reporter {
 public:
  explicit Reporter(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

  void show(const collect::Progress& progress) {
    if (quiet_) return;
    const bool same = progress.phase == phase_;
    const auto now = std::chrono::steady_clock::now();
    if (same && (!terminal_ || now - shown_ < std::chrono::milliseconds(200))) return;
    phase_ = progress.phase;
    shown_ = now;
    std::cerr << (terminal_ ? "\r\x1b[K" : "") << to_string(progress.phase) << ": "
              << progress.scanned.repositories << " repositories, " << progress.scanned.manifests
              << " manifests, " << progress.scanned.blobs << " blobs; " << progress.candidates
              << " may go, " << progress.deleted << " deleted" << (terminal_ ? "" : "\n")
              << std::flush;
  }
  void end() const {
    if (!quiet_ && terminal_) std::cerr << '\n';
  }

 private:
  const bool quiet_;
  const bool terminal_;
  collect::Phase phase_ = collect::Phase::idle;
  std::chrono::steady_clock::time_point shown_;
};

// SIGINT and SIGTERM end the collection at its next step.
class CancelOnSignal {
 public:
  explicit CancelOnSignal(collect::Collector& collector) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::thread([set, &collector] {
      int number = 0;
      while (sigwait(&set, &number) != 0) {
      }
      if (number != SIGUSR1) collector.cancel();
    });
  }
  ~CancelOnSignal() {
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }
  CancelOnSignal(const CancelOnSignal&) = delete;
  CancelOnSignal& operator=(const CancelOnSignal&) = delete;

 private:
  std::thread thread_;
};

void print_item(const collect::Item& item) {
  std::cout << to_string(item.kind) << ' ' << item.digest.unpack().str();
  if (item.kind == collect::Kind::data) {
    std::cout << ' ' << item.size;
  } else {
    std::cout << ' ' << item.key;
  }
  std::cout << '\n';
}

void print_result(const collect::Progress& progress, bool dry_run) {
  for (const std::string& warning : progress.warnings) std::cerr << "warning: " << warning << '\n';
  if (progress.resumed) std::cerr << "finished a collection whose collector had died\n";
  if (dry_run) {
    std::cerr << progress.candidates << " objects may go, " << megabytes(progress.candidate_bytes)
              << "; nothing was deleted\n";
    return;
  }
  std::cerr << progress.deleted << " objects deleted, of them " << progress.deleted_blobs
            << " blobs and manifests of " << megabytes(progress.deleted_bytes);
  if (progress.rescued > 0) std::cerr << "; " << progress.rescued << " kept, pushes need them";
  std::cerr << '\n';
}

int print_error(const Error& error) {
  std::cerr << "registryd: " << error.message << '\n';
  if (!error.detail.empty()) std::cerr << "  " << error.detail << '\n';
  return error.code == Code::cancelled ? kInterrupted : kFailed;
}

Task<Result<collect::Progress>> run(collect::Collector& collector, OpenStore& store,
                                    const config::Config& config, bool dry_run) {
  Context context{.request_id = "garbage-collect", .deadline = SteadyTime::max()};
  BUNKER_CO_TRY_ASSIGN(auto progress, co_await collector.run(context));
  const config::UploadPurging& purging = config.storage.upload_purging;
  if (!dry_run && purging.enabled) {
    registry::Registry registry(store.store(), store.clock(), {});
    BUNKER_CO_TRY_ASSIGN(
        const auto purged,
        co_await registry.purge_uploads(
            context, std::chrono::duration_cast<std::chrono::seconds>(purging.age), false));
    if (purged.removed > 0) std::cerr << purged.removed << " abandoned uploads removed\n";
  }
  co_return progress;
}

}  // namespace

collect::Options collection_options(const config::Config& config) {
  collect::Options options;
  options.grace = config.bunker.collection.grace;
  options.minimum_age = config.bunker.collection.minimum_age;
  options.delete_untagged = config.bunker.collection.delete_untagged;
  // Only what lies in a bucket is remembered.
  if (!config.storage.s3 || config.bunker.cache_disabled) options.bounds.known_for = {};
  return options;
}

int garbage_collect(const config::Config& config, const GarbageCollect& wanted) {
  auto store = OpenStore::open(config);
  if (!store) return print_error(store.error());
  collect::Options options = collection_options(config);
  options.dry_run = wanted.dry_run;
  options.offline = wanted.offline;
  options.force = wanted.force;
  options.delete_untagged = options.delete_untagged || wanted.delete_untagged;
  if (wanted.offline) options.minimum_age = {};
  if (wanted.grace) options.grace = *wanted.grace;
  if (wanted.minimum_age) options.minimum_age = *wanted.minimum_age;

  Reporter reporter(wanted.quiet);
  collect::Hooks hooks;
  hooks.progress = [&reporter](const collect::Progress& progress) { reporter.show(progress); };
  if (!wanted.quiet) hooks.would_remove = print_item;
  const registry::SystemTimer timer;
  while (true) {
    collect::Collector collector({(*store)->store(), timer, (*store)->clock()}, options, hooks);
    const CancelOnSignal cancel(collector);
    const auto done = run_task(run(collector, **store, config, wanted.dry_run));
    reporter.end();
    if (!done) return print_error(done.error());
    print_result(*done, wanted.dry_run);
    // It looked only at what the dead one had found.
    if (!done->resumed) return 0;
  }
}

}  // namespace bunker
