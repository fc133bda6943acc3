// One client's connection to a Server, from accept to close. Private to lib/http.
// Thread rule: its worker's thread. Owner: the frame of the coroutine that runs it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/http/request_body.h"
#include "lib/http/request_parser.h"
#include "lib/http/serializer.h"
#include "lib/http/server_state.h"
#include "lib/net/stream.h"
#include "lib/net/tls_server.h"
#include "lib/net/tls_stream.h"

namespace bunker::http {

class Connection {
 public:
  // The caller has counted the connection with ServerState::enter().
  Connection(std::shared_ptr<ServerState> state, Worker& worker,
             std::unique_ptr<net::Stream> stream, std::string peer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves requests until either side ends the connection.
  static Task<void> run(std::unique_ptr<Connection> connection);

  // The server drains: an idle connection ends, a busy one after its response.
  void wind_down() noexcept;
  // An idle connection ends if its client's certificate does not hold any more.
  void close_untrusted();
  // Breaks the connection now.
  void cut() noexcept { stream_->shutdown(); }

 private:
  // How a connection goes on after a request.
  enum class Next : unsigned char {
    keep,    // to the next request
    close,   // ends; all that the client sent has been read
    linger,  // ends, while the client may still be sending
    abort,   // ends, and must not seem to have ended well
  };

  // How far the next request's head has come.
  enum class Head : unsigned char { need_more, complete, refused, gone };

  // Shakes hands, where the server has TLS. How to go on.
  Task<Next> secure();
  Next refuse_plain_http();
  // Whether the client's certificate holds; else why not, for the client.
  [[nodiscard]] std::optional<std::string> distrusted();
  // When a connection that waits for a request has waited long enough.
  [[nodiscard]] SteadyTime idle_deadline() const;
  Task<Next> serve_requests();
  Head parse_head();
  Head read_head();
  Task<Head> await_head();
  Task<Next> serve();
  Task<Next> refuse(Refusal refusal);
  Task<std::optional<Response>> call_handler(Context& context, Request& request);
  Task<Result<void>> send(Response& response, ResponsePlan& plan);
  Task<Result<void>> send_stream(ByteSource& source, Response& response, ResponsePlan& plan);
  // Moves what `source` yields to the client without copying it, as long as both can; of the `left`
  // bytes that are to be sent, those that it leaves are to be read.
  Task<Result<void>> splice(ByteSource& source, std::uint64_t& left);
  void start_exchange();
  void end_exchange();

  std::shared_ptr<ServerState> state_;
  Worker& worker_;
  std::unique_ptr<net::Stream> stream_;
  net::TlsStream* tls_;  // the same, where it is one
  net::TlsPeer proof_;
  std::string peer_;
  std::unique_ptr<Exchange> exchange_;  // null while idle
  RequestParser parser_;
  bool idle_ = true;
  std::size_t index_ = 0;  // in worker_.connections
};

}  // namespace bunker::http
