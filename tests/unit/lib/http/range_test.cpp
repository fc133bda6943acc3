#include "lib/http/range.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bunker::http {

bool operator==(const ByteSpan& a, const ByteSpan& b) {
  return a.offset == b.offset && a.length == b.length;
}
std::ostream& operator<<(std::ostream& out, const ByteSpan& span) {
  return out << span.offset << "+" << span.length;
}

namespace {

using Spans = std::vector<ByteSpan>;

// The spans of `header` in 10 bytes; nullopt when it is not valid.
std::optional<Spans> of_ten(std::string_view header) {
  const auto specs = parse_range(header);
  if (!specs) return std::nullopt;
  return resolve(*specs, 10);
}

TEST(Range, ReadsEveryForm) {
  EXPECT_EQ(of_ten("bytes=0-4"), (Spans{{0, 5}}));
  EXPECT_EQ(of_ten("bytes=9-9"), (Spans{{9, 1}}));
  EXPECT_EQ(of_ten("bytes=5-"), (Spans{{5, 5}}));
  EXPECT_EQ(of_ten("bytes=-3"), (Spans{{7, 3}}));
  EXPECT_EQ(of_ten("Bytes=0-0"), (Spans{{0, 1}}));
  EXPECT_EQ(of_ten("bytes= 0-0 , 2-3,-1"), (Spans{{0, 1}, {2, 2}, {9, 1}}));
  EXPECT_EQ(of_ten("bytes=5-6,0-1"), (Spans{{5, 2}, {0, 2}}));
  EXPECT_EQ(of_ten("bytes=,0-0,,"), (Spans{{0, 1}}));
}

TEST(Range, IsCutAtTheEnd) {
  EXPECT_EQ(of_ten("bytes=5-99"), (Spans{{5, 5}}));
  EXPECT_EQ(of_ten("bytes=-99"), (Spans{{0, 10}}));
  EXPECT_EQ(of_ten("bytes=0-18446744073709551615"), (Spans{{0, 10}}));
  EXPECT_EQ(of_ten("bytes=0-99999999999999999999999999"), (Spans{{0, 10}}));
}

TEST(Range, UnsatisfiableOnesAreLeftOut) {
  EXPECT_EQ(of_ten("bytes=10-"), Spans{});
  EXPECT_EQ(of_ten("bytes=-0"), Spans{});
  EXPECT_EQ(of_ten("bytes=99999999999999999999999999-"), Spans{});
  EXPECT_EQ(of_ten("bytes=10-11,1-1"), (Spans{{1, 1}}));
  EXPECT_EQ(resolve(*parse_range("bytes=0-"), 0), Spans{});
  EXPECT_EQ(resolve(*parse_range("bytes=-5"), 0), Spans{});
}

TEST(Range, WhatIsNotARangeIsNotValid) {
  for (const char* header :
       {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=2-1",
        "bytes=--1", "bytes=1--2", "bytes=0-1;2-3", "items=0-1", "bytes 0-1", "bytes=0-1,x",
        "bytes=+1-2", "bytes=1-2-3", "bytes=0 - 1", "=0-1", "bytes==0-1"}) {
    EXPECT_EQ(of_ten(header), std::nullopt) << header;
  }
}

TEST(Range, AtMost64) {
  std::string header = "bytes=0-0";
  for (int i = 1; i < 64; ++i) header += ",0-0";
  EXPECT_EQ(of_ten(header)->size(), 64U);
  EXPECT_EQ(of_ten(header + ",0-0"), std::nullopt);
}

RC_GTEST_PROP(RangeProperty, SpansLieInsideTheBody, (std::uint64_t size)) {
  const auto number = rc::gen::map(rc::gen::arbitrary<std::uint64_t>(),
                                   [](std::uint64_t n) { return std::to_string(n); });
  const auto bound = rc::gen::oneOf(number, rc::gen::just(std::string()));
  std::string header = "bytes=" + *bound + "-" + *bound + "," + *number + "-";
  const auto specs = parse_range(header);
  RC_PRE(specs.has_value());
  for (const ByteSpan& span : resolve(*specs, size)) {
    RC_ASSERT(span.length > 0U);
    RC_ASSERT(span.offset < size);
    RC_ASSERT(span.length <= size - span.offset);
  }
}

}  // namespace
}  // namespace bunker::http
