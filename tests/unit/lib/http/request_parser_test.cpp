#include "lib/http/request_parser.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bunker::http {
namespace {

struct Outcome {
  RequestParser::Status status = RequestParser::Status::need_more;
  int refused = 0;
  std::string reason;
  std::size_t consumed = 0;
  Request request;
  bool chunked = false;
  bool keep_alive = false;
  bool expects_continue = false;

  bool operator==(const Outcome& other) const {
    return status == other.status && refused == other.refused && reason == other.reason &&
           consumed == other.consumed && chunked == other.chunked &&
           keep_alive == other.keep_alive && expects_continue == other.expects_continue &&
           request.method == other.request.method &&
           request.method_name == other.request.method_name && request.path == other.request.path &&
           request.query == other.request.query &&
           request.minor_version == other.request.minor_version &&
           request.content_length == other.request.content_length &&
           request.headers.fields() == other.request.headers.fields();
  }
};

// Parses `text` as it arrives up to each of `cuts`, then whole.
Outcome parse(std::string_view text, const std::vector<std::size_t>& cuts = {},
              HeadLimits limits = {}) {
  Outcome out;
  RequestParser parser(limits);
  const auto advance = [&](std::string_view so_far) {
    if (out.status == RequestParser::Status::need_more) {
      out.status = parser.parse(so_far, out.request);
    }
  };
  for (const std::size_t cut : cuts) advance(text.substr(0, cut));
  advance(text);
  if (out.status == RequestParser::Status::refused) {
    out.refused = parser.refusal().status;
    out.reason = parser.refusal().reason;
  } else if (out.status == RequestParser::Status::done) {
    out.consumed = parser.consumed();
    out.chunked = parser.chunked();
    out.keep_alive = parser.keep_alive();
    out.expects_continue = parser.expects_continue();
  }
  return out;
}

std::vector<std::size_t> every_byte(std::string_view text) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i < text.size(); ++i) cuts.push_back(i);
  return cuts;
}

TEST(RequestParser, ReadsAWholeRequest) {
  const std::string head =
      "PATCH /v2/a/blobs/uploads/1?_state=x%2F&y HTTP/1.1\r\nHost: r.example:5000\r\n"
      "content-length: 12\r\nX-Empty:\r\nExpect: 100-Continue\r\nx-a:  b c \t\r\n\r\n";
  const auto out = parse(head + "body");
  ASSERT_EQ(out.status, RequestParser::Status::done);
  EXPECT_EQ(out.request.method, Method::patch);
  EXPECT_EQ(out.request.path, "/v2/a/blobs/uploads/1");
  EXPECT_EQ(out.request.query, "_state=x%2F&y");
  EXPECT_EQ(out.request.minor_version, 1);
  EXPECT_EQ(out.request.content_length, 12U);
  EXPECT_EQ(out.request.headers.get("X-EMPTY"), "");
  EXPECT_EQ(out.request.headers.get("X-A"), "b c");
  EXPECT_TRUE(out.expects_continue);
  EXPECT_TRUE(out.keep_alive);
  EXPECT_EQ(out.consumed, head.size());
}

struct Accepted {
  const char* text;
  const char* path;
  bool keep_alive;
};

class AcceptedRequest : public ::testing::TestWithParam<Accepted> {};

TEST_P(AcceptedRequest, IsRead) {
  const auto out = parse(GetParam().text);
  ASSERT_EQ(out.status, RequestParser::Status::done) << out.reason;
  EXPECT_EQ(out.request.path, GetParam().path);
  EXPECT_EQ(out.keep_alive, GetParam().keep_alive);
  EXPECT_EQ(parse(GetParam().text, every_byte(GetParam().text)), out);
}

