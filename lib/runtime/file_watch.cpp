#include "lib/runtime/file_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace bunker {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE |
                                  IN_MOVED_FROM | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

// The folders in which a change can make `path` another file: its own, and those of every symlink
// on the way to it; of a folder that is not there yet, the nearest one in which it can appear.
void add_folders(const fs::path& path, std::set<std::string>& folders) {
  fs::path prefix;
  for (const fs::path& part : fs::absolute(path)) {
    const fs::path parent = prefix.empty() ? fs::path("/") : prefix;
    prefix /= part;
    std::error_code ignored;
    if (fs::is_symlink(prefix, ignored)) folders.insert(parent);
  }
  fs::path folder = fs::absolute(path).parent_path();
  std::error_code ignored;
  while (folder.has_relative_path() && !fs::is_directory(folder, ignored)) {
    folder = folder.parent_path();
  }
  folders.insert(folder);
}

}  // namespace

struct FileWatch::Impl {
  Impl(std::vector<std::string> watched, Options watch_options, std::function<void()> callback)
      : paths(std::move(watched)), options(watch_options), changed(std::move(callback)) {
    ending = ::eventfd(0, EFD_CLOEXEC);
    if (ending < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    notices = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);  // -1, at the limit of them: polls only
    watch_folders();
    thread = std::thread([this] { run(); });
  }

  ~Impl() {
    if (notices >= 0) ::close(notices);
    ::close(ending);
  }

  // Watches of folders that were replaced are made again.
  void watch_folders() const {
    if (notices < 0) return;
    std::set<std::string> folders;
    for (const std::string& path : paths) add_folders(path, folders);
    for (const std::string& folder : folders) {
      ::inotify_add_watch(notices, folder.c_str(), kEvents | IN_ONLYDIR);
    }
  }

  enum class Woken : unsigned char { by_notice, by_time, to_end };

  [[nodiscard]] Woken wait(milliseconds time) const {
    std::array<pollfd, 2> fds = {pollfd{ending, POLLIN, 0}, pollfd{notices, POLLIN, 0}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(time.count()));
    if (fds[0].revents != 0) return Woken::to_end;
    if (ready <= 0) return Woken::by_time;
    std::array<char, 4096> sink;
    while (::read(notices, sink.data(), sink.size()) > 0) {
    }
    return Woken::by_notice;
  }

  void run() {
    changed();  // for what happened before there was a watch
    while (true) {
      Woken woken = wait(options.interval);
      const auto limit = steady_clock::now() + 10 * options.settle;
      while (woken == Woken::by_notice && steady_clock::now() < limit) {
        woken = wait(options.settle);
      }
      if (woken == Woken::to_end) return;
      watch_folders();  // first, so that what changes while the callback reads is noticed
      changed();
    }
  }

  const std::vector<std::string> paths;
  const Options options;
  const std::function<void()> changed;
  int ending = -1;
  int notices = -1;
  std::thread thread;
};

FileWatch::FileWatch(std::vector<std::string> paths, Options options, std::function<void()> changed)
    : impl_(std::make_unique<Impl>(std::move(paths), options, std::move(changed))) {}

FileWatch::~FileWatch() {
  stop();
}

void FileWatch::stop() {
  if (!impl_->thread.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(impl_->ending, &one, sizeof(one));
  impl_->thread.join();
}

}  // namespace bunker
