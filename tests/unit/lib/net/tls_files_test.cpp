#include "lib/net/tls_files.h"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"
#include "tests/support/test_certificates.h"

namespace bunker::net {
namespace {

namespace fs = std::filesystem;
using bunker::test::TestCertificate;
using std::chrono::milliseconds;

void write(const fs::path& path, const std::string& text) {
  const fs::path fresh = path.string() + ".new";
  std::ofstream(fresh) << text;
  fs::rename(fresh, path);
}

// The sets that a source offers, as a test waits for them.
class Offers {
 public:
  TlsMaterialSource::Offer take() {
    return [this](const TlsMaterial& set) -> Result<void> {
      const std::lock_guard lock(mutex_);
      sets_.push_back(set);
      changed_.notify_all();
      if (refuse_) return fail(Code::invalid, "no");
      return {};
    };
  }
  std::function<void(const Error&)> errors() {
    return [this](const Error& error) {
      const std::lock_guard lock(mutex_);
      errors_.push_back(error);
      changed_.notify_all();
    };
  }
  bool wait_for(const std::function<bool(const std::vector<TlsMaterial>&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return condition(sets_); });
  }
  bool wait_for_error() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !errors_.empty(); });
  }
  void refuse(bool refuse) {
    const std::lock_guard lock(mutex_);
    refuse_ = refuse;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TlsMaterial> sets_;
  std::vector<Error> errors_;
  bool refuse_ = false;
};

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() {
    fs::create_directories(at("one"));
    fs::create_directories(at("two"));
    for (const std::string folder : {"one", "two"}) {
      write(at(folder) / "tls.crt", "certificate " + folder);
      write(at(folder) / "tls.key", "key " + folder);
      write(at(folder) / "ca.crt", authority_.pem());
      write(at(folder) / "ca.crl", "list " + folder);
    }
  }
  fs::path at(const std::string& name) const { return folder_ / name; }
  TlsFiles files(const fs::path& in) const {
    return {in / "tls.crt", in / "tls.key", {in / "ca.crt"}, in / "ca.crl"};
  }
  // Notices come at once, or not at all.
  static FileWatch::Options by_notice() { return {std::chrono::hours(1), milliseconds(20)}; }

  const TempFolder folder_;
  const TestCertificate authority_{"clients"};
};

TEST_F(TlsFilesTest, ReadsTheSet) {
  TlsFileSource source(files(at("one")));
  const auto set = source.load();
  ASSERT_TRUE(set) << to_string(set.error());
  EXPECT_EQ(set->certificate, "certificate one");
  EXPECT_EQ(set->key, "key one");
  EXPECT_EQ(set->client_authorities, authority_.pem() + "\n");
  EXPECT_EQ(set->revocations, "list one");
}

TEST_F(TlsFilesTest, AMissingFileIsNamed) {
  TlsFiles wrong = files(at("one"));
  wrong.revocations = at("absent.crl");
  const auto set = TlsFileSource(wrong).load();
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Code::not_found);
  EXPECT_EQ(set.error().message, "cannot read " + at("absent.crl").string());
  wrong.revocations = at("one");
  EXPECT_EQ(TlsFileSource(wrong).load().error().code, Code::invalid);
}

TEST_F(TlsFilesTest, AFileWithoutAnAuthorityIsNamed) {
  write(at("one/ca.crt"), "nothing");
  const auto set = TlsFileSource(files(at("one"))).load();
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("ca.crt"), std::string::npos);
}

TEST_F(TlsFilesTest, AKeyThatEverybodyMayReadIsSaid) {
  fs::permissions(at("one/tls.key"), fs::perms::others_read, fs::perm_options::add);
  EXPECT_EQ(TlsFileSource(files(at("one"))).load()->warnings.size(), 1U);
  fs::permissions(at("one/tls.key"), fs::perms(0600));
  EXPECT_TRUE(TlsFileSource(files(at("one"))).load()->warnings.empty());
}

