#include "lib/runtime/file_watch.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace bunker {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::milliseconds;

// Notices alone: what is seen by looking again comes too late for a test.
constexpr FileWatch::Options kNoticesOnly{.interval = hours(1), .settle = milliseconds(5)};

class FileWatchTest : public testing::Test {
 protected:
  void watch(const std::string& path) {
    watch_.emplace(std::vector{path}, kNoticesOnly, [this] {
      const std::lock_guard lock(mutex_);
      ++calls_;
      called_.notify_all();
    });
    await("the call at the start");
  }

  // One more call than were seen before.
  void await(const std::string& what) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(called_.wait_for(lock, std::chrono::seconds(30), [&] { return calls_ > seen_; }))
        << what;
    seen_ = calls_;
  }

  TempFolder folder_;
  std::mutex mutex_;
  std::condition_variable called_;
  int calls_ = 0;
  int seen_ = 0;
  std::optional<FileWatch> watch_;  // ends first
};

TEST_F(FileWatchTest, AReplacedFileIsSeen) {
  folder_.write("file", "old");
  watch(folder_ / "file");
  folder_.write("new", "new");
  fs::rename(folder_ / "new", folder_ / "file");
  await("the rename");
}

TEST_F(FileWatchTest, ASwappedLinkIsSeen) {
  folder_.write("one/file", "1");
  folder_.write("two/file", "2");
  fs::create_directory_symlink("one", folder_ / "..data");
  fs::create_symlink("..data/file", folder_ / "file");
  watch(folder_ / "file");
  fs::create_directory_symlink("two", folder_ / "..new");
  fs::rename(folder_ / "..new", folder_ / "..data");
  await("the swap");
}

// A CA's folder appears after whoever waits for it has begun.
TEST_F(FileWatchTest, FoldersThatAppearAreFollowed) {
  watch(folder_ / "a/b/file");
  fs::create_directory(folder_ / "a");
  await("the first folder");
  fs::create_directory(folder_ / "a/b");
  await("the second");
  folder_.write("a/b/file", "text");
  await("the file");
}

}  // namespace
}  // namespace bunker
