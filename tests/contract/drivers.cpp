// The drivers that the contract runs on.
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

Driver memory() {
  return {"Memory", [] { return std::make_unique<MemoryUnderTest>(); }};
}

#define BUNKER_CONTRACT(suite)                                        \
  INSTANTIATE_TEST_SUITE_P(Drivers, suite, testing::Values(memory()), \
                           [](const auto& driver) { return driver.param.name; })
BUNKER_CONTRACT(Objects);
BUNKER_CONTRACT(Lists);
BUNKER_CONTRACT(Uploads);
#undef BUNKER_CONTRACT

}  // namespace
}  // namespace bunker::storage