// As the kubelet does it: the files are links through `..data`, which is replaced by renaming.
TEST_F(TlsFilesTest, ASwappedFolderIsOfferedOnceAndWhole) {
  fs::create_directories(at("volume"));
  fs::create_symlink(at("one"), at("volume/..data"));
  for (const char* name : {"tls.crt", "tls.key", "ca.crt", "ca.crl"}) {
    fs::create_symlink(fs::path("..data") / name, at("volume") / name);
  }
  TlsFileSource source(files(at("volume")), by_notice());
  ASSERT_TRUE(source.load());
  Offers offers;
  source.watch(offers.take(), offers.errors());
  fs::create_symlink(at("two"), at("volume/..data_tmp"));
  fs::rename(at("volume/..data_tmp"), at("volume/..data"));
  ASSERT_TRUE(offers.wait_for([](const auto& sets) { return !sets.empty(); }));
  fs::create_symlink(at("one"), at("volume/..data_tmp"));
  fs::rename(at("volume/..data_tmp"), at("volume/..data"));
  ASSERT_TRUE(offers.wait_for([](const auto& sets) { return sets.size() == 2; }));
  source.stop();
  offers.wait_for([](const auto& sets) {
    EXPECT_EQ(sets[0].certificate, "certificate two");
    EXPECT_EQ(sets[0].key, "key two");
    EXPECT_EQ(sets[0].revocations, "list two");
    EXPECT_EQ(sets[1].certificate, "certificate one");
    return true;
  });
}

// The folder itself is behind the link that is swapped.
TEST_F(TlsFilesTest, ASwappedLinkToTheFolderIsSeen) {
  fs::create_symlink(at("one"), at("current"));
  TlsFileSource source(files(at("current")), by_notice());
  ASSERT_TRUE(source.load());
  Offers offers;
  source.watch(offers.take(), offers.errors());
  fs::create_symlink(at("two"), at("next"));
  fs::rename(at("next"), at("current"));
  EXPECT_TRUE(offers.wait_for([](const auto& sets) {
    return !sets.empty() && sets.back().certificate == "certificate two";
  }));
}

TEST_F(TlsFilesTest, FilesThatAreRenamedOneAfterTheOtherAreOneSet) {
  TlsFileSource source(files(at("one")), by_notice());
  ASSERT_TRUE(source.load());
  Offers offers;
  source.watch(offers.take(), offers.errors());
  write(at("one/tls.crt"), "certificate new");
  write(at("one/tls.key"), "key new");
  EXPECT_TRUE(offers.wait_for([](const auto& sets) {
    return !sets.empty() && sets.back().certificate == "certificate new" &&
           sets.back().key == "key new";
  }));
}

TEST_F(TlsFilesTest, ChangesAreFoundWithoutNotices) {
  TlsFileSource source(files(at("one")), {milliseconds(30), milliseconds(1)});
  ASSERT_TRUE(source.load());
  write(at("one/tls.crt"), "certificate new");  // before there is a watch
  Offers offers;
  source.watch(offers.take(), offers.errors());
  EXPECT_TRUE(offers.wait_for([](const auto& sets) { return !sets.empty(); }));
}

TEST_F(TlsFilesTest, ARefusedSetIsOfferedAgain) {
  TlsFileSource source(files(at("one")), {milliseconds(20), milliseconds(1)});
  ASSERT_TRUE(source.load());
  Offers offers;
  offers.refuse(true);
  source.watch(offers.take(), offers.errors());
  write(at("one/tls.crt"), "certificate new");
  EXPECT_TRUE(offers.wait_for([](const auto& sets) { return sets.size() >= 3; }));
}

TEST_F(TlsFilesTest, AVanishedFileIsReported) {
  TlsFileSource source(files(at("one")), by_notice());
  ASSERT_TRUE(source.load());
  Offers offers;
  source.watch(offers.take(), offers.errors());
  fs::remove(at("one/tls.key"));
  EXPECT_TRUE(offers.wait_for_error());
  write(at("one/tls.key"), "key again");
  EXPECT_TRUE(offers.wait_for([](const auto& sets) { return !sets.empty(); }));
}

}  // namespace
}  // namespace bunker::net
