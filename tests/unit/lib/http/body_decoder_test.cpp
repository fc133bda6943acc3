#include "lib/http/body_decoder.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "lib/http/serializer.h"

namespace bunker::http {
namespace {

struct Outcome {
  std::string body;
  std::string error;
  std::size_t consumed = 0;
  bool finished = false;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(BodyDecoder decoder, std::string_view text, std::size_t step = SIZE_MAX) {
  Outcome out;
  while (out.consumed < text.size() && out.error.empty() && !decoder.finished()) {
    const auto input = std::as_bytes(std::span(text.substr(out.consumed, step)));
    const auto piece = decoder.decode(input);
    out.body.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
    out.error = piece.error;
    out.consumed += piece.consumed;
  }
  out.finished = decoder.finished();
  return out;
}

TEST(BodyDecoder, AnEmptyBodyIsFinished) {
  EXPECT_TRUE(BodyDecoder().finished());
  EXPECT_TRUE(BodyDecoder::with_length(0).finished());
  EXPECT_EQ(decode(BodyDecoder(), "next").consumed, 0U);
}

TEST(BodyDecoder, AKnownLengthEndsThere) {
  const auto out = decode(BodyDecoder::with_length(5), "hello, next");
  EXPECT_EQ(out.body, "hello");
  EXPECT_EQ(out.consumed, 5U);
  EXPECT_TRUE(out.finished);
  EXPECT_FALSE(decode(BodyDecoder::with_length(5), "hell").finished);
}

TEST(BodyDecoder, BytesThatWentAnotherWayCount) {
  BodyDecoder decoder = BodyDecoder::with_length(9);
  decoder.skip(4);
  EXPECT_FALSE(decoder.finished());
  EXPECT_EQ(decode(decoder, "hello, next").body, "hello");
  decoder.skip(5);
  EXPECT_TRUE(decoder.finished());
}

TEST(BodyDecoder, UntilCloseTakesEverything) {
  const auto out = decode(BodyDecoder::until_close(), "abc");
  EXPECT_EQ(out.body, "abc");
  EXPECT_FALSE(out.finished);
}

TEST(BodyDecoder, ReadsChunks) {
  const std::string wire =
      "5;a=b;c=\"d\"\r\nhello\r\n0A\r\n, world..\n\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\n";
  const auto out = decode(BodyDecoder::chunked(), wire + "GET /");
  EXPECT_EQ(out.error, "");
  EXPECT_EQ(out.body, "hello, world..\n");
  EXPECT_TRUE(out.finished);
  EXPECT_EQ(out.consumed, wire.size());
}

class BadChunks : public ::testing::TestWithParam<std::string> {};

TEST_P(BadChunks, AreRefused) {
  const auto out = decode(BodyDecoder::chunked(), GetParam());
  EXPECT_NE(out.error, "");
  EXPECT_FALSE(out.finished);
  EXPECT_EQ(decode(BodyDecoder::chunked(), GetParam(), 1), out);
}

INSTANTIATE_TEST_SUITE_P(BodyDecoder, BadChunks,
                         ::testing::Values("\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n",
                                           "1 \r\na", "1\n", "1\ra", ";\r\n", "1;\n", "1;a\x01\r\n",
                                           "1\r\nab", "1\r\na\n", "1\r\na\rb", "1\r\na\r\n\r\n",
                                           "1000000000000000\r\n", "0000000000000001\r\n",
                                           "fffffffffffffffff\r\n", "0\r\n\n", "0\r\nA: b\n",
                                           "0\r\nA: b\rc", "0\r\n\rx", std::string("0\r\nA: \0", 7),
                                           "1;" + std::string(20'000, 'x') + "\r\n",
                                           "0\r\n" + std::string(20'000, 'x') + "\r\n"));

TEST(BodyDecoder, ExtensionsOfManyChunksAddUp) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "1;" + std::string(100, 'x') + "\r\na\r\n";
  EXPECT_NE(decode(BodyDecoder::chunked(), text).error, "");
}

TEST(BodyDecoder, TakesNothingAfterAnError) {
  BodyDecoder decoder = BodyDecoder::chunked();
  const std::string_view bad = "x";
  EXPECT_NE(decoder.decode(std::as_bytes(std::span(bad))).error, "");
  const auto after = decoder.decode(std::as_bytes(std::span(bad)));
  EXPECT_EQ(after.consumed, 0U);
  EXPECT_FALSE(decoder.finished());
}

RC_GTEST_PROP(BodyDecoderProperty, ChunksComeBack, (const std::vector<std::string>& chunks)) {
  std::string wire;
  std::string body;
  for (const std::string& chunk : chunks) {
    if (chunk.empty()) continue;
    wire += chunk_header(chunk.size()) + chunk + "\r\n";
    body += chunk;
  }
  wire += kLastChunk;
  const auto out = decode(BodyDecoder::chunked(), wire + "rest", *rc::gen::inRange(1, 9));
  RC_ASSERT(out.error.empty());
  RC_ASSERT(out.finished);
  RC_ASSERT(out.body == body);
  RC_ASSERT(out.consumed == wire.size());
}

RC_GTEST_PROP(BodyDecoderProperty, CutsDoNotMatter, ()) {
  const auto fragment = rc::gen::element<std::string>("0", "1", "3", "a", "\r\n", "\r\n", "\r",
                                                      "\n", ";x=y", "abc", " ", "T: u");
  std::string text = "3\r\nabc";
  for (const auto& part : *rc::gen::container<std::vector<std::string>>(fragment)) text += part;
  const auto whole = decode(BodyDecoder::chunked(), text);
  RC_ASSERT(decode(BodyDecoder::chunked(), text, 1) == whole);
  RC_ASSERT(decode(BodyDecoder::chunked(), text, *rc::gen::inRange<std::size_t>(1, 10)) == whole);
}

}  // namespace
}  // namespace bunker::http
