// Golden objects: what each Registry of tests/golden/operator becomes, to the letter. With
// BUNKER_UPDATE_GOLDEN set the expected files are written anew; read the difference before you keep
// it.
#include "operator/plan/render.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bunker::op {
namespace {

using testing::HasSubstr;

std::string read_file(const std::filesystem::path& path) {
  const std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::vector<std::string> golden_names() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(BUNKER_GOLDEN)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".in.yaml")) out.push_back(name.substr(0, name.size() - 8));
  }
  std::ranges::sort(out);
  return out;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, ObjectsAreAsExpected) {
  const std::filesystem::path folder = BUNKER_GOLDEN;
  const Result<std::string> rendered = render(read_file(folder / (GetParam() + ".in.yaml")));
  ASSERT_TRUE(rendered) << to_string(rendered.error());
  const std::filesystem::path expected = folder / (GetParam() + ".out.yaml");
  if (std::getenv("BUNKER_UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << *rendered;
  EXPECT_EQ(*rendered, read_file(expected));
}

INSTANTIATE_TEST_SUITE_P(Operator, Golden, testing::ValuesIn(golden_names()),
                         [](const auto& info) { return info.param; });

std::string refusal(std::string_view text) {
  const Result<std::string> rendered = render(text);
  return rendered ? "none" : to_string(rendered.error());
}

constexpr std::string_view kRegistry =
    "apiVersion: bunker.dev/v1alpha1\nkind: Registry\nmetadata: {name: r}\n"
    "spec: {storage: {s3: {bucket: b, region: r}}}\n---\n";

TEST(Render, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(refusal("a: ["), HasSubstr("line 1"));
  EXPECT_THAT(refusal("a: 1\n"), HasSubstr("there is no Registry of bunker.dev/v1alpha1"));
  EXPECT_THAT(refusal(std::string(kRegistry) + std::string(kRegistry)),
              HasSubstr("is there twice"));
  EXPECT_THAT(refusal("apiVersion: bunker.dev/v1alpha1\nkind: Registry\nspec: {}\n"),
              HasSubstr("has no metadata.name"));
  EXPECT_THAT(refusal("apiVersion: bunker.dev/v1alpha1\nkind: Other\nmetadata: {name: r}\n"),
              HasSubstr("not a Registry"));
  EXPECT_THAT(refusal(std::string(kRegistry) +
                      "apiVersion: bunker.dev/v1alpha1\nkind: RegistryUser\nmetadata: {name: u}\n"
                      "spec: {registry: {name: other}}\n"),
              HasSubstr("the Registry default/other of RegistryUser u is not there"));
}

TEST(Render, TakesEverySample) {
  const std::filesystem::path samples =
      std::filesystem::path(BUNKER_GOLDEN) / "../../../deploy/samples";
  const std::string users = read_file(samples / "users.yaml");
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(samples)) {
    if (entry.path().extension() != ".yaml") continue;
    const bool alone = entry.path().filename() != "users.yaml";
    const std::string text =
        alone ? read_file(entry.path()) : read_file(samples / "mtls.yaml") + "---\n" + users;
    const Result<std::string> rendered = render(text);
    EXPECT_TRUE(rendered) << entry.path() << ": " << to_string(rendered.error());
    ++count;
  }
  EXPECT_GE(count, 6);
}

TEST(Render, LeavesOtherDocumentsOut) {
  const Result<std::string> alone = render(kRegistry);
  const Result<std::string> beside =
      render(std::string(kRegistry) + "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n");
  ASSERT_TRUE(alone && beside);
  EXPECT_EQ(*alone, *beside);
}

}  // namespace
}  // namespace bunker::op
