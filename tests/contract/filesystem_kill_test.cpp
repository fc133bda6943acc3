// A process that puts, uploads and removes on a folder is killed at random instants, again and
// again. Whatever was acknowledged is whole afterwards, whatever was under way is there whole or
// not at all, and uploads go on from their last token.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/storage/filesystem/filesystem_store.h"
#include "tests/contract/object_store_contract.h"

namespace bunker::storage {
namespace {

constexpr int kKills = 120;
constexpr unsigned kThreads = 3;
constexpr unsigned kKeys = 4;
constexpr std::string_view kAbsent = "-";

std::string key_of(unsigned thread, unsigned number) {
  return "repo/t" + std::to_string(thread) + '/' + std::to_string(number) + "/data";
}

std::string scratch_of(unsigned thread) {
  return "repo/_uploads/" + std::to_string(thread) + "/data";
}

// The bytes of version `seed`; sizes from nothing to a few pages and some MB.
std::string content(unsigned seed) {
  const std::size_t size = seed % 17 == 0 ? 1'500'000 : seed % 5 * 3'000;
  return std::to_string(seed) + ':' + pattern(size, seed);
}

std::string content(std::string_view version) {
  return content(static_cast<unsigned>(std::stoul(std::string(version))));
}

struct OpenStore {
  explicit OpenStore(const std::string& root) {
    FilesystemOptions options;
    options.root = root;
    options.pool = &pool;
    store = open_filesystem_store(options).value();
    sync.emplace(*store);
  }
  BlockingPool pool{kThreads};
  std::unique_ptr<ObjectStore> store;
  std::optional<SyncStore> sync;
};

// What is known about the folder: from the lines that the killed process wrote, each before or
// after one call, in one write(2) that is whole in the pipe or not there.
struct Upload {
  std::string token;  // empty: none under way
  std::string version;
  std::uint64_t offset = 0;
};
struct Known {
  std::map<std::string, std::string> versions;  // by key; kAbsent where there is no object
  std::map<unsigned, Upload> uploads;           // by thread
  // Calls that were begun and not answered, by thread.
  struct Call {
    std::string what, key, version;
  };
  std::map<unsigned, Call> pending;

  void learn(const std::string& line) {
    std::istringstream in(line);
    unsigned thread = 0;
    std::string when;
    Call call;
    in >> thread >> when >> call.what >> call.key >> call.version;
    if (when == "begin") {
      pending[thread] = call;
      return;
    }
    pending.erase(thread);
    if (call.what == "put" || call.what == "commit") versions[call.key] = call.version;
    if (call.what == "remove") versions[call.key] = kAbsent;
    if (call.what == "commit") uploads[thread] = {};
    if (call.what == "append") {
      Upload& upload = uploads[thread];
      in >> upload.token >> upload.offset;
      upload.version = call.version;
    }
  }
};

class Churn {
 public:
  Churn(SyncStore& store, unsigned thread, int log) : store_(store), thread_(thread), log_(log) {}

  [[noreturn]] void run() {
    for (std::mt19937 random(std::random_device{}());;) {
      const std::string key = key_of(thread_, random() % kKeys);
      const std::string version = std::to_string(random() % 100'000);
      switch (random() % 4) {
        case 0:
          put(key, version);
          break;
        case 1:
          remove(key);
          break;
        default:
          upload(key, version, random() % 4);
      }
    }
  }

 private:
  void put(const std::string& key, const std::string& version) {
    say({"begin put", key, version});
    if (!store_.put(key, content(version))) fail_loudly();
    say({"end put", key, version});
  }

  void remove(const std::string& key) {
    say({"begin remove", key, kAbsent});
    if (!store_.remove({key})) fail_loudly();
    say({"end remove", key, kAbsent});
  }

  void upload(const std::string& key, const std::string& version, std::size_t requests) {
    const std::string bytes = content(version);
    const std::size_t piece = bytes.size() / (requests + 1);
    std::string token;
    std::size_t offset = 0;
    for (std::size_t i = 0; i < requests; ++i) {
      say({"begin append", key, version});
      const auto next = store_.append(scratch_of(thread_), token, offset,
                                      std::string_view(bytes).substr(offset, piece));
      if (!next) fail_loudly();
      token = *next;
      offset += piece;
      say({"end append", key, version, token, std::to_string(offset)});
    }
    say({"begin commit", key, version});
    if (!store_.finish(scratch_of(thread_), token, offset, std::string_view(bytes).substr(offset),
                       key)) {
      fail_loudly();
    }
    say({"end commit", key, version});
  }

  void say(std::initializer_list<std::string_view> words) const {
    std::string line = std::to_string(thread_);
    for (const std::string_view word : words) {
      line += ' ';
      line += word;
    }
    line += '\n';
    if (::write(log_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      fail_loudly();
    }
  }

  [[noreturn]] static void fail_loudly() { ::_exit(1); }

  SyncStore& store_;
  unsigned thread_;
  int log_;
};

[[noreturn]] void churn_until_killed(const std::string& root, int log) {
  OpenStore opened(root);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&opened, i, log] { Churn(*opened.sync, i, log).run(); });
  }
  for (std::thread& thread : threads) thread.join();
  ::_exit(1);
}

class FilesystemKill : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(root_); }

  // Runs the churn, kills it `delay` after its first answer, and learns what it said.
  void run_and_kill(std::chrono::microseconds delay);
  void check_objects(SyncStore& store);
  void check_upload(SyncStore& store, unsigned thread, const Upload& upload);
  void check_nothing_else(SyncStore& store);
  [[nodiscard]] std::vector<std::filesystem::path> temporaries() const;

  std::string root_ = std::filesystem::temp_directory_path() / ("bunker-" + random_uuid());
  Known known_;
};

