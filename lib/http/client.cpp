#include "lib/http/client.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "lib/http/body_reader.h"
#include "lib/http/client_pool.h"
#include "lib/http/response_parser.h"
#include "lib/http/serializer.h"
#include "lib/http/syntax.h"

namespace bunker::http {

struct Client::State {
  net::Dialer& dialer;
  Options options;
};

namespace {

constexpr int kMostInterimResponses = 16;

using Key = ClientPool::Key;

iovec piece(std::string_view text) noexcept {
  return {const_cast<char*>(text.data()), text.size()};  // writing only reads it
}

// What came back, and the connection that it came on.
struct Reply {
  ResponseHead head;
  Buffer in;                // what followed the head
  bool sent_whole = false;  // the request's body, too
};

class ResponseBody final : public ByteSource {
 public:
  ResponseBody(ClientPool& pool, Key key, const Client::Options& options,
               std::unique_ptr<net::Stream> stream, Reply reply, BodyDecoder decoder)
      : pool_(pool),
        key_(std::move(key)),
        options_(options),
        stream_(std::move(stream)),
        reusable_(reply.head.keep_alive && reply.sent_whole),
        in_(std::move(reply.in)),
        reader_(*stream_, in_, pool.buffers, decoder) {}

  Task<Result<std::span<const std::byte>>> read() override {
    while (true) {
      const auto bytes = reader_.take();
      if (!reader_.malformed().empty()) {
        co_return fail(Code::invalid, "a response's body is malformed",
                       std::string(reader_.malformed()));
      }
      if (!bytes.empty()) co_return bytes;
      if (reader_.finished()) {
        finish();
        co_return std::span<const std::byte>();
      }
      BUNKER_CO_TRY(co_await reader_.refill());
    }
  }

  Task<std::size_t> read_to_pipe(int pipe, std::size_t most) override {
    return reader_.receive_to_pipe(pipe, most);
  }

 private:
  void finish() {
    reader_.release();
    const bool framed = reader_.decoder().framing() != BodyDecoder::Framing::until_close;
    if (!std::exchange(reusable_, false) || !framed || !in_.empty()) return;
    stream_->set_pace({});
    stream_->set_deadline(SteadyTime::max());
    pool_.keep(key_, std::move(stream_), options_.idle_connections, options_.idle_time);
  }

  ClientPool& pool_;
  Key key_;
  Client::Options options_;
  std::unique_ptr<net::Stream> stream_;
  bool reusable_;
  Buffer in_;
  BodyReader reader_;
};

bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

bool is_stream(const Body& body) noexcept {
  return std::holds_alternative<std::unique_ptr<ByteSource>>(body.content);
}

std::string host_field(const net::Destination& to) {
  std::string host = to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]";
  if (to.port != (to.tls ? 443U : 80U)) host += ":" + std::to_string(to.port);
  return host;
}

Result<std::string> head_of(const net::Destination& to, const ClientRequest& request) {
  if (!is_token(request.method) || !is_target(request.target)) {
    return fail(Code::invalid, "a request's method or target cannot be sent");
  }
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
  if (!request.headers.has("Host")) head += "Host: " + host_field(to) + "\r\n";
  for (const auto& [name, value] : request.headers.fields()) {
    if (!is_token(name) || !is_field_value(value)) {
      return fail(Code::invalid, "a request's header field cannot be sent");
    }
    head.append(name).append(": ").append(value).append("\r\n");
  }
  const bool has_body = request.body.length > 0 || request.method == "PUT" ||
                        request.method == "POST" || request.method == "PATCH";
  if (request.body.length == kUnknownLength) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (has_body) {
    head += "Content-Length: " + std::to_string(request.body.length) + "\r\n";
  }
  return head + "\r\n";
}

Task<Result<void>> send_stream(net::Stream& stream, std::string head, Body& body) {
  ByteSource& source = *std::get<std::unique_ptr<ByteSource>>(body.content);
  const bool chunked = body.length == kUnknownLength;
  std::uint64_t left = body.length;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(const auto part, co_await source.read());
    if (!chunked && (part.size() > left || (part.empty() && left > 0))) {
      co_return fail(Code::data_loss, "a request's body is not as long as was announced");
    }
    const std::string frame = chunked && !part.empty() ? chunk_header(part.size()) : "";
    const std::string_view tail = !chunked ? "" : part.empty() ? kLastChunk : "\r\n";
    std::array<iovec, 4> pieces{piece(head), piece(frame),
                                piece({reinterpret_cast<const char*>(part.data()), part.size()}),
                                piece(tail)};
    BUNKER_CO_TRY(co_await stream.write(pieces));
    if (!chunked) left -= part.size();
    if (part.empty() || left == 0) co_return Result<void>();
    head.clear();
  }
}

