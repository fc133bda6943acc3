#include "registryd/core/manifest.h"

#include <gtest/gtest.h>

#include "registryd/core/errors.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

const std::string kConfig = blob_descriptor("{}");
const std::string kLayer = blob_descriptor("layer");
const std::string kImage = image(kConfig, {kLayer});

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refused(const std::string& bytes, std::string_view content_type = {}) {
  const auto content = parse_manifest(bytes, content_type);
  ASSERT_FALSE(content) << bytes.substr(0, 300);
  EXPECT_EQ(content.error().code, Code::invalid);
  EXPECT_EQ(content.error().reason, reason::kManifestInvalid);
  EXPECT_FALSE(content.error().message.empty());
}

TEST(Manifest, ReadsAnImage) {
  const auto content = parse_manifest(
      image(kConfig, {kLayer, kLayer},
            ",\"annotations\":{\"a\":\"b\"},\"subject\":" + blob_descriptor("subject")),
      media_type::kOciImage);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->kind, ManifestKind::image);
  EXPECT_EQ(content->media_type, media_type::kOciImage);
  EXPECT_EQ(content->config->digest, sha256_of("{}"));
  EXPECT_EQ(content->config->size, 2U);
  EXPECT_EQ(content->layers.size(), 2U);
  EXPECT_EQ(content->subject->digest, sha256_of("subject"));
  EXPECT_EQ(content->artifact_type, "application/octet-stream");
  ASSERT_EQ(content->annotations.size(), 1U);
  EXPECT_EQ(content->annotations[0].second, "b");
}

TEST(Manifest, ReadsAnIndex) {
  const auto content = parse_manifest(
      index_of({descriptor(media_type::kOciImage, sha256_of("a"), 1,
                           R"(,"platform":{"os":"linux","architecture":"arm64","variant":"v8"})")},
               ",\"artifactType\":\"application/x\""),
      {});
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->kind, ManifestKind::index);
  ASSERT_EQ(content->children.size(), 1U);
  EXPECT_EQ(content->children[0].platform->architecture, "arm64");
  EXPECT_EQ(content->artifact_type, "application/x");
}

TEST(Manifest, ReadsDockersKinds) {
  const std::string docker_image =
      replaced(kImage, std::string(media_type::kOciImage), std::string(media_type::kDockerImage));
  EXPECT_EQ(parse_manifest(docker_image, media_type::kDockerImage)->kind, ManifestKind::image);
  const std::string list = replaced(index_of({}), std::string(media_type::kOciIndex),
                                    std::string(media_type::kDockerList));
  EXPECT_EQ(parse_manifest(list, media_type::kDockerList)->kind, ManifestKind::index);
  // distribution tells Docker's from OCI's by the document alone, so it must say so.
  expect_refused(replaced(docker_image,
                          "\"mediaType\":\"" + std::string(media_type::kDockerImage) + "\",", ""),
                 media_type::kDockerImage);
}

TEST(Manifest, ReadsAnArtifactManifest) {
  const auto content = parse_manifest(
      R"({"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"a/b","blobs":[)" +
          kLayer + "],\"subject\":" + kConfig + "}",
      media_type::kOciArtifact);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->kind, ManifestKind::artifact);
  EXPECT_EQ(content->layers.size(), 1U);
  EXPECT_EQ(content->artifact_type, "a/b");
  EXPECT_TRUE(content->subject);
}

TEST(Manifest, TypeComesFromTheHeaderTheDocumentOrItsShape) {
  const std::string bare_image = R"({"schemaVersion":2,"config":)" + kConfig + R"(,"layers":[]})";
  const std::string bare_index = R"({"schemaVersion":2,"manifests":[]})";
  EXPECT_EQ(parse_manifest(bare_image, {})->media_type, media_type::kOciImage);
  EXPECT_EQ(parse_manifest(bare_index, {})->media_type, media_type::kOciIndex);
  EXPECT_TRUE(parse_manifest(bare_index, media_type::kOciIndex));
  EXPECT_TRUE(parse_manifest(kImage, "APPLICATION/vnd.oci.image.manifest.v1+JSON; charset=utf-8"));
  EXPECT_EQ(parse_manifest(kImage, {})->media_type, media_type::kOciImage);
  expect_refused(bare_image, media_type::kOciIndex);
  expect_refused(bare_index, media_type::kOciImage);
  expect_refused(kImage, media_type::kOciIndex);
  expect_refused(kImage, media_type::kDockerImage);
}

