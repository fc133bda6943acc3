#include "registryd/api/path.h"

#include <string>

#include <gtest/gtest.h>

namespace bunker::api {
namespace {

struct Case {
  std::string_view path;
  Resource resource;
  std::string_view name = {};
  std::string_view item = {};
};

class ParsePath : public testing::TestWithParam<Case> {};

TEST_P(ParsePath, FindsResourceNameAndItem) {
  const Case& expected = GetParam();
  const Target target = parse_path(expected.path, "");
  EXPECT_EQ(target.resource, expected.resource) << expected.path;
  EXPECT_EQ(target.name, expected.name) << expected.path;
  EXPECT_EQ(target.item, expected.item) << expected.path;
}

INSTANTIATE_TEST_SUITE_P(
    Endpoints, ParsePath,
    testing::Values(Case{"/", Resource::root}, Case{"/v2", Resource::base},
                    Case{"/v2/", Resource::base}, Case{"/v2/_catalog", Resource::catalog},
                    Case{"/v2/app/tags/list", Resource::tags, "app"},
                    Case{"/v2/a/b/c/tags/list", Resource::tags, "a/b/c"},
                    Case{"/v2/app/manifests/v1", Resource::manifest, "app", "v1"},
                    Case{"/v2/a/b/manifests/sha256:ab", Resource::manifest, "a/b", "sha256:ab"},
                    Case{"/v2/app/blobs/sha256:ab", Resource::blob, "app", "sha256:ab"},
                    Case{"/v2/app/blobs/uploads/", Resource::uploads, "app"},
                    Case{"/v2/app/blobs/uploads", Resource::uploads, "app"},
                    Case{"/v2/app/blobs/uploads/0-1", Resource::upload, "app", "0-1"},
                    Case{"/v2/app/referrers/sha256:ab", Resource::referrers, "app", "sha256:ab"}));

INSTANTIATE_TEST_SUITE_P(
    NamesThatHoldMarkers, ParsePath,
    testing::Values(
        Case{"/v2/a/manifests/b/manifests/v1", Resource::manifest, "a/manifests/b", "v1"},
        Case{"/v2/a/tags/manifests/list", Resource::manifest, "a/tags", "list"},
        Case{"/v2/a/manifests/tags/list", Resource::tags, "a/manifests"},
        Case{"/v2/a/blobs/uploads/tags/list", Resource::tags, "a/blobs/uploads"},
        Case{"/v2/a/blobs/uploads/blobs/uploads/", Resource::uploads, "a/blobs/uploads"},
        Case{"/v2/a/blobs/blobs/uploads/u", Resource::upload, "a/blobs", "u"},
        Case{"/v2/a/uploads/blobs/x", Resource::blob, "a/uploads", "x"},
        Case{"/v2/blobs/uploads/manifests/v1", Resource::manifest, "blobs/uploads", "v1"},
        Case{"/v2/tags/list/tags/list", Resource::tags, "tags/list"},
        Case{"/v2/referrers/referrers/x", Resource::referrers, "referrers", "x"},
        Case{"/v2/manifests/manifests/manifests", Resource::manifest, "manifests", "manifests"}));

INSTANTIATE_TEST_SUITE_P(
    NoEndpoint, ParsePath,
    testing::Values(
        Case{"", Resource::unknown}, Case{"/v", Resource::unknown}, Case{"/v1/", Resource::unknown},
        Case{"/v2x/", Resource::unknown}, Case{"/v2/app", Resource::unknown},
        Case{"/v2/app/", Resource::unknown}, Case{"/v2/app/tags", Resource::unknown},
        Case{"/v2/app/tags/list/", Resource::unknown},
        Case{"/v2/app/tags/other", Resource::unknown}, Case{"/v2/manifests/v1", Resource::unknown},
        Case{"/v2/blobs/uploads/", Resource::unknown},
        Case{"/v2/blobs/uploads/u", Resource::unknown}, Case{"/v2/tags/list", Resource::unknown},
        Case{"/v2//manifests/v1", Resource::unknown}, Case{"/v2/app/manifests/", Resource::unknown},
        Case{"/v2/app/blobs/", Resource::unknown}, Case{"/v2/app/referrers/", Resource::unknown},
        Case{"/v2/_catalog/", Resource::unknown}, Case{"//v2/", Resource::unknown},
        Case{"/v2/app%2Fmanifests%2Fv1", Resource::unknown},
        Case{"/v2/app/uploads/u", Resource::unknown}));

// What only a decoder would take for a separator stays part of a name, which its grammar refuses.
INSTANTIATE_TEST_SUITE_P(
    Undecoded, ParsePath,
    testing::Values(Case{"/v2/a%2Fb/manifests/v1", Resource::manifest, "a%2Fb", "v1"},
                    Case{"/v2/a/../b/manifests/v1", Resource::manifest, "a/../b", "v1"},
                    Case{"/v2/a//b/tags/list", Resource::tags, "a//b"},
                    Case{"/v2/a/manifests/..", Resource::manifest, "a", ".."},
                    Case{"/v2/a/manifests/sha256%3Aab", Resource::manifest, "a", "sha256%3Aab"}));

TEST(ParsePathPrefix, IsRequiredForAllButTheRoot) {
  EXPECT_EQ(parse_path("/r/v2/", "/r").resource, Resource::base);
  EXPECT_EQ(parse_path("/r/v2/app/tags/list", "/r").name, "app");
  EXPECT_EQ(parse_path("/", "/r").resource, Resource::root);
  EXPECT_EQ(parse_path("/v2/", "/r").resource, Resource::unknown);
  EXPECT_EQ(parse_path("/rx/v2/", "/r").resource, Resource::unknown);
  EXPECT_EQ(parse_path("/r", "/r").resource, Resource::unknown);
}

}  // namespace
}  // namespace bunker::api
