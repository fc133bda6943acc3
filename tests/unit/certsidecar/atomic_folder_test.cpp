#include "certsidecar/files/atomic_folder.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temp_folder.h"

namespace bunker::certsidecar {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::Pair;

FolderFiles files_of(std::initializer_list<std::pair<std::string, std::string>> list,
                     mode_t mode = 0644) {
  FolderFiles out;
  for (const auto& [name, text] : list) {
    out.emplace(name, FileContent{pki::SecretText(text), mode});
  }
  return out;
}

class AtomicFolder : public testing::Test {
 protected:
  bool write(const FolderFiles& files) {
    const auto written = write_folder(path_, files, owned_, 0755);
    EXPECT_TRUE(written.has_value()) << to_string(written.error());
    return written.value_or(false);
  }

  // Name and content, through the links, as any reader sees it.
  std::map<std::string, std::string> seen() const {
    std::map<std::string, std::string> out;
    const auto files = read_folder(path_, [](std::string_view) { return true; });
    EXPECT_TRUE(files.has_value()) << to_string(files.error());
    for (const auto& [name, text] : *files) out[name] = text.view();
    for (const auto& [name, text] : out) {
      std::ifstream file(path_ + '/' + name);
      EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text) << name;
    }
    return out;
  }

  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

  TempFolder folder_;
  std::string path_ = folder_ / "out/certs";
  std::function<bool(std::string_view)> owned_;
};

TEST_F(AtomicFolder, HoldsWhatWasWrittenLast) {
  EXPECT_TRUE(write(files_of({{"a", "1"}, {"b", "2"}})));
  EXPECT_THAT(seen(), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_FALSE(write(files_of({{"a", "1"}, {"b", "2"}})));
  EXPECT_TRUE(write(files_of({{"a", "1"}, {"c", "3"}})));
  EXPECT_THAT(seen(), ElementsAre(Pair("a", "1"), Pair("c", "3")));
  EXPECT_EQ(entries(), 4U);  // a, c, ..data and one set
}

TEST_F(AtomicFolder, SetsModesWhateverTheUmask) {
  const mode_t old = ::umask(0077);
  FolderFiles files = files_of({{"a", "1"}});
  files.emplace("key", FileContent{pki::SecretText("k"), 0600});
  EXPECT_TRUE(write(files));
  ::umask(old);
  const auto mode = [&](const char* name) {
    struct stat info{};
    EXPECT_EQ(::stat((path_ + '/' + name).c_str(), &info), 0);
    return info.st_mode & 0777U;
  };
  EXPECT_EQ(mode("a"), 0644U);
  EXPECT_EQ(mode("key"), 0600U);
  EXPECT_TRUE(write(files_of({{"a", "1"}}, 0600)));  // another mode is another set
  EXPECT_EQ(mode("a"), 0600U);
}

TEST_F(AtomicFolder, TakesOverPlainFiles) {
  folder_.write("out/certs/a", "old");
  folder_.write("out/certs/mine", "old");
  folder_.write("out/certs/theirs", "stays");
  owned_ = [](std::string_view name) { return name == "mine" || name == "a"; };
  EXPECT_TRUE(write(files_of({{"a", "new"}})));
  EXPECT_THAT(seen(), ElementsAre(Pair("a", "new")));
  EXPECT_FALSE(fs::exists(path_ + "/mine"));
  EXPECT_TRUE(fs::exists(path_ + "/theirs"));
}

TEST_F(AtomicFolder, SaysWhatItCannotDo) {
  folder_.write("out/certs", "a file");
  const auto written = write_folder(path_, files_of({{"a", "1"}}), nullptr, 0755);
  EXPECT_THAT(written.error().message, testing::HasSubstr("is not a folder"));
  EXPECT_EQ(read_folder(folder_ / "none", [](std::string_view) { return true; }).error().code,
            Code::not_found);
}

// A reader that opens the set sees all of one write, however many come meanwhile.
TEST_F(AtomicFolder, AReaderSeesOneSet) {
  write(files_of({{"a", "0"}, {"b", "0"}}));
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 1; i <= 100; ++i) {
      const std::string text = std::to_string(i);
      ASSERT_TRUE(
          write_folder(path_, files_of({{"a", text}, {"b", text}}), nullptr, 0755).has_value());
    }
    done = true;
  });
  int whole = 0;
  while (!done) {
    const auto files = read_folder(path_, [](std::string_view) { return true; });
    ASSERT_TRUE(files.has_value()) << to_string(files.error());
    EXPECT_EQ(files->at("a").view(), files->at("b").view());
    ++whole;
  }
  EXPECT_GT(whole, 0);
}

// Killed at any point, a writer leaves the old set or the new one, and the next one goes on.
TEST_F(AtomicFolder, AKillLeavesNoTornPair) {
  write(files_of({{"a", "start"}, {"b", "start"}}));
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int i = 0;; ++i) {
        const std::string text = std::to_string(round) + '.' + std::to_string(i);
        (void)write_folder(path_, files_of({{"a", text}, {"b", text}}), nullptr, 0755);
      }
    }
    ::usleep(static_cast<useconds_t>(500 + 137 * round % 7000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto now = seen();
    ASSERT_EQ(now.size(), 2U);
    ASSERT_EQ(now.at("a"), now.at("b"));
  }
  write(files_of({{"a", "end"}, {"b", "end"}}));
  EXPECT_EQ(entries(), 4U);  // what the killed ones left is gone
}

}  // namespace
}  // namespace bunker::certsidecar
