// One client's connection to a Server, from accept to close. Private to lib/http.
// Thread rule: its worker's thread. Owner: the frame of the coroutine that runs it.
#pragma once

#include <memory>
#include <string>

#include "lib/http/request_body.h"
#include "lib/http/request_parser.h"
#include "lib/http/serializer.h"
#include "lib/http/server_state.h"
#include "lib/net/stream.h"

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
  // Breaks the connection now.
  void cut() noexcept { stream_->shutdown(); }

 private:
  // How a connection goes on after a request.
  enum class Next : unsigned char {
    keep,    // to the next request
    close,   // ends; all that the client sent has been read
    linger,  // ends, while the client may still be sending
  };

  // How far the next request's head has come.
  enum class Head : unsigned char { need_more, complete, refused, gone };

  Task<void> serve_requests();
  Head parse_head();
  Head read_head();
  Task<Head> await_head();
  Task<Next> serve();
  Task<Next> refuse(Refusal refusal);
  Task<std::optional<Response>> call_handler(Context& context, Request& request);
  Task<Result<void>> send(Response& response, ResponsePlan& plan);
  Task<Result<void>> send_stream(ByteSource& source, Response& response, ResponsePlan& plan);
  void start_exchange();
  void end_exchange();

  std::shared_ptr<ServerState> state_;
  Worker& worker_;
  std::unique_ptr<net::Stream> stream_;
  std::string peer_;
  std::unique_ptr<Exchange> exchange_;  // null while idle
  RequestParser parser_;
  bool idle_ = true;
  std::size_t index_ = 0;  // in worker_.connections
};

}  // namespace bunker::http
