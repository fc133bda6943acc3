// The contract on a bucket of a real S3 server.
#include <chrono>

#include "lib/runtime/io_threads.h"
#include "tests/contract/object_store_contract.h"
#include "tests/support/s3_gateway.h"
#include "tests/support/s3_store.h"

namespace bunker::storage {
namespace {

using bunker::test::S3Gateway;
using bunker::test::S3StoreStack;

// One server for all tests of the program; each test has a bucket of its own.
S3Gateway& gateway() {
  static S3Gateway server;
  return server;
}

class S3UnderTest final : public StoreUnderTest {
 public:
  S3UnderTest() : bucket_(gateway().make_bucket()) {
    s3::StoreOptions options;
    options.settings = gateway().settings(bucket_);
    options.settings.root_directory = "root/folder";
    stack_ = std::make_unique<S3StoreStack>(std::move(options), S3Gateway::keys());
  }

  ObjectStore& store() override { return stack_->store(); }

  // Uploads that were given up are aborted beside what goes on, so something must go on.
  std::vector<std::string> leftovers() override {
    std::vector<std::string> found;
    for (int i = 0; i < 400; ++i) {
      found = gateway().open_uploads(bucket_);
      if (found.empty()) break;
      run_sync([]() -> Task<bool> {
        co_await sleep_for(std::chrono::milliseconds(5));
        co_return true;
      }());
    }
    return found;
  }

 private:
  std::string bucket_;
  std::unique_ptr<S3StoreStack> stack_;
};

Driver driver() {
  // This server keeps objects as files, so a key cannot be a folder as well, and its listings know
  // no encoding-type; S3 itself has neither limit.
  return {"S3", [] { return std::make_unique<S3UnderTest>(); }, false, false};
}

#define BUNKER_CONTRACT(suite)                                   \
  INSTANTIATE_TEST_SUITE_P(S3, suite, testing::Values(driver()), \
                           [](const auto& info) { return info.param.name; })
BUNKER_CONTRACT(Objects);
BUNKER_CONTRACT(Lists);
BUNKER_CONTRACT(Uploads);
BUNKER_CONTRACT(Concurrency);
BUNKER_CONTRACT(Model);
#undef BUNKER_CONTRACT

}  // namespace
}  // namespace bunker::storage