TEST(Manifest, RefusesOtherTypesByName) {
  for (const std::string_view type :
       {std::string_view("application/json"), std::string_view("text/plain"),
        std::string_view("application/x-www-form-urlencoded"), media_type::kDockerSchema1,
        media_type::kDockerSchema1Signed}) {
    expect_refused(kImage, type);
  }
  const auto schema1 = parse_manifest(R"({"schemaVersion":1,"name":"a","fsLayers":[]})", {});
  ASSERT_FALSE(schema1);
  EXPECT_NE(schema1.error().message.find("schema 1"), std::string::npos);
}

// CVE-2021-41190: a document that one client reads as an image and another as an index.
TEST(Manifest, RefusesTwoShapesInOne) {
  expect_refused(image(kConfig, {kLayer}, ",\"manifests\":[]"));
  expect_refused(image(kConfig, {kLayer}, ",\"blobs\":[]"));
  expect_refused(index_of({}, ",\"layers\":[]"));
  expect_refused(index_of({}, ",\"config\":" + kConfig));
  EXPECT_TRUE(parse_manifest(index_of({}, ",\"layers\":null"), {}));
}

TEST(Manifest, RefusesWhatParsersReadDifferently) {
  expect_refused(image(kConfig, {kLayer}, ",\"layers\":[]"));  // a key twice
  expect_refused(image(kConfig, {kLayer}, ",\"a\":{\"b\":1,\"b\":2}"));
  expect_refused(image(kConfig, {kLayer}, ",\"Layers\":[]"));        // Go compares without case
  expect_refused(image(kConfig, {kLayer}, ",\"layer\\u017f\":[]"));  // and folds U+017F to 's'
  expect_refused(image(kConfig, {kLayer}, ",\"manifest\xc5\xbf\":[]"));
  expect_refused(replaced(kImage, "\"size\":2", "\"size\":2,\"Size\":3"));
  expect_refused("\xEF\xBB\xBF" + kImage);
  expect_refused(kImage + "x");
  expect_refused(kImage + kImage);
  expect_refused(replaced(kImage, "schemaVersion", "schema\xffVersion"));
  EXPECT_TRUE(parse_manifest(kImage + " \n", {}));
  // Keys of annotations are free.
  EXPECT_TRUE(parse_manifest(image(kConfig, {}, ",\"annotations\":{\"Layers\":\"x\"}"), {}));
}

TEST(Manifest, RefusesWhatIsNoManifest) {
  for (const std::string& bytes :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("2"),
        std::string("{}"), std::string("\"x\""), std::string("{\"schemaVersion\":2}"),
        std::string("{\"schemaVersion\":2,\"config\":{},\"layers\":[]}")}) {
    expect_refused(bytes);
  }
}