void FilesystemKill::run_and_kill(std::chrono::microseconds delay) {
  int log[2] = {-1, -1};
  ASSERT_EQ(::pipe2(log, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) churn_until_killed(root_, log[1]);
  ::close(log[1]);
  std::string text;
  std::vector<char> buffer(1 << 16);
  bool killed = false;
  while (true) {
    const ssize_t got = ::read(log[0], buffer.data(), buffer.size());
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (killed) continue;
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
    killed = true;
  }
  ::close(log[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "a call failed in the churning process";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) known_.learn(line);
}

void FilesystemKill::check_objects(SyncStore& store) {
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    for (unsigned number = 0; number < kKeys; ++number) {
      const std::string key = key_of(thread, number);
      std::string& version = known_.versions.try_emplace(key, kAbsent).first->second;
      const auto bytes = store.read(key, 1 << 24);
      if (!bytes) ASSERT_EQ(bytes.error().code, Code::not_found);
      const auto is = [&](const std::string& wanted) {
        return wanted == kAbsent ? !bytes.has_value() : bytes && *bytes == content(wanted);
      };
      if (is(version)) continue;
      const auto pending = known_.pending.find(thread);
      ASSERT_TRUE(pending != known_.pending.end() && pending->second.key == key &&
                  pending->second.what != "append" && is(pending->second.version))
          << key << " is neither its acknowledged version " << version << " nor a pending one";
      version = pending->second.version;
    }
  }
}

void FilesystemKill::check_upload(SyncStore& store, unsigned thread, const Upload& upload) {
  const std::string bytes = content(upload.version);
  const auto held = store.read_upload(scratch_of(thread), upload.token);
  if (!held) {
    // Only a call that may have used the token up can have ended it.
    EXPECT_EQ(held.error().code, Code::not_found);
    EXPECT_TRUE(known_.pending.contains(thread));
    return;
  }
  ASSERT_TRUE(*held == bytes.substr(0, upload.offset));
  const std::string key = key_of(thread, 0);
  BUNKER_ASSERT_OK(store.finish(scratch_of(thread), upload.token, upload.offset,
                                bytes.substr(upload.offset), key));
  EXPECT_TRUE(store.read(key, 1 << 24).value() == bytes);
  known_.versions[key] = upload.version;
}

// Beside objects there may only be what a broken upload left under its scratch key, for the purge.
void FilesystemKill::check_nothing_else(SyncStore& store) {
  for (const std::string& key : store.keys()) {
    if (known_.versions.contains(key)) continue;
    EXPECT_TRUE(key.starts_with("repo/_uploads/")) << key;
    BUNKER_ASSERT_OK(store.remove({key}));
  }
}

std::vector<std::filesystem::path> FilesystemKill::temporaries() const {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(root_ + "/.bunker-tmp")) {
    found.push_back(entry.path());
  }
  return found;
}

TEST_F(FilesystemKill, WhatWasAcknowledgedSurvives) {
  std::mt19937 random(std::random_device{}());
  for (int kill = 0; kill < kKills && !HasFatalFailure(); ++kill) {
    SCOPED_TRACE(kill);
    known_.pending.clear();
    known_.uploads.clear();
    run_and_kill(std::chrono::microseconds(random() % 40'000));
    OpenStore opened(root_);
    check_objects(*opened.sync);
    for (const auto& [thread, upload] : known_.uploads) {
      if (!upload.token.empty()) check_upload(*opened.sync, thread, upload);
    }
    check_nothing_else(*opened.sync);
  }
  // A later start sweeps the temporary files, once they cannot be another process's any more.
  EXPECT_LE(temporaries().size(), std::size_t{kKills} * kThreads);
  std::ofstream(root_ + "/.bunker-tmp/of-another-process") << "x";
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(2);
  for (const auto& path : temporaries()) {
    if (path.filename() != "of-another-process") std::filesystem::last_write_time(path, old);
  }
  const OpenStore opened(root_);
  EXPECT_EQ(temporaries().size(), 1U);
}

}  // namespace
}  // namespace bunker::storage
