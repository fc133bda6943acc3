#include "registryd/auth/htpasswd_file.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "registryd/auth/bcrypt.h"
#include "tests/unit/registryd/auth/htpasswd_support.h"

namespace bunker::auth {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kHash = "$2y$05$EYZlxj//e9JLMdIxG3dDi.1/ZhnRTeaknb/mAy9CEmcTiyB4qyrHC";

TEST(BcryptTest, KnowsAWellFormedHash) {
  EXPECT_EQ(bcrypt_cost(kHash), 5);
  EXPECT_EQ(bcrypt_cost(bcrypt_decoy(12)), 12);
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string(60, '$'), "$1$" + std::string(57, 'a'),
        "$2x" + std::string(kHash).substr(3), "$2y$03" + std::string(kHash).substr(6),
        "$2y$32" + std::string(kHash).substr(6), std::string(kHash) + "x",
        std::string(kHash).substr(0, 59), std::string(kHash).substr(0, 59) + ":"}) {
    EXPECT_EQ(bcrypt_cost(bad), 0) << bad;
  }
}

TEST(BcryptTest, AgreesWithHtpasswd) {
  EXPECT_TRUE(bcrypt_matches("pw", kHash));
  EXPECT_FALSE(bcrypt_matches("pw ", kHash));
  for (const char variant : {'a', 'b', 'y'}) {
    std::string hash = kHash;
    hash[2] = variant;
    EXPECT_TRUE(bcrypt_matches("pw", hash)) << variant;
  }
}

TEST(BcryptTest, ADecoyMatchesNothing) {
  const std::string decoy = bcrypt_decoy(4);
  EXPECT_NE(decoy, bcrypt_decoy(4));
  EXPECT_FALSE(bcrypt_matches("", decoy));
  EXPECT_FALSE(bcrypt_matches("password", decoy));
}

TEST(HtpasswdParserTest, ReadsEntriesCommentsAndBothLineEnds) {
  const auto users =
      parse_htpasswd("# comment\n\nbob:" + std::string(kHash) + "\r\n  \na b:" + kHash);
  ASSERT_TRUE(users);
  EXPECT_EQ(users->hashes.size(), 2u);
  EXPECT_EQ(users->hashes.at("bob"), kHash);
  EXPECT_EQ(users->hashes.at("a b"), kHash);
  EXPECT_TRUE(users->warnings.empty());
  EXPECT_EQ(bcrypt_cost(users->decoy), 5);
}

TEST(HtpasswdParserTest, TheLastEntryOfAUserCounts) {
  std::string other = kHash;
  other.back() = 'D';
  const auto users = parse_htpasswd("bob:" + std::string(kHash) + "\nbob:" + other + "\n");
  EXPECT_EQ(users->hashes.at("bob"), other);
}

TEST(HtpasswdParserTest, OtherHashesAreLeftOutAndTheWarningDoesNotShowThem) {
  const auto users = parse_htpasswd(
      "md5:$apr1$aaaaaaaa$secretsecretsecretsec\nplain:secret\n"
      "costly:$2y$31" +
      std::string(kHash).substr(6) + "\n");
  ASSERT_TRUE(users);
  EXPECT_TRUE(users->hashes.empty());
  ASSERT_EQ(users->warnings.size(), 3u);
  EXPECT_THAT(users->warnings[0], HasSubstr("line 1 is not a bcrypt hash"));
  EXPECT_THAT(users->warnings[2], HasSubstr("line 3 has a bcrypt cost over 17"));
  for (const auto& warning : users->warnings)
    EXPECT_THAT(warning, ::testing::Not(HasSubstr("secret")));
}

TEST(HtpasswdParserTest, ALineThatIsNoEntryRefusesTheFile) {
  for (const std::string& bad : {std::string("bob"), std::string(":") + kHash,
                                 "ok:" + std::string(kHash) + "\nbo", std::string("b\0b:x", 5)}) {
    EXPECT_FALSE(parse_htpasswd(bad)) << bad;
  }
}

class HtpasswdFileTest : public HtpasswdTest {
 protected:
  std::unique_ptr<HtpasswdFile> open_file() {
    auto file = HtpasswdFile::open(path(), std::chrono::milliseconds(0), log_, metrics_);
    EXPECT_TRUE(file) << to_string(file.error());
    return file ? std::move(*file) : nullptr;
  }
  std::size_t failures() { return metric("bunker_htpasswd_reloads_total{result=\"failed\"}"); }
  std::size_t reloads() { return metric("bunker_htpasswd_reloads_total{result=\"ok\"}"); }
};

