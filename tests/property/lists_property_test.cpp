// Lists page through exactly what is there, in byte order, whatever the names, the page sizes of
// client and store, and the place to start from.
#include <algorithm>
#include <set>

#include "registryd/core/layout.h"
#include "tests/property/generators.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

using Names = std::vector<std::string>;

class Shelf {
 public:
  Shelf() {
    store.largest_page = *rc::gen::inRange<std::size_t>(1, 6);
    store.set_remote(*rc::gen::arbitrary<bool>());
  }

  void put(std::string key) {
    Context context;
    RC_ASSERT(run_task(memory->put(context, std::move(key), sha256_of("m").str())).has_value());
  }

  std::unique_ptr<storage::ObjectStore> memory = storage::make_memory_store();
  CountingStore store{*memory};
  ManualClock clock;
  SyncRegistry registry{store, clock, Registry::Options()};
};

// Follows the pages from `last` on and compares with what a sorted set says.
template <class Next>
void check_pages(const std::set<std::string>& all, const std::string& last, Next next) {
  const std::size_t limit = *rc::gen::inRange<std::size_t>(1, 5);
  const Names expected(all.upper_bound(last), all.end());
  Names found;
  std::string from = last;
  while (true) {
    const Result<NamePage> page = next(from, limit);
    RC_ASSERT(page.has_value());
    found.insert(found.end(), page->names.begin(), page->names.end());
    RC_ASSERT(found.size() <= expected.size());
    if (!page->more) break;
    RC_ASSERT(page->names.size() == limit);
    from = found.back();
  }
  RC_ASSERT(found == expected);
  RC_ASSERT(next(last, std::nullopt)->names == expected);
}

RC_GTEST_PROP(ListsProperty, CatalogPagesThroughEveryName, ()) {
  const auto drawn = *rc::gen::container<Names>(repository_name());
  const auto strangers = *rc::gen::container<Names>(tag_name());
  const std::set<std::string> names(drawn.begin(), drawn.end());
  Shelf shelf;
  for (const std::string& name : names) {
    shelf.put(layout::revision_link(name_of(name), sha256_of("m")));
  }
  for (const std::string& stranger : strangers) {
    shelf.put(std::string(layout::kRepositories) + stranger + "/" + stranger);
  }
  const std::string last = *rc::gen::oneOf(rc::gen::just(std::string()), repository_name(),
                                           tag_name(), rc::gen::arbitrary<std::string>());
  check_pages(names, last, [&](const std::string& from, std::optional<std::size_t> limit) {
    return shelf.registry.catalog(from, limit);
  });
}

RC_GTEST_PROP(ListsProperty, TagsPageThroughEveryName, ()) {
  const auto drawn = *rc::gen::container<Names>(tag_name());
  const std::set<std::string> names(drawn.begin(), drawn.end());
  const RepositoryName name = name_of("a/b");
  Shelf shelf;
  shelf.put(layout::revision_link(name, sha256_of("m")));
  for (const std::string& tag : names) {
    shelf.put(layout::tag_current(name, tag_of(tag)));
    shelf.put(layout::tag_index(name, tag_of(tag), sha256_of("m")));
  }
  const std::string last =
      *rc::gen::oneOf(rc::gen::just(std::string()), tag_name(), rc::gen::arbitrary<std::string>());
  check_pages(names, last, [&](const std::string& from, std::optional<std::size_t> limit) {
    return shelf.registry.tags("a/b", from, limit);
  });
}

}  // namespace
}  // namespace bunker::registry