TEST(Manifest, RefusesDeepNestingAndFloods) {
  const std::string deep = std::string(100'000, '[');
  expect_refused(deep);
  expect_refused(image(kConfig, {}, ",\"x\":" + std::string(100, '[') + std::string(100, ']')));
  EXPECT_TRUE(parse_manifest(
      image(kConfig, {}, ",\"x\":" + std::string(50, '[') + std::string(50, ']')), {}));
  std::string flood = "0";
  for (int i = 0; i < 300'000; ++i) flood += ",0";
  expect_refused(image(kConfig, {}, ",\"x\":[" + flood + "]"));
}

TEST(Manifest, ChecksEachField) {
  const std::pair<std::string, std::string> wrong[] = {
      {"\"schemaVersion\":2", "\"schemaVersion\":3"},
      {"\"schemaVersion\":2", "\"schemaVersion\":2.0"},
      {"\"schemaVersion\":2", "\"schemaVersion\":\"2\""},
      {"\"schemaVersion\":2,", ""},
      {"\"size\":2", "\"size\":-1"},
      {"\"size\":2", "\"size\":2.5"},
      {"\"size\":2", "\"size\":1e3"},
      {"\"size\":2", "\"size\":9223372036854775808"},
      {"\"size\":2", "\"size\":99999999999999999999999"},
      {"\"size\":2", "\"size\":\"2\""},
      {"\"size\":2", "\"size\":null"},
      {",\"size\":2", ""},
      {"\"digest\":\"sha256:", "\"digest\":\"sha256:x"},
      {"\"digest\":\"sha256:", "\"digest\":\"sha257:"},
      {"\"digest\":\"sha256:", "\"digest\":\"md5:"},
      {"\"mediaType\":\"application/octet-stream\"", "\"mediaType\":\"\""},
      {"\"mediaType\":\"application/octet-stream\"", "\"mediaType\":\"nonsense\""},
      {"\"mediaType\":\"application/octet-stream\"", "\"mediaType\":7"},
      {"\"mediaType\":\"application/octet-stream\",", ""},
      {"\"layers\":[", "\"layers\":{},\"x\":["},
      {"\"layers\":[", "\"x\":["},
      {"\"layers\":[", "\"layers\":[7,"},
      {"\"config\":{", "\"config\":[],\"x\":{"},
      {"\"config\":{", "\"config\":{\"urls\":7,"},
      {"\"config\":{", "\"config\":{\"urls\":[7],"},
      {"\"config\":{", "\"config\":{\"platform\":7,"},
      {"\"config\":{", "\"config\":{\"platform\":{\"os\":7},"},
      {"\"config\":{", "\"config\":{\"annotations\":{\"a\":1},"},
      {"\"config\":{", "\"subject\":7,\"config\":{"},
      {"\"config\":{", "\"annotations\":[],\"config\":{"},
      {"\"config\":{", "\"annotations\":{\"a\":null},\"config\":{"},
      {"\"config\":{", "\"artifactType\":{},\"config\":{"},
  };
  for (const auto& [from, to] : wrong) expect_refused(replaced(kImage, from, to));
}

TEST(Manifest, AcceptsWhatClientsSend) {
  EXPECT_TRUE(parse_manifest(replaced(kImage, "\"size\":2", "\"size\":9223372036854775807"), {}));
  EXPECT_TRUE(parse_manifest(image(kConfig, {}, ",\"annotations\":null,\"subject\":null"), {}));
  EXPECT_TRUE(parse_manifest(image(kConfig, {}, ",\"org.example.custom\":{\"size\":-1}"), {}));
  EXPECT_TRUE(parse_manifest(replaced(kImage, "\"size\":2", "\"size\":2,\"data\":\"e30=\""), {}));
}

TEST(Manifest, NamesTheFieldThatIsWrong) {
  const auto content =
      parse_manifest(image(kConfig, {kLayer, replaced(kLayer, "\"size\":5", "\"size\":-5")}), {});
  ASSERT_FALSE(content);
  EXPECT_NE(content.error().message.find("layers[1].size"), std::string::npos)
      << content.error().message;
}

TEST(Manifest, StoredTypeIsNeverAnError) {
  EXPECT_EQ(stored_media_type(kImage), media_type::kOciImage);
  EXPECT_EQ(stored_media_type(R"({"mediaType":"application/x","manifests":[]})"), "application/x");
  EXPECT_EQ(stored_media_type(R"({"manifests":[]})"), media_type::kOciIndex);
  EXPECT_EQ(stored_media_type(R"({"schemaVersion":1})"), media_type::kDockerSchema1);
  EXPECT_EQ(stored_media_type("not json"), media_type::kOciImage);
  EXPECT_EQ(stored_media_type(R"({"mediaType":"bad\r\nheader: x"})"), media_type::kOciImage);
}

}  // namespace
}  // namespace bunker::registry