Task<Result<void>> send_request(net::Stream& stream, std::string head, Body& body) {
  if (is_stream(body)) co_return co_await send_stream(stream, std::move(head), body);
  std::array<iovec, 2> pieces{piece(head), iovec{}};
  if (const auto* bytes = std::get_if<SharedBytes>(&body.content)) pieces[1] = piece(**bytes);
  const auto* region = std::get_if<FileRegion>(&body.content);
  BUNKER_CO_TRY(co_await stream.write(pieces, region != nullptr));
  if (region != nullptr) BUNKER_CO_TRY(co_await stream.send_file(*region));
  co_return Result<void>();
}

// Reads the head of the final response, past interim ones (RFC 9110 §15.2). `answered`: whether
// anything came.
Task<Result<Reply>> receive_head(net::Stream& stream, HeadLimits limits, bool& answered) {
  Reply reply;
  reply.in = Buffer::allocate(kHeadBuffer);
  for (int interim = 0; interim < kMostInterimResponses; ++interim) {
    ResponseParser parser(limits);
    reply.head = ResponseHead();
    auto status = parser.parse(reply.in.text(), reply.head);
    while (status == ResponseParser::Status::need_more) {
      BUNKER_CO_TRY_ASSIGN(const std::size_t got, co_await stream.read_some(reply.in.room()));
      if (got == 0) co_return fail(Code::cancelled, "the server closed without an answer");
      answered = true;
      reply.in.end += got;
      status = parser.parse(reply.in.text(), reply.head);
    }
    if (status == ResponseParser::Status::malformed) {
      co_return fail(Code::invalid, "the answer is not HTTP", std::string(parser.error()));
    }
    reply.in.begin += parser.consumed();
    if (reply.head.status >= 200) co_return reply;
    if (reply.head.status == 101) break;
  }
  co_return fail(Code::invalid, "the server gives no final answer");
}

Task<Result<Reply>> exchange(net::Stream& stream, std::string head, Body& body, HeadLimits limits,
                             bool& answered) {
  auto sent = co_await send_request(stream, std::move(head), body);
  if (!sent && sent.error().code != Code::cancelled) {
    co_return std::unexpected(std::move(sent).error());
  }
  // A server that rejects a request may answer and close before it has read all of it.
  auto reply = co_await receive_head(stream, limits, answered);
  if (!sent && !reply) co_return std::unexpected(std::move(sent).error());
  if (reply) reply->sent_whole = sent.has_value();
  co_return reply;
}

}  // namespace

Client::Client(net::Dialer& dialer, Options options)
    : state_(std::make_shared<const State>(State{dialer, options})) {}

Client::~Client() = default;

Task<Result<ClientResponse>> Client::send(net::Destination to, ClientRequest request,
                                          SteadyTime deadline) {
  BUNKER_CO_TRY_ASSIGN(const std::string head, head_of(to, request));
  auto& pool = asio::use_service<ClientPool>((co_await asio::this_coro::executor).context());
  const Options& options = state_->options;
  const Key key{state_, to};
  const bool repeatable = is_idempotent(request.method) && !is_stream(request.body);
  std::unique_ptr<net::Stream> stream;
  Result<Reply> reply;
  while (true) {
    stream = pool.take(key);
    const bool kept = stream != nullptr;
    if (!kept) {
      BUNKER_CO_TRY_ASSIGN(stream, co_await state_->dialer.dial(to, deadline));
    }
    stream->set_deadline(deadline);
    stream->set_pace({options.stall_time, 1});
    bool answered = false;
    reply = co_await exchange(*stream, head, request.body,
                              {options.header_bytes, options.header_count}, answered);
    const bool stale = kept && !reply && !answered && reply.error().code == Code::cancelled;
    if (!stale || !repeatable) break;
  }
  if (!reply) co_return std::unexpected(std::move(reply).error());

  ClientResponse response;
  response.status = reply->head.status;
  response.headers = std::move(reply->head.headers);
  response.content_length = reply->head.content_length;
  const BodyDecoder decoder = response_body(reply->head, request.method == "HEAD");
  response.body = std::make_unique<ResponseBody>(pool, key, options, std::move(stream),
                                                 std::move(*reply), decoder);
  // Nothing to read: the connection is free at once, without the caller having to ask for the end.
  if (decoder.finished()) static_cast<void>(co_await response.body->read());
  co_return response;
}

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::invalid, "\"" + std::string(text) + "\" is not an http or https URL");
  };
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return bad();
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string authority(rest.substr(0, end));
  std::string target(rest.substr(end, rest.find('#') - end));
  Url url;
  url.destination.tls = equals_ignore_case(scheme, "https");
  if (!url.destination.tls && !equals_ignore_case(scheme, "http")) return bad();
  const auto bracket = authority.rfind(']');
  const auto port = authority.rfind(':');
  if (port == std::string::npos || (bracket != std::string::npos && port < bracket)) {
    authority += url.destination.tls ? ":443" : ":80";
  }
  const auto parts = net::split_host_port(authority);
  if (!parts || parts->host.empty() || !is_host(parts->host)) return bad();
  url.destination.host = parts->host;
  url.destination.port = parts->port;
  if (!target.starts_with('/')) target.insert(0, "/");
  if (!is_target(target)) return bad();
  url.target = std::move(target);
  return url;
}

}  // namespace bunker::http