INSTANTIATE_TEST_SUITE_P(
    RequestParser, AcceptedRequest,
    ::testing::Values(
        Accepted{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", true},
        Accepted{"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", true},
        Accepted{"GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", true},
        Accepted{"GET / HTTP/1.1\r\nHost: [::1]:5000\r\n\r\n", "/", true},
        Accepted{"GET / HTTP/1.0\r\n\r\n", "/", false},
        Accepted{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", true},
        Accepted{"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "/", false},
        Accepted{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "/", false},
        Accepted{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", "/",
                 false},
        Accepted{"GET / HTTP/1.9\r\nHost: a\r\n\r\n", "/", true},
        Accepted{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", true},
        Accepted{"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "/pot", true},
        Accepted{"GET http://b:80/p HTTP/1.1\r\nHost: a\r\n\r\n", "/p", true},
        Accepted{"GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n", "/", true},
        Accepted{"GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "/", true},
        Accepted{"GET //x/../%2e HTTP/1.1\r\nHost: a\r\n\r\n", "//x/../%2e", true},
        Accepted{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "/", true},
        Accepted{"GET / HTTP/1.1\r\nHost: a\r\nX: \x80\xff\r\n\r\n", "/", true}));

TEST(RequestParser, AnAbsoluteTargetReplacesTheHost) {
  const auto out = parse("GET http://b:80/p?q=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(out.status, RequestParser::Status::done);
  EXPECT_EQ(out.request.headers.joined("Host"), "b:80");
  EXPECT_EQ(out.request.query, "q=1");
}

struct Refused {
  std::string text;
  int status;
};

class RefusedRequest : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedRequest, HasItsStatus) {
  const auto out = parse(GetParam().text);
  ASSERT_EQ(out.status, RequestParser::Status::refused);
  EXPECT_EQ(out.refused, GetParam().status) << out.reason;
  EXPECT_EQ(parse(GetParam().text, every_byte(GetParam().text)), out);
}

Refused line(std::string text, int status) {
  return {std::move(text) + "\r\nHost: a\r\n\r\n", status};
}
Refused fields(std::string text, int status) {
  return {"POST / HTTP/1.1\r\nHost: a\r\n" + std::move(text) + "\r\n\r\n", status};
}

INSTANTIATE_TEST_SUITE_P(
    RequestLine, RefusedRequest,
    ::testing::Values(
        line("GET /", 400), line("GET  / HTTP/1.1", 400), line("GET / HTTP/1.1 ", 400),
        line("GET /  HTTP/1.1", 400), line(" GET / HTTP/1.1", 400), line("GET\t/ HTTP/1.1", 400),
        line("G(T / HTTP/1.1", 400), line("GET / http/1.1", 400), line("GET / HTTP/1.1.1", 400),
        line("GET / HTTP/11", 400), line("GET / HTTP/0.9", 505), line("GET / HTTP/2.0", 505),
        line("PRI * HTTP/2.0", 505), line("GET * HTTP/1.1", 400),
        line("CONNECT a:443 HTTP/1.1", 501), line("GET a HTTP/1.1", 400),
        line("GET ftp://a/ HTTP/1.1", 400), line("GET http:/// HTTP/1.1", 400),
        line("GET http://u@b/ HTTP/1.1", 400), line("GET /a#b HTTP/1.1", 400),
        line("GET /\x7f HTTP/1.1", 400), line("GET /\xc3\xa4 HTTP/1.1", 400),
        line("GET /% HTTP/1.1", 400), line("GET /%4 HTTP/1.1", 400),
        line("GET /a?b=%zz HTTP/1.1", 400), line(std::string("GET /a\0b HTTP/1.1", 17), 400),
        line(std::string(33, 'M') + " / HTTP/1.1", 501),
        Refused{"GET / HTTP/1.1\nHost: a\n\n", 400}, Refused{"\n", 400},
        Refused{"\rGET / HTTP/1.1\r\n", 400}, Refused{"\x16\x03\x01\x02", 400}));

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusedRequest,
    ::testing::Values(fields("Host: b", 400), fields("no colon", 400), fields(": x", 400),
                      fields("Name : x", 400), fields("Na me: x", 400), fields(" folded: x", 400),
                      fields("A: b\r\n c", 400), fields("A: b\r\n\tc", 400),
                      fields("A: b\nB: c", 400), fields("A: b\rB: c", 400), fields("A: b\x01", 400),
                      fields("A: b\x7f", 400), fields(std::string("A: \0", 4), 400),
                      fields("\xc3\xa4: x", 400), fields("Expect: 200-ok", 417)));

INSTANTIATE_TEST_SUITE_P(Host, RefusedRequest,
                         ::testing::Values(Refused{"GET / HTTP/1.1\r\n\r\n", 400},
                                           Refused{"GET http://b/ HTTP/1.1\r\n\r\n", 400},
                                           Refused{"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
                                                   400},
                                           Refused{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
                                           Refused{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
                                           Refused{"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400}));

// What one party could take for one request and another for two.
INSTANTIATE_TEST_SUITE_P(
    Smuggling, RefusedRequest,
    ::testing::Values(
        fields("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        fields("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        fields("Content-Length: 5\r\nContent-Length: 5", 400),
        fields("Content-Length: 5\r\nContent-Length: 6", 400), fields("Content-Length: 5, 5", 400),
        fields("Content-Length: +5", 400), fields("Content-Length: -5", 400),
        fields("Content-Length: 0x5", 400), fields("Content-Length: 5 5", 400),
        fields("Content-Length:", 400), fields("Content-Length: 99999999999999999999", 400),
        fields("Content-Length: 18446744073709551615", 400), fields("Content-Length : 5", 400),
        fields("Transfer-Encoding : chunked", 400),
        fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400),
        fields("Transfer-Encoding: gzip, chunked", 501), fields("Transfer-Encoding: gzip", 400),
        fields("Transfer-Encoding: chunked, gzip", 400), fields("Transfer-Encoding: identity", 400),
        fields("Transfer-Encoding: xchunked", 400), fields("Transfer-Encoding: \"chunked\"", 400),
        fields("Transfer-Encoding: chunked;q=1", 400),
        fields("Transfer-Encoding: \x0b"
               "chunked",
               400),
        fields("Transfer-Encoding:", 400), fields("Transfer-Encoding: chunked, chunked", 501),
        fields("X: y\r\n\x0bTransfer-Encoding: chunked", 400),
        Refused{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Refused{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\n\r\n\r\n", 400}));

TEST(RequestParser, LimitsTheRequestLine) {
  const HeadLimits limits{64, 4};
  const std::string text = "GET /" + std::string(100, 'a') + " HTTP/1.1\r\n\r\n";
  EXPECT_EQ(parse(text, {}, limits).refused, 414);
  EXPECT_EQ(parse(text, every_byte(text), limits).refused, 414);
}

TEST(RequestParser, LimitsTheFields) {
  const HeadLimits limits{64, 4};
  const std::string large = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(50, 'a') + "\r\n\r\n";
  EXPECT_EQ(parse(large, {}, limits).refused, 431);
  EXPECT_EQ(parse(large, every_byte(large), limits).refused, 431);
  const std::string many = "GET / HTTP/1.1\r\nHost: a\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n";
  EXPECT_EQ(parse(many, {}, limits).refused, 431);
  const std::string fits = "GET / HTTP/1.1\r\nHost: a\r\na:\r\nb:\r\nc:\r\n\r\n";
  EXPECT_EQ(parse(fits, {}, limits).status, RequestParser::Status::done);
}

TEST(RequestParser, AHeadOfExactlyTheLimitFits) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(parse(text, {}, {text.size(), 4}).status, RequestParser::Status::done);
  EXPECT_EQ(parse(text, {}, {text.size() - 1, 4}).refused, 431);
}

TEST(RequestParser, IsReadyForTheNextRequestAfterReset) {
  RequestParser parser({});
  Request first;
  ASSERT_EQ(parser.parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\n",
                         first),
            RequestParser::Status::done);
  parser.reset();
  Request second;
  ASSERT_EQ(parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", second), RequestParser::Status::done);
  EXPECT_FALSE(parser.chunked());
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_EQ(second.content_length, 0U);
}

// Requests that are nearly right: fragments that matter to the grammar, put together at random.
rc::Gen<std::string> request_like() {
  const auto fragment = rc::gen::element<std::string>(
      "GET ", "POST", " ", "/", "/a?b", "*", "http://h/", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0",
      "\r\n", "\r\n", "\r\n", "\n", "\r", "Host: a", "Host:", "Content-Length: 5",
      "Content-Length: x", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip",
      "Expect: ", "100-continue", "Connection: close", "A: b", "A : b", " b", "\t", ":", "%41",
      "%4", std::string("\0", 1), "\x80", "x");
  const auto head =
      rc::gen::element<std::string>("", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n");
  return rc::gen::map(rc::gen::pair(head, rc::gen::container<std::vector<std::string>>(fragment)),
                      [](const std::pair<std::string, std::vector<std::string>>& parts) {
                        std::string text = parts.first;
                        for (const auto& part : parts.second) text += part;
                        return text;
                      });
}

RC_GTEST_PROP(RequestParserProperty, CutsDoNotMatter, ()) {
  const std::string text = *request_like();
  const HeadLimits limits{*rc::gen::inRange<std::size_t>(1, 120), 5};
  auto cuts = *rc::gen::container<std::vector<std::size_t>>(
      rc::gen::inRange<std::size_t>(0, text.size() + 1));
  std::ranges::sort(cuts);
  const Outcome whole = parse(text, {}, limits);
  RC_ASSERT(parse(text, cuts, limits) == whole);
  RC_ASSERT(parse(text, every_byte(text), limits) == whole);
}

RC_GTEST_PROP(RequestParserProperty, WhatFollowsTheHeadDoesNotMatter, ()) {
  const std::string text = *request_like();
  const Outcome alone = parse(text);
  RC_PRE(alone.status != RequestParser::Status::need_more);
  RC_ASSERT(parse(text + *rc::gen::string<std::string>()) == alone);
}

}  // namespace
}  // namespace bunker::http
