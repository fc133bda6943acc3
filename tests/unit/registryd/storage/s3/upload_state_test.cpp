#include "registryd/storage/s3/upload_state.h"

#include <gtest/gtest.h>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/http_date.h"

namespace bunker::storage::s3 {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

UploadState with_parts() {
  UploadState state;
  state.offset = 12 * kMiB;
  state.part_bytes = 5 * kMiB;
  state.key = "r/_uploads/u/data.1";
  state.upload_id = "id/+=";
  state.etags = {"\"one\"", "\"two\""};
  state.tail_bytes = 2 * kMiB;
  return state;
}

TEST(UploadFooter, SaysWhatWasPutIn) {
  const auto state = parse_footer(print_footer(with_parts()), 2 * kMiB);
  ASSERT_TRUE(state) << to_string(state.error());
  EXPECT_EQ(state->offset, 12 * kMiB);
  EXPECT_EQ(state->part_bytes, 5 * kMiB);
  EXPECT_EQ(state->key, "r/_uploads/u/data.1");
  EXPECT_EQ(state->upload_id, "id/+=");
  EXPECT_EQ(state->etags, (std::vector<std::string>{"\"one\"", "\"two\""}));
}

TEST(UploadFooter, UploadsWithoutPartsAndWithAnObjectInTheirPlace) {
  UploadState small;
  small.offset = small.tail_bytes = 7;
  small.part_bytes = 5 * kMiB;
  EXPECT_TRUE(parse_footer(print_footer(small), 7));

  UploadState whole = with_parts();
  whole.upload_id.clear();
  whole.etags.clear();
  EXPECT_TRUE(parse_footer(print_footer(whole), 2 * kMiB));
}

TEST(UploadFooter, WhatDoesNotAddUpIsDamaged) {
  const auto code = [](const UploadState& state, std::uint64_t tail) {
    const auto parsed = parse_footer(print_footer(state), tail);
    return parsed ? Code::internal : parsed.error().code;
  };
  EXPECT_EQ(code(with_parts(), 1 * kMiB), Code::data_loss);
  UploadState state = with_parts();
  state.offset += 1;
  EXPECT_EQ(code(state, 2 * kMiB), Code::data_loss);
  state = with_parts();
  state.etags.pop_back();
  EXPECT_EQ(code(state, 2 * kMiB), Code::data_loss);
  state = with_parts();
  state.part_bytes = 0;
  EXPECT_EQ(code(state, 2 * kMiB), Code::data_loss);
  state = with_parts();
  state.key = "../elsewhere";
  EXPECT_EQ(code(state, 2 * kMiB), Code::data_loss);
  const std::string footer = print_footer(with_parts());
  for (std::size_t size = 0; size < footer.size(); ++size) {
    EXPECT_FALSE(parse_footer(std::string_view(footer).substr(0, size), 2 * kMiB)) << size;
  }
}

TEST(StateToken, IsReadAsItWasMade) {
  const std::string text = make_state_token(100, 7);
  const auto token = parse_state_token(text);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->text, text);
  EXPECT_EQ(token->offset, 100U);
  EXPECT_EQ(token->tail, 7U);
  EXPECT_NE(make_state_token(100, 7), text);
  EXPECT_EQ(state_key_of("r/data", text), "r/data." + text);
}

TEST(StateToken, AnythingElseIsNone) {
  const std::string text = make_state_token(100, 7);
  for (const std::string& bad :
       {std::string(), std::string("-"), text + "-", text + "x", text.substr(1), '/' + text,
        std::string("0123456789abcdef0123456789abcdef-5-6"), text + std::string(1, '\0')}) {
    EXPECT_FALSE(parse_state_token(bad)) << bad;
  }
}

TEST(PlacedToken, IsReadAsItWasMade) {
  const SystemTime now = parse_rfc3339("2026-11-24T08:00:00Z").value();
  const std::string text = print_placed_token({"docker/registry/v2/blobs/a-b/data", 42, now});
  EXPECT_EQ(text, "at-42-1795507200-docker/registry/v2/blobs/a-b/data");
  const auto token = parse_placed_token(text);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->key, "docker/registry/v2/blobs/a-b/data");
  EXPECT_EQ(token->size, 42U);
  EXPECT_EQ(token->placed, now);
}

TEST(PlacedToken, AnythingElseIsNone) {
  for (const char* bad : {"", "at-", "at-1", "at-1-2", "at-1-2-", "at-1-2-../k", "at-x-2-k",
                          "at-1-x-k", "at-1-99999999999999999-k", "at--1-2-k"}) {
    EXPECT_FALSE(parse_placed_token(bad)) << bad;
  }
}

TEST(PartSizes, AreEqualForEveryUploadWhoseSizeIsKnown) {
  for (const std::uint64_t size : {std::uint64_t{0}, 10 * kMiB, 1'000 * kMiB,
                                   std::uint64_t{5} << 40, std::uint64_t{49} << 40}) {
    const PartSizes sizes(10 * kMiB, size);
    const auto parts = static_cast<unsigned>((size + sizes.base() - 1) / sizes.base());
    EXPECT_LE(parts, PartSizes::kMaxParts) << size;
    EXPECT_GE(sizes.base(), 10 * kMiB);
    if (parts > 0) EXPECT_EQ(sizes.of(parts), sizes.base()) << size;
  }
}

TEST(PartSizes, GrowAtTheEndOfWhatIsFarBiggerThanAnybodySaid) {
  const PartSizes sizes(10 * kMiB, std::nullopt);
  EXPECT_EQ(sizes.base(), 10 * kMiB);
  EXPECT_EQ(sizes.of(1), 10 * kMiB);
  EXPECT_EQ(sizes.of(8'000), 10 * kMiB);
  EXPECT_EQ(sizes.of(8'001), 80 * kMiB);
  std::uint64_t sum = 0;
  for (unsigned part = 1; part <= 8'100; ++part) {
    sum += sizes.of(part);
    ASSERT_EQ(sizes.total(part), sum);
  }
}

TEST(HttpDate, IsReadInItsCurrentForm) {
  EXPECT_EQ(parse_http_date("Tue, 24 Nov 2026 08:00:00 GMT"),
            parse_rfc3339("2026-11-24T08:00:00Z"));
  for (const char* bad : {"", "Tue, 24 Nov 2026 08:00:00", "2026-11-24T08:00:00Z",
                          "Tue, 24 Nov 2026 08:00:00 GMT+1", "Tuesday, 24-Nov-26 08:00:00 GMT"}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
}

}  // namespace
}  // namespace bunker::storage::s3
