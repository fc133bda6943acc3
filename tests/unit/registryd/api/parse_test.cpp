#include "registryd/api/parse.h"

#include <string>

#include <gtest/gtest.h>

#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

namespace reason = registry::reason;

http::Request with_query(std::string query) {
  http::Request request;
  request.query = std::move(query);
  return request;
}

http::Request with_chunk(std::optional<std::uint64_t> length, std::string_view range) {
  http::Request request;
  request.content_length = length;
  if (!range.empty()) request.headers.add("Content-Range", range);
  return request;
}

TEST(QueryParam, AbsentAndEmptyAreNothing) {
  EXPECT_EQ(query_param(with_query(""), "n", "").value(), std::nullopt);
  EXPECT_EQ(query_param(with_query("m=1"), "n", "").value(), std::nullopt);
  EXPECT_EQ(query_param(with_query("n=&m=1"), "n", "").value(), std::nullopt);
}

TEST(QueryParam, MalformedIsAnErrorNotAbsence) {
  const auto value = query_param(with_query("m=1&n=%zz"), "n", reason::kDigestInvalid);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, Code::invalid);
  EXPECT_EQ(value.error().reason, reason::kDigestInvalid);
}

TEST(ParsePage, WithoutNumberTakesTheDefault) {
  EXPECT_EQ(parse_page(with_query(""), std::nullopt, 10)->limit, std::nullopt);
  EXPECT_EQ(parse_page(with_query("last=v1"), 100, 10)->limit, 100);
  EXPECT_EQ(parse_page(with_query("last=v%2B1"), 100, 10)->last, "v+1");
}

TEST(ParsePage, CutsToTheMost) {
  EXPECT_EQ(parse_page(with_query("n=0"), std::nullopt, 10)->limit, 0);
  EXPECT_EQ(parse_page(with_query("n=10"), std::nullopt, 10)->limit, 10);
  EXPECT_EQ(parse_page(with_query("n=11"), std::nullopt, 10)->limit, 10);
  EXPECT_EQ(parse_page(with_query("n=99999999999999999999999"), std::nullopt, 10)->limit, 10);
}

TEST(ParsePage, RefusesWhatIsNoNumber) {
  for (const char* const query : {"n=-1", "n=+1", "n=1x", "n=0x1", "n=1.5", "n=%201", "n=%zz"}) {
    const auto page = parse_page(with_query(query), std::nullopt, 10);
    ASSERT_FALSE(page) << query;
    EXPECT_EQ(page.error().reason, reason::kPaginationNumberInvalid) << query;
  }
}

TEST(ParseChunkPlace, WithoutRangeOnlyTheLengthIsKnown) {
  const auto place = parse_chunk_place(with_chunk(7, ""));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->start, std::nullopt);
  EXPECT_EQ(place->length, 7);
  EXPECT_EQ(parse_chunk_place(with_chunk(std::nullopt, ""))->length, std::nullopt);
}

TEST(ParseChunkPlace, ReadsTheSpecsAndTheRfcsForms) {
  for (const char* const range : {"5-9", "bytes=5-9", "bytes 5-9/*", "bytes 5-9/10", " 5-9 "}) {
    const auto place = parse_chunk_place(with_chunk(std::nullopt, range));
    ASSERT_TRUE(place) << range;
    EXPECT_EQ(place->start, 5) << range;
    EXPECT_EQ(place->length, 5) << range;
  }
}

TEST(ParseChunkPlace, RefusesWhatIsNoRange) {
  for (const char* const range : {"5", "-9", "5-", "a-b", "5--9", "+5-9", "5-9-10", "bytes5-9",
                                  "0-18446744073709551615", "0-99999999999999999999"}) {
    const auto place = parse_chunk_place(with_chunk(std::nullopt, range));
    ASSERT_FALSE(place) << range;
    EXPECT_EQ(place.error().reason, reason::kBlobUploadInvalid) << range;
  }
}

TEST(ParseChunkPlace, TellsBackwardsFromTooLong) {
  EXPECT_EQ(parse_chunk_place(with_chunk(5, "9-5")).error().reason, reason::kRangeInvalid);
  EXPECT_EQ(parse_chunk_place(with_chunk(6, "5-9")).error().reason, reason::kSizeInvalid);
  EXPECT_TRUE(parse_chunk_place(with_chunk(5, "5-9")));
}

TEST(NamesEtag, FindsTheDigestInAList) {
  const auto digest = registry::Digest::of(registry::Algorithm::sha256, "x");
  const std::string& text = digest.str();
  EXPECT_TRUE(names_etag("\"" + text + "\"", digest));
  EXPECT_TRUE(names_etag("\"other\" , W/\"" + text + "\"", digest));
  EXPECT_TRUE(names_etag(text, digest));
  EXPECT_TRUE(names_etag("*", digest));
  EXPECT_FALSE(names_etag("", digest));
  EXPECT_FALSE(names_etag("\"" + text, digest));
  EXPECT_FALSE(names_etag("\"sha256:0\"", digest));
}

TEST(NamesEtag, StrongComparisonTakesOnlyStrongTags) {
  const auto digest = registry::Digest::of(registry::Algorithm::sha256, "x");
  EXPECT_TRUE(names_etag("\"" + digest.str() + "\"", digest, true));
  EXPECT_FALSE(names_etag("W/\"" + digest.str() + "\"", digest, true));
  EXPECT_FALSE(names_etag("*", digest, true));
  EXPECT_FALSE(names_etag("Sun, 06 Nov 1994 08:49:37 GMT", digest, true));
}

}  // namespace
}  // namespace bunker::api
