// Our parser beside http_parser 2.9, which many proxies and servers use: where we accept a request,
// both see the same message, and it ends at the same byte. We may refuse more, never read more.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <http_parser.h>
#include <rapidcheck/gtest.h>

#include "lib/http/body_decoder.h"
#include "lib/http/request_parser.h"

namespace bunker::http {
namespace {

struct Message {
  std::string method;
  std::string target;
  Headers headers;
  std::string body;
  bool keep_alive = false;
  std::size_t length = 0;  // bytes of head and body together

  bool operator==(const Message& other) const {
    return method == other.method && target == other.target && body == other.body &&
           headers.fields() == other.headers.fields() && length == other.length;
  }
};

std::ostream& operator<<(std::ostream& out, const Message& message) {
  out << message.method << " " << message.target << " keep " << message.keep_alive << " length "
      << message.length << "\n";
  for (const auto& [name, value] : message.headers.fields()) out << name << ": " << value << "\n";
  return out << "body: " << message.body;
}

// The first message in `text`; nullopt: refused, or not complete.
std::optional<Message> read_ours(std::string_view text) {
  RequestParser parser({});
  Request request;
  if (parser.parse(text, request) != RequestParser::Status::done) return std::nullopt;
  Message message;
  message.method = request.method_name;
  message.target = request.path + (request.query.empty() ? "" : "?" + request.query);
  message.headers = request.headers;
  message.keep_alive = parser.keep_alive();
  message.length = parser.consumed();
  BodyDecoder decoder =
      parser.chunked() ? BodyDecoder::chunked() : BodyDecoder::with_length(*request.content_length);
  while (!decoder.finished()) {
    const auto piece = decoder.decode(std::as_bytes(std::span(text.substr(message.length))));
    if (!piece.error.empty() || piece.consumed == 0) return std::nullopt;
    message.body.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
    message.length += piece.consumed;
  }
  return message;
}

// The peer's view of the same.
struct Peer {
  Message message;
  std::string name;
  std::string value;
  bool in_value = false;
  bool head_done = false;
  bool chunked = false;
  bool complete = false;

  void end_field() {
    if (in_value && !head_done) {
      // It keeps the white space at the end of a value, which is not part of it.
      value.erase(value.find_last_not_of(" \t") + 1);
      message.headers.add(name, value);
    }
    name.clear();
    value.clear();
    in_value = false;
  }
};

Peer& peer_of(http_parser* parser) {
  return *static_cast<Peer*>(parser->data);
}

http_parser_settings peer_settings() {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = [](http_parser* parser, const char* at, std::size_t size) {
    peer_of(parser).message.target.append(at, size);
    return 0;
  };
  settings.on_header_field = [](http_parser* parser, const char* at, std::size_t size) {
    if (peer_of(parser).in_value) peer_of(parser).end_field();
    peer_of(parser).name.append(at, size);
    return 0;
  };
  settings.on_header_value = [](http_parser* parser, const char* at, std::size_t size) {
    peer_of(parser).value.append(at, size);
    peer_of(parser).in_value = true;
    return 0;
  };
  settings.on_headers_complete = [](http_parser* parser) {
    Peer& peer = peer_of(parser);
    peer.end_field();
    peer.head_done = true;
    peer.chunked = (parser->flags & F_CHUNKED) != 0;
    peer.message.method = http_method_str(static_cast<http_method>(parser->method));
    peer.message.keep_alive = http_should_keep_alive(parser) != 0;
    return 0;
  };
  settings.on_body = [](http_parser* parser, const char* at, std::size_t size) {
    peer_of(parser).message.body.append(at, size);
    return 0;
  };
  settings.on_message_complete = [](http_parser* parser) {
    peer_of(parser).complete = true;
    http_parser_pause(parser, 1);
    return 0;
  };
  return settings;
}

std::optional<Message> read_theirs(std::string_view text) {
  const http_parser_settings settings = peer_settings();
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  Peer peer;
  parser.data = &peer;
  peer.message.length = http_parser_execute(&parser, &settings, text.data(), text.size());
  if (!peer.complete) return std::nullopt;
  return peer.message;
}

void expect_same(const std::string& text) {
  const auto ours = read_ours(text);
  ASSERT_TRUE(ours) << text;
  const auto theirs = read_theirs(text);
  ASSERT_TRUE(theirs) << text;
  EXPECT_EQ(*ours, *theirs) << text;
  EXPECT_EQ(ours->keep_alive, theirs->keep_alive) << text;
}

TEST(RequestPeer, SeesTheSameRequests) {
  expect_same("GET /v2/?n=1 HTTP/1.1\r\nHost: a\r\nAccept: */* \t\r\n\r\nGET /next");
  expect_same("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET");
  expect_same(
      "PATCH /a HTTP/1.1\r\nHost:a\r\nTransfer-Encoding:  chunked\r\n\r\n"
      "5;x=y\r\nhello\r\n00a\r\n, world..\n\r\n0\r\nT: u\r\n\r\nGET");
  expect_same("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  expect_same("DELETE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
}

// Fields that decide where a message ends, in every order and number, well-formed or nearly.
rc::Gen<std::string> framed_request() {
  const auto field = rc::gen::element<std::string>(
      "Content-Length: 3", "Content-Length: 03", "Content-Length:3 ", "Content-Length: 3, 3",
      "Content-Length: 0", "content-length: 30", "Transfer-Encoding: chunked",
      "transfer-encoding:CHUNKED", "Transfer-Encoding: identity", "Transfer-Encoding: chunked ",
      "Transfer-Encoding : chunked", "Transfer-Encoding: x, chunked", "Connection: close",
      "Connection: keep-alive", "Connection: a, Close", "X: y", "X:", " folded", "X: \xc3\xa4");
  const auto line =
      rc::gen::element<std::string>("POST / HTTP/1.1", "PUT /a?b=%20 HTTP/1.1", "POST / HTTP/1.0",
                                    "GET /x HTTP/1.1", "\r\nGET / HTTP/1.1");
  const auto body =
      rc::gen::element<std::string>("abc", "0\r\n\r\n", "3\r\nabc\r\n", "1;e\r\nx\r\n",
                                    "0\r\nT: u\r\n\r\n", "\r\n", "3\nabc", "G");
  // Few fields, since most combinations of many are refused.
  const auto parts =
      rc::gen::tuple(line, rc::gen::resize(3, rc::gen::container<std::vector<std::string>>(field)),
                     rc::gen::resize(6, rc::gen::container<std::vector<std::string>>(body)));
  return rc::gen::map(parts, [](const auto& all) {
    std::string text = std::get<0>(all) + "\r\nHost: a\r\n";
    for (const auto& part : std::get<1>(all)) text += part + "\r\n";
    text += "\r\n";
    for (const auto& part : std::get<2>(all)) text += part;
    return text + "GET / HTTP/1.1\r\n";
  });
}

RC_GTEST_PROP(RequestPeerProperty, NothingEndsElsewhereForAnother, ()) {
  const std::string text = *framed_request();
  const auto ours = read_ours(text);
  RC_TAG(ours.has_value() ? "accepted" : "refused");
  if (!ours) return;
  const auto theirs = read_theirs(text);
  RC_ASSERT(theirs.has_value());
  RC_ASSERT(*ours == *theirs);
  // It lets "keep-alive" win over "close" in HTTP/1.0; for us any "close" counts.
  RC_ASSERT(!ours->keep_alive || theirs->keep_alive);
}

}  // namespace
}  // namespace bunker::http
