#include <algorithm>

#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

class Lists : public RegistryTest {
 protected:
  void add_tag(const std::string& name, const std::string& tag) {
    put_object(layout::tag_current(name_of(name), tag_of(tag)), sha256_of("m").str());
  }
  void add_repository(const std::string& name) {
    put_object(layout::revision_link(name_of(name), sha256_of("m")), sha256_of("m").str());
  }
};
INSTANTIATE_TEST_SUITE_P(Store, Lists, ::testing::Bool());

using Names = std::vector<std::string>;
const std::string kRepositories(layout::kRepositories);

// Every name, `limit` at a time.
template <class Next>
Names page_through(Next next, std::size_t limit) {
  Names all;
  std::string last;
  while (true) {
    const Result<NamePage> page = next(last, limit);
    EXPECT_TRUE(page) << page.error().message;
    EXPECT_LE(page->names.size(), limit);
    all.insert(all.end(), page->names.begin(), page->names.end());
    if (!page->more) return all;
    EXPECT_EQ(page->names.size(), limit);
    last = all.back();
  }
}

TEST_P(Lists, TagsInByteOrder) {
  // Prefixes of one another, where keys are in another order than names.
  const Names tags{"1",   "A",  "_",  "a",     "a-",   "a-b", "a.",
                   "a.b", "aa", "v1", "v1-rc", "v1.0", "v10"};
  for (const std::string& tag : tags) add_tag("repo", tag);
  EXPECT_EQ(registry_->tags("repo")->names, tags);
  EXPECT_FALSE(registry_->tags("repo")->more);
  for (const std::size_t stored_page : {1, 2, 3, 1000}) {
    store_.largest_page = stored_page;
    for (std::size_t limit = 1; limit <= tags.size() + 1; ++limit) {
      const auto next = [&](const std::string& last, std::size_t n) {
        return registry_->tags("repo", last, n);
      };
      EXPECT_EQ(page_through(next, limit), tags) << limit << " of " << stored_page;
    }
  }
}

TEST_P(Lists, TagsAfterANameThatIsNone) {
  for (const std::string& tag : {"a", "a-b", "b"}) add_tag("repo", tag);
  EXPECT_EQ(registry_->tags("repo", "a-")->names, (Names{"a-b", "b"}));
  EXPECT_EQ(registry_->tags("repo", "zzz")->names, Names{});
  EXPECT_EQ(registry_->tags("repo", "", 0)->names, Names{});
  EXPECT_FALSE(registry_->tags("repo", "", 0)->more);
}

TEST_P(Lists, TagsOfAnUnknownRepository) {
  for (const auto& page : {registry_->tags("repo"), registry_->tags("repo", "", 0)}) {
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, Code::not_found);
    EXPECT_EQ(page.error().reason, reason::kNameUnknown);
  }
  ASSERT_TRUE(registry_->push("repo", "blob alone"));
  EXPECT_EQ(registry_->tags("repo")->names, Names{});
}

TEST_P(Lists, TagsIgnoreForeignKeys) {
  add_tag("repo", "good");
  put_object(layout::tags_prefix(name_of("repo")) + "file", "x");
  put_object(layout::tags_prefix(name_of("repo")) + "-bad/current/link", "x");
  put_object(layout::tags_prefix(name_of("repo")) + "b\xff/current/link", "x");
  EXPECT_EQ(registry_->tags("repo")->names, Names{"good"});
}

TEST_P(Lists, OnePageOfManyTagsCostsFewCalls) {
  for (int i = 0; i < 5000; ++i) add_tag("repo", "v1." + std::to_string(i) + "-rc.1");
  store_.calls.clear();
  const auto page = registry_->tags("repo", "v1.2000-rc.1", 100);
  ASSERT_EQ(page->names.size(), 100U);
  EXPECT_TRUE(page->more);
  EXPECT_LE(store_.calls.size(), 8U);
}

TEST_P(Lists, CatalogInByteOrder) {
  const Names names{"a",       "a-b",  "a-b/c", "a.b", "a/b",        "a/b-c", "a/b/c",
                    "a/b/c/d", "a0",   "a_b",   "ab",  "b/c",        "b/c.d", "b/c/d",
                    "c",       "c--d", "c/0",   "c/a", "d/e/f/g/h/i"};
  ASSERT_TRUE(std::ranges::is_sorted(names));
  for (const std::string& name : names) add_repository(name);
  EXPECT_EQ(registry_->catalog()->names, names);
  for (const std::size_t stored_page : {1, 2, 3, 1000}) {
    store_.largest_page = stored_page;
    for (std::size_t limit = 1; limit <= names.size() + 1; ++limit) {
      const auto next = [&](const std::string& last, std::size_t n) {
        return registry_->catalog(last, n);
      };
      EXPECT_EQ(page_through(next, limit), names) << limit << " of " << stored_page;
    }
    for (const std::string& last : names) {
      const auto rest = registry_->catalog(last)->names;
      EXPECT_EQ(rest, Names(std::ranges::upper_bound(names, last), names.end())) << last;
    }
  }
}

TEST_P(Lists, CatalogHoldsRepositoriesWithManifestsAlone) {
  EXPECT_EQ(registry_->catalog()->names, Names{});
  ASSERT_TRUE(registry_->push("blobs/alone", "x"));
  add_repository("tags/and/manifests");
  put_object(kRepositories + "file", "x");
  put_object(kRepositories + "Upper/_manifests/x", "x");
  put_object(kRepositories + "bad..name/_manifests/x", "x");
  put_object(kRepositories + "_manifests/x", "x");
  put_object(kRepositories + "a!/_manifests/x", "x");
  EXPECT_EQ(registry_->catalog()->names, Names{"tags/and/manifests"});
  EXPECT_EQ(registry_->catalog("", 0)->names, Names{});
}

TEST_P(Lists, CatalogPageCostsWhatThePageHolds) {
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "team" + std::to_string(i % 30) + "/app-" + std::to_string(i);
    add_repository(name);
    add_tag(name, "v1");
  }
  store_.calls.clear();
  const auto page = registry_->catalog("team20/app-2", 20);
  ASSERT_EQ(page->names.size(), 20U);
  EXPECT_TRUE(page->more);
  EXPECT_LE(store_.calls.size(), 20U + 30U);
}

TEST_P(Lists, TenThousandRepositoriesPageRight) {
  Names names;
  for (int i = 0; i < 10'000; ++i) names.push_back("r" + std::to_string(i));
  std::ranges::sort(names);
  for (const std::string& name : names) add_repository(name);
  const auto next = [&](const std::string& last, std::size_t n) {
    return registry_->catalog(last, n);
  };
  EXPECT_EQ(page_through(next, 1000), names);
}

}  // namespace
}  // namespace bunker::registry
