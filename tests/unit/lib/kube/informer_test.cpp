#include "lib/kube/informer.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_api_server.h"

namespace bunker::kube {
namespace {

using namespace std::chrono_literals;

const Resource kConfigs = builtin_resource({"", "v1", "ConfigMap"}).value();

Object config(const std::string& name, const std::string& data, const std::string& label = "yes") {
  return Object::parse(R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "ns",
                          "name": ")" +
                       name + R"(", "labels": {"ours": ")" + label + R"("}}, "data": {"k": ")" +
                       data + R"("}})")
      .value();
}

class InformerTest : public testing::Test {
 protected:
  void start() {
    Informer::Options options;
    options.resource = kConfigs;
    options.label_selector = "ours=yes";
    options.first_backoff = 1ms;
    options.longest_backoff = 5ms;
    options.on_change = [this](const Change& change) {
      const std::lock_guard lock(mutex_);
      told_.push_back((change.gone      ? "-"
                       : change.initial ? "="
                                        : "+") +
                      std::string(change.object.name()));
      changed_.notify_all();
    };
    informer_ = std::make_unique<Informer>(server_, std::move(options), cache_, log_, metrics_);
    thread_ = std::jthread([this](std::stop_token stop) { informer_->run(std::move(stop)); });
  }

  // Waits until the informer has told `what` after whatever it told before.
  void await(const std::string& what) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return std::ranges::count(told_, what) > 0; }))
        << "not told: " << what;
    told_.erase(std::ranges::find(told_, what));
  }
  void await_watch() {
    while (server_.open_watches() == 0) std::this_thread::yield();
  }
  std::string data(const std::string& name) {
    const auto object = cache_.get({"ns", name});
    return object ? object->dump() : "";
  }

  MemoryApiServer server_;
  ObjectCache cache_;
  Metrics metrics_;
  Logger log_{{LogLevel::error, LogFormat::text, {}, 2}};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> told_;
  std::unique_ptr<Informer> informer_;
  std::jthread thread_;
};

TEST_F(InformerTest, ListsAndThenWatches) {
  ASSERT_TRUE(server_.create(kConfigs, config("a", "1")));
  ASSERT_TRUE(server_.create(kConfigs, config("other", "1", "no")));
  start();
  await("=a");
  ASSERT_TRUE(server_.create(kConfigs, config("b", "1")));
  await("+b");
  ASSERT_TRUE(server_.apply(kConfigs, config("a", "2"), {}));
  await("+a");
  EXPECT_THAT(data("a"), testing::HasSubstr("\"k\":\"2\""));
  ASSERT_TRUE(server_.remove(kConfigs, {"ns", "a"}, {}));
  await("-a");
  EXPECT_TRUE(informer_->synced());
  EXPECT_EQ(cache_.size(), 1u);
}

TEST_F(InformerTest, ACutWatchGoesOnWhereItWas) {
  ASSERT_TRUE(server_.create(kConfigs, config("a", "1")));
  start();
  await("=a");
  await_watch();
  server_.take_calls();
  for (int i = 0; i < 5; ++i) {
    server_.cut_watches();
    const std::string name = "b" + std::to_string(i);
    ASSERT_TRUE(server_.create(kConfigs, config(name, "1")));
    await("+" + name);
    await_watch();
  }
  EXPECT_TRUE(std::ranges::none_of(
      server_.take_calls(), [](const std::string& call) { return call.starts_with("list"); }));
}

TEST_F(InformerTest, WhatHappenedInAForgottenPastIsFoundByListing) {
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(server_.create(kConfigs, config(name, "1")));
  }
  start();
  await("=c");
  await_watch();
  EXPECT_EQ(std::ranges::count(server_.take_calls(), "list any configmaps"), 1);
  server_.fail_all(Code::retry_later);
  server_.cut_watches();
  while (server_.open_watches() > 0) std::this_thread::yield();
  server_.stop_failing();
  // The informer may watch again in between: then it is told by the watch instead.
  ASSERT_TRUE(server_.remove(kConfigs, {"ns", "a"}, {}));
  ASSERT_TRUE(server_.apply(kConfigs, config("b", "2"), {}));
  ASSERT_TRUE(server_.create(kConfigs, config("d", "1")));
  server_.compact();
  server_.cut_watches();
  await("-a");
  await("+b");
  await("+d");
  // Not what an API server that is behind has in memory.
  EXPECT_EQ(std::ranges::count(server_.take_calls(), "list any configmaps"), 0);
  EXPECT_EQ(cache_.size(), 3u);
}

TEST_F(InformerTest, ListsUntilTheServerIsWell) {
  server_.fail_all(Code::retry_later);
  start();
  while (server_.take_calls().empty()) std::this_thread::yield();
  EXPECT_FALSE(informer_->synced());
  ASSERT_FALSE(server_.create(kConfigs, config("a", "1")));
  server_.stop_failing();
  ASSERT_TRUE(server_.create(kConfigs, config("a", "1")));
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return !told_.empty(); }));
}

TEST_F(InformerTest, WhatAWriterHasPutInIsNotToldAgain) {
  ASSERT_TRUE(server_.create(kConfigs, config("a", "1")));
  start();
  await("=a");
  await_watch();
  // The writer is faster than the watch, or the watch than the writer: both end the same.
  const Object written = server_.apply(kConfigs, config("a", "2"), {}).value();
  cache_.wrote(written);
  ASSERT_TRUE(server_.create(kConfigs, config("z", "1")));
  await("+z");
  EXPECT_EQ(cache_.get({"ns", "a"}), written);
}

}  // namespace
}  // namespace bunker::kube
