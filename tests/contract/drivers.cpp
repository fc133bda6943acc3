// The drivers that the contract runs on.
#include <filesystem>

#include "lib/base/random.h"
#include "lib/runtime/blocking_pool.h"
#include "registryd/storage/filesystem/filesystem_store.h"
#include "registryd/storage/memory/memory_store.h"
#include "tests/contract/object_store_contract.h"

namespace bunker::storage {
namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  ObjectStore& store() override { return *store_; }
  std::vector<std::string> leftovers() override { return {}; }

 private:
  std::unique_ptr<ObjectStore> store_ = make_memory_store();
};

class FilesystemUnderTest final : public StoreUnderTest {
 public:
  FilesystemUnderTest() {
    FilesystemOptions options;
    options.root = root_;
    options.pool = &pool_;
    store_ = open_filesystem_store(options).value();
  }
  ~FilesystemUnderTest() override { std::filesystem::remove_all(root_); }

  ObjectStore& store() override { return *store_; }

  // Every file and folder, but for the folder of temporary files itself.
  std::vector<std::string> leftovers() override {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
      if (entry.path().filename() != ".bunker-tmp") found.push_back(entry.path());
    }
    return found;
  }

 private:
  std::string root_ = std::filesystem::temp_directory_path() / ("bunker-" + random_uuid());
  BlockingPool pool_{4};
  std::unique_ptr<ObjectStore> store_;
};

Driver memory() {
  return {"Memory", [] { return std::make_unique<MemoryUnderTest>(); }};
}

Driver filesystem() {
  return {"Filesystem", [] { return std::make_unique<FilesystemUnderTest>(); }, false};
}

#define BUNKER_CONTRACT(suite)                                                      \
  INSTANTIATE_TEST_SUITE_P(Drivers, suite, testing::Values(memory(), filesystem()), \
                           [](const auto& driver) { return driver.param.name; })
BUNKER_CONTRACT(Objects);
BUNKER_CONTRACT(Lists);
BUNKER_CONTRACT(Uploads);
BUNKER_CONTRACT(Concurrency);
BUNKER_CONTRACT(Model);
#undef BUNKER_CONTRACT

}  // namespace
}  // namespace bunker::storage
