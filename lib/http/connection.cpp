#include "lib/http/connection.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

namespace bunker::http {
namespace {

// At once, where a pipe holds so much: others on the thread get their turn.
constexpr std::uint64_t kMostSpliced = std::uint64_t{1} << 20;

iovec piece(std::string_view text) noexcept {
  return {const_cast<char*>(text.data()), text.size()};  // writing only reads it
}

// Leaves the strings' memory in place for the next request.
void clear(Request& request) {
  request.method = Method::other;
  request.method_name.clear();
  request.path.clear();
  request.query.clear();
  request.minor_version = 1;
  request.headers.clear();
  request.content_length.reset();
  request.body = nullptr;
}

}  // namespace

Connection::Connection(std::shared_ptr<ServerState> state, Worker& worker,
                       std::unique_ptr<net::Stream> stream, std::string peer)
    : state_(std::move(state)),
      worker_(worker),
      stream_(std::move(stream)),
      tls_(state_->options.tls != nullptr ? static_cast<net::TlsStream*>(stream_.get()) : nullptr),
      peer_(std::move(peer)),
      parser_({state_->options.limits.header_bytes, state_->options.limits.header_count}),
      index_(worker.connections.size()) {
  worker_.connections.push_back(this);
  if (state_->options.observer.connections) state_->options.observer.connections(1);
}

Connection::~Connection() {
  worker_.connections.back()->index_ = index_;
  worker_.connections[index_] = worker_.connections.back();
  worker_.connections.pop_back();
  if (state_->options.observer.connections) state_->options.observer.connections(-1);
  stream_.reset();  // closed before the drain learns of it
  state_->leave(state_->connections);
}

Task<void> Connection::run(std::unique_ptr<Connection> connection) {
  Next next = co_await connection->secure();
  if (next == Next::keep) next = co_await connection->serve_requests();
  if (next == Next::linger) {
    co_await connection->stream_->linger(kLingerSilence, kLingerLimit);
  } else if (next == Next::close && connection->tls_ != nullptr) {
    connection->stream_->shutdown_send();  // without close_notify, an end looks like an attack
  }
}

void Connection::wind_down() noexcept {
  if (idle_) stream_->interrupt();
}

void Connection::start_exchange() {
  exchange_ = worker_.take_exchange();
  Peer& peer = exchange_->request.peer;
  peer.address = peer_;
  peer.tls = tls_ != nullptr;
  peer.certificate = proof_.certificate();
}

void Connection::end_exchange() {
  exchange_->request.peer.certificate.reset();
  worker_.give_back(std::move(exchange_));
}

Task<Connection::Next> Connection::serve_requests() {
  Next next = Next::keep;
  while (next == Next::keep) {
    Head head = Head::need_more;
    if (exchange_) {
      head = parse_head();  // what came behind the previous request
    } else {
      stream_->set_pace({});
      stream_->set_deadline(idle_deadline());
      idle_ = !state_->draining;
      if (idle_ && !co_await stream_->wait(net::Want::read) && !state_->draining) {
        co_return Next::close;
      }
      idle_ = false;
      start_exchange();
      head = read_head();
      if (head == Head::need_more && exchange_->in.empty()) {
        end_exchange();
        if (state_->draining) co_return Next::close;
        continue;
      }
    }
    if (head == Head::need_more) head = co_await await_head();
    if (head == Head::gone) co_return Next::abort;
    if (const auto why = head == Head::complete ? distrusted() : std::nullopt) {
      next = co_await refuse({403, *why});
    } else if (head == Head::complete) {
      stream_->set_deadline(SteadyTime::max());
      next = co_await serve();
    } else {
      next = co_await refuse(parser_.refusal());
    }
    parser_.reset();
    clear(exchange_->request);
    if (exchange_->in.empty()) end_exchange();
  }
  if (exchange_) end_exchange();
  co_return next;
}

Connection::Head Connection::parse_head() {
  switch (parser_.parse(exchange_->in.text(), exchange_->request)) {
    case RequestParser::Status::done:
      return Head::complete;
    case RequestParser::Status::refused:
      return Head::refused;
    case RequestParser::Status::need_more:
      break;
  }
  return Head::need_more;
}

Connection::Head Connection::read_head() {
  const net::Attempt attempt = stream_->try_read(exchange_->in.room());
  switch (attempt.status) {
    case net::Attempt::Status::done:
      exchange_->in.end += attempt.bytes;
      return parse_head();
    case net::Attempt::Status::want_read:
    case net::Attempt::Status::want_write:
      return Head::need_more;
    case net::Attempt::Status::eof:
    case net::Attempt::Status::error:
      break;
  }
  return Head::gone;
}

// The rest of a head that has begun to arrive.
Task<Connection::Head> Connection::await_head() {
  stream_->set_deadline(std::chrono::steady_clock::now() + state_->options.limits.header_time);
  Head head = Head::need_more;
  while (head == Head::need_more) {
    if (auto ready = co_await stream_->wait(net::Want::read); !ready) {
      if (ready.error().code != Code::retry_later) co_return Head::gone;
      parser_.refuse(408, "the request's head did not arrive in time");
      co_return Head::refused;
    }
    head = read_head();
  }
  co_return head;
}

Task<Connection::Next> Connection::serve() {
  const Limits& limits = state_->options.limits;
  Request& request = exchange_->request;
  exchange_->in.begin += parser_.consumed();
  stream_->set_pace({limits.stall_time, limits.stall_bytes});
  if (request.content_length.value_or(0) > limits.body_bytes) {
    co_return co_await refuse({413, "the request's body is too large"});
  }

  RequestBody body(*stream_, exchange_->in, worker_.body_buffers,
                   parser_.chunked() ? BodyDecoder::chunked()
                                     : BodyDecoder::with_length(*request.content_length),
                   parser_.expects_continue(), limits.body_bytes);
  request.body = &body;
  Context context;
  auto response = co_await call_handler(context, request);
  if (!response) response = state_->refuse(500, "an internal error; the log says more");
  auto on_delivered = std::exchange(response->on_delivered, nullptr);
  if (body.failed()) {
    const auto refusal = body.refusal();
    if (on_delivered) on_delivered({refusal ? refusal->status : response->status, 0, false});
    if (refusal) co_return co_await refuse(*refusal);
    co_return Next::abort;
  }

  const bool close =
      !parser_.keep_alive() || state_->draining || !body.drainable(limits.drain_bytes);
  ResponsePlan plan = plan_response(*response, request.method, request.minor_version, close);
  const std::uint64_t moved = stream_->moved();
  const Result<void> sent = co_await send(*response, plan);
  if (on_delivered) {
    const std::uint64_t bytes = stream_->moved() - moved;
    const std::uint64_t head = std::min<std::uint64_t>(bytes, exchange_->head_bytes);
    on_delivered({response->status, bytes - head, sent.has_value()});
  }
  if (!sent) co_return Next::abort;
  if (plan.close) {
    const bool expected = !parser_.keep_alive() && body.finished();
    co_return expected ? Next::close : Next::linger;
  }
  co_return co_await body.drain(limits.drain_bytes) ? Next::keep : Next::linger;
}

Task<std::optional<Response>> Connection::call_handler(Context& context, Request& request) {
  try {
    co_return co_await state_->handler(context, request);
  } catch (const std::exception& error) {
    state_->note_failed(error.what());
  } catch (...) {
    state_->note_failed("an exception of an unknown type");
  }
  co_return std::nullopt;
}

Task<Connection::Next> Connection::refuse(Refusal refusal) {
  state_->note_refused(refusal.reason);
  const Limits& limits = state_->options.limits;
  stream_->set_deadline(SteadyTime::max());
  stream_->set_pace({limits.stall_time, limits.stall_bytes});
  Response response = state_->refuse(refusal.status, refusal.reason);
  const Request& request = exchange_->request;
  ResponsePlan plan = plan_response(response, request.method, request.minor_version, true);
  exchange_->in.begin = exchange_->in.end;
  if (!co_await send(response, plan)) co_return Next::abort;
  co_return Next::linger;
}

Task<Result<void>> Connection::send(Response& response, ResponsePlan& plan) {
  auto* stream = std::get_if<std::unique_ptr<ByteSource>>(&response.body.content);
  if (plan.has_body && stream != nullptr) {
    co_return co_await send_stream(**stream, response, plan);
  }
  std::string& head = exchange_->head;
  head.clear();
  append_head(head, response, plan, worker_.date(), exchange_->request.minor_version);
  exchange_->head_bytes = head.size();
  std::array<iovec, 2> pieces{piece(head), iovec{}};
  if (!plan.has_body) co_return co_await stream_->write(pieces);
  if (const auto* region = std::get_if<FileRegion>(&response.body.content)) {
    BUNKER_CO_TRY(co_await stream_->write(pieces, true));
    auto sent = co_await stream_->send_file(*region);
    if (!sent && sent.error().code == Code::data_loss) state_->note_failed(sent.error().message);
    co_return sent;
  }
  pieces[1] = piece(*std::get<SharedBytes>(response.body.content));
  co_return co_await stream_->write(pieces);
}

Task<Result<void>> Connection::splice(ByteSource& source, std::uint64_t& left) {
  auto pipe = stream_->splices() ? worker_.pipes.take() : std::nullopt;
  while (pipe && left > 0) {
    const std::size_t most = std::min<std::uint64_t>(left, kMostSpliced);
    const std::size_t moved = co_await source.read_to_pipe(pipe->in->fd(), most);
    if (moved == 0) break;
    BUNKER_CO_TRY(co_await stream_->send_from_pipe(pipe->out->fd(), moved));
    left -= moved;
  }
  if (pipe) worker_.pipes.give_back(*std::move(pipe));
  co_return Result<void>();
}

Task<Result<void>> Connection::send_stream(ByteSource& source, Response& response,
                                           ResponsePlan& plan) {
  std::string& head = exchange_->head;
  head.clear();
  std::uint64_t left = plan.content_length.value_or(kUnknownLength);
  bool begun = false;
  while (true) {
    const auto part = co_await source.read();
    const bool wrong =
        part && plan.content_length && (part->size() > left || (part->empty() && left > 0));
    if (!part || wrong) {
      state_->note_failed(part ? "a response's body is not as long as was announced"
                               : std::string_view(part.error().message));
      if (!begun) {
        response = state_->refuse(500, "the content could not be read");
        plan = plan_response(response, exchange_->request.method, 1, true);
        break;
      }
      // A body that only the end of the connection ends must not seem complete.
      if (!plan.chunked && !plan.content_length) stream_->reset_on_close();
      co_return fail(Code::cancelled, "a response broke off");
    }
    if (!begun) {
      append_head(head, response, plan, worker_.date(), exchange_->request.minor_version);
      exchange_->head_bytes = head.size();
    }
    begun = true;
    left -= plan.content_length ? part->size() : 0;
    const bool last = part->empty() || left == 0;
    const std::string frame = plan.chunked && !part->empty() ? chunk_header(part->size()) : "";
    const std::string_view tail = !plan.chunked ? "" : part->empty() ? kLastChunk : "\r\n";
    std::array<iovec, 4> pieces{piece(head), piece(frame),
                                piece({reinterpret_cast<const char*>(part->data()), part->size()}),
                                piece(tail)};
    BUNKER_CO_TRY(co_await stream_->write(pieces));
    head.clear();
    if (!last && plan.content_length) BUNKER_CO_TRY(co_await splice(source, left));
    if (left == 0)
      static_cast<void>(co_await source.read());  // its end: it lets go of what it uses
    if (last || left == 0) co_return Result<void>();
  }
  append_head(head, response, plan, worker_.date(), exchange_->request.minor_version);
  exchange_->head_bytes = head.size();
  std::array<iovec, 2> pieces{piece(head), iovec{}};
  if (plan.has_body) pieces[1] = piece(*std::get<SharedBytes>(response.body.content));
  co_return co_await stream_->write(pieces);
}

}  // namespace bunker::http