TEST_F(HtpasswdFileTest, ReadsWhatHtpasswdWrites) {
  set_password("alice", "secret");
  set_password("bob", "other");
  const auto users = open_file()->current();
  EXPECT_EQ(users->hashes.size(), 2u);
  EXPECT_TRUE(bcrypt_matches("secret", users->hashes.at("alice")));
  EXPECT_TRUE(bcrypt_matches("other", users->hashes.at("bob")));
}

TEST_F(HtpasswdFileTest, AMissingFileIsAnErrorWithARemedy) {
  const auto file = HtpasswdFile::open(path(), std::chrono::milliseconds(0), log_, metrics_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::not_found);
  EXPECT_THAT(file.error().message, HasSubstr(path()));
  EXPECT_THAT(file.error().detail, HasSubstr("htpasswd -Bc"));
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(HtpasswdFileTest, AFolderOrAPipeIsAnError) {
  fs::create_directory(path());
  EXPECT_EQ(HtpasswdFile::open(path(), {}, log_, metrics_).error().code, Code::invalid);
  fs::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(HtpasswdFile::open(path(), {}, log_, metrics_).error().code, Code::invalid);
}

TEST_F(HtpasswdFileTest, ChangesInPlaceAreSeen) {
  set_password("alice", "secret");
  const auto file = open_file();
  set_password("bob", "other");
  settle();
  EXPECT_EQ(file->current()->hashes.size(), 2u);
  EXPECT_EQ(reloads(), 1u);
  EXPECT_EQ(file->current()->hashes.size(), 2u);
  EXPECT_EQ(reloads(), 1u);
  EXPECT_EQ(metric("bunker_htpasswd_users"), 2u);
}

TEST_F(HtpasswdFileTest, AFileThatIsBeingWrittenIsLeftAlone) {
  set_password("alice", "secret");
  const auto file = open_file();
  std::ofstream(path()) << "alice:$2y$05";  // half an entry, just now
  EXPECT_EQ(file->current()->hashes.size(), 1u);
  EXPECT_EQ(failures(), 0u);
}

TEST_F(HtpasswdFileTest, ABrokenFileKeepsTheLastGoodOneAndIsSaidOnce) {
  set_password("alice", "secret");
  const auto file = open_file();
  std::ofstream(path()) << "alice";
  settle();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(file->current()->hashes.size(), 1u);
  EXPECT_EQ(failures(), 1u);
  fs::remove(path());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(file->current()->hashes.size(), 1u);
  EXPECT_EQ(failures(), 2u);
  set_password("bob", "other");
  settle();
  EXPECT_TRUE(file->current()->hashes.contains("bob"));
  EXPECT_FALSE(file->current()->hashes.contains("alice"));
}

TEST_F(HtpasswdFileTest, AKubernetesSecretsSwapIsSeen) {
  const auto version = [&](const std::string& name, const std::string& user) {
    fs::create_directory(folder() / name);
    std::ofstream(folder() / name / "htpasswd") << user << ':' << kHash << '\n';
  };
  version("..1", "alice");
  version("..2", "bobby");  // of the same length
  fs::create_directory_symlink("..1", folder() / "..data");
  fs::create_symlink("..data/htpasswd", path());
  const auto file = open_file();
  EXPECT_TRUE(file->current()->hashes.contains("alice"));
  fs::create_directory_symlink("..2", folder() / "..data_tmp");
  fs::rename(folder() / "..data_tmp", folder() / "..data");
  std::this_thread::sleep_for(std::chrono::milliseconds(60));  // ctime cannot be set
  EXPECT_TRUE(file->current()->hashes.contains("bobby"));
  EXPECT_FALSE(file->current()->hashes.contains("alice"));
}

TEST_F(HtpasswdFileTest, AClockThatIsAheadDelaysAndDoesNotPrevent) {
  set_password("alice", "secret");
  const auto file = open_file();
  set_password("bob", "other");
  fs::last_write_time(path(), fs::file_time_type::clock::now() + std::chrono::hours(24));
  EXPECT_EQ(file->current()->hashes.size(), 1u);
  EXPECT_EQ(file->current()->hashes.size(), 2u);
}

TEST_F(HtpasswdFileTest, IsNotLookedAtMoreOftenThanAsked) {
  set_password("alice", "secret");
  auto file = HtpasswdFile::open(path(), std::chrono::hours(1), log_, metrics_);
  ASSERT_TRUE(file);
  set_password("bob", "other");
  settle();
  EXPECT_EQ((*file)->current()->hashes.size(), 1u);
}

}  // namespace
}  // namespace bunker::auth
