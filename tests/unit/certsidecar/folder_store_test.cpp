#include "certsidecar/authority/folder_store.h"

#include <array>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certsidecar/authority/make.h"
#include "certsidecar/files/posix.h"
#include "lib/pki/bundle.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/certsidecar/manual_clock.h"

namespace bunker::certsidecar {
namespace {

using testing::HasSubstr;

class FolderStoreTest : public testing::Test {
 protected:
  std::unique_ptr<AuthorityStore> open() { return make_folder_store(path_, clock_); }

  pki::AuthoritySet create() {
    auto set = create_authority(*store_, AuthoritySettings(), std::chrono::days(7), clock_.now());
    EXPECT_TRUE(set.has_value()) << to_string(set.error());
    return std::move(set).value();
  }

  TempFolder folder_;
  std::string path_ = folder_ / "ca";
  ManualClock clock_;
  std::unique_ptr<AuthorityStore> store_ = open();
};

TEST_F(FolderStoreTest, KeepsAnAuthority) {
  EXPECT_EQ(store_->read().error().code, Code::not_found);
  const pki::AuthoritySet set = create();
  const auto read = read_authority(*open());
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  EXPECT_EQ(read->current.certificate(), set.current.certificate());
  EXPECT_EQ(read->crls.size(), 1U);
  struct stat info{};
  ASSERT_EQ(::stat((path_ + "/ca.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(create_authority(*store_, AuthoritySettings(), {}, clock_.now()).error().code,
            Code::already_exists);
}

TEST_F(FolderStoreTest, TwoWritersNeverUndoEachOther) {
  create();
  const auto other = open();
  int rounds = 0;
  const auto set = update_authority(*store_, [&](pki::AuthoritySet& one) -> Result<bool> {
    if (rounds++ == 0) {
      EXPECT_TRUE(update_authority(*other, [&](pki::AuthoritySet& theirs) -> Result<bool> {
                    BUNKER_TRY(pki::revoke(theirs, {"0a"}, clock_.now()));
                    return true;
                  }).has_value());
    }
    BUNKER_TRY(pki::revoke(one, {"0b"}, clock_.now()));
    return true;
  });
  ASSERT_TRUE(set.has_value()) << to_string(set.error());
  EXPECT_EQ(rounds, 2);
  const auto read = read_authority(*store_);
  EXPECT_TRUE(read->crls.front().revokes("0a"));
  EXPECT_TRUE(read->crls.front().revokes("0b"));
}

TEST_F(FolderStoreTest, OneOfTwoLeads) {
  create();
  auto other = open();
  EXPECT_TRUE(store_->lead());
  EXPECT_FALSE(other->lead());
  EXPECT_TRUE(store_->lead());
  store_.reset();
  EXPECT_TRUE(other->lead());
}

TEST_F(FolderStoreTest, WhoeverAsksInVainAgainAndAgainWakesNobody) {
  create();
  const auto other = open();
  EXPECT_TRUE(store_->lead());
  EXPECT_FALSE(other->lead());
  const Fd notices(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(notices.get(), path_.c_str(), IN_CREATE | IN_CLOSE_WRITE), 0);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(other->lead());
  std::array<char, 4096> events{};
  EXPECT_EQ(::read(notices.get(), events.data(), events.size()), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(FolderStoreTest, ReplicasAreKnownUntilTheyAreSilentForLong) {
  create();
  EXPECT_TRUE(store_->replicas()->empty());
  ASSERT_TRUE(store_->acknowledge("pod/0", 3).has_value());
  ASSERT_TRUE(open()->acknowledge("pod/1", 4).has_value());
  auto replicas = store_->replicas().value();
  std::ranges::sort(replicas, {}, &pki::Replica::name);
  ASSERT_EQ(replicas.size(), 2U);
  EXPECT_EQ(replicas[0].name, "pod/0");
  EXPECT_EQ(replicas[0].generation, 3U);
  EXPECT_EQ(replicas[1].generation, 4U);
  clock_.advance(kReplicaTimeout + std::chrono::minutes(1));
  EXPECT_TRUE(store_->replicas()->empty());
}

TEST_F(FolderStoreTest, AMountedOneIsOnlyRead) {
  create();
  const auto mounted = make_mounted_store(path_);
  EXPECT_TRUE(read_authority(*mounted).has_value());
  EXPECT_FALSE(mounted->writable());
  EXPECT_FALSE(mounted->lead());
  EXPECT_EQ(mounted->write({}, "").error().code, Code::unsupported);
}

TEST_F(FolderStoreTest, SaysWhereWhatIsWrong) {
  folder_.write("ca/ca.crt", "nothing");
  folder_.write("ca/ca.key", "nothing");
  EXPECT_THAT(read_authority(*store_).error().message,
              HasSubstr("the folder " + path_ + ": ca.crt and ca.key: "));
}

TEST_F(FolderStoreTest, TellsOfChanges) {
  create();
  std::mutex mutex;
  std::condition_variable told;
  int changes = 0;
  const auto watcher = open();
  watcher->watch([&] {
    const std::lock_guard lock(mutex);
    ++changes;
    told.notify_all();
  });
  // The watch begins some time later: change until it is seen.
  std::unique_lock lock(mutex);
  for (int i = 0; changes == 0 && i < 100; ++i) {
    lock.unlock();
    ASSERT_TRUE(update_authority(*store_, [&](pki::AuthoritySet& one) -> Result<bool> {
                  BUNKER_TRY(pki::revoke(one, {"0" + std::to_string(i % 10)}, clock_.now()));
                  return true;
                }).has_value());
    lock.lock();
    told.wait_for(lock, std::chrono::milliseconds(100), [&] { return changes > 0; });
  }
  EXPECT_GT(changes, 0);
}

}  // namespace
}  // namespace bunker::certsidecar
