// Says when files may have changed: by the kernel's notice where there is one (inotify on their
// folders, so that replaced files and swapped symlinks are seen, a Kubernetes volume's `..data`
// included), and every few seconds anyway, since notices get lost. Does not read the files: a false
// alarm is usual (there is one at the start), and the callback compares what it reads.
// Thread rule: construct and stop from one thread; the callback runs on the watch's own, where it
// may block. Owner: whoever owns what the callback uses.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bunker {

class FileWatch {
 public:
  struct Options {
    std::chrono::milliseconds interval{10'000};  // without a notice
    // How long there must be no further notice, so that files that are replaced one after the
    // other are seen together. No longer than ten times this is waited for it.
    std::chrono::milliseconds settle{100};
  };

  // `paths` need not exist.
  FileWatch(std::vector<std::string> paths, Options options, std::function<void()> changed);
  ~FileWatch();  // stop()
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // The callback does not run any more once this returns. Not from the callback. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker
