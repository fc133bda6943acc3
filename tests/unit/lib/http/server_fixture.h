// A server on a loopback port with a handler that the test gives, for tests over real sockets.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "lib/http/server.h"
#include "lib/net/address.h"
#include "lib/runtime/io_threads.h"
#include "tests/unit/lib/http/raw_client.h"

namespace bunker::http::testing {

class ServerTest : public ::testing::Test {
 protected:
  // Ends the server before what its handler and observer refer to: the locals declared above it.
  class Running {
   public:
    explicit Running(ServerTest& test) : test_(test) {}
    ~Running() { test_.server_.reset(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    ServerTest& test_;
  };

  [[nodiscard]] Running serve(Handler handler, Server::Options options = {}) {
    if (options.address.empty()) options.address = "127.0.0.1:0";
    server_ = std::make_unique<Server>(threads_, std::move(options), std::move(handler));
    const auto started = server_->start();
    EXPECT_TRUE(started) << to_string(started.error());
    threads_.start();
    address_ = server_->bound_address();
    return Running(*this);
  }

  IoThreads threads_{2};
  std::unique_ptr<Server> server_;
  std::string address_;
};

// A handler that answers with the request's line and body: "PUT /a?b 1.1\n<body>".
inline Handler echo() {
  return [](Context&, Request& request) -> Task<Response> {
    auto body = co_await read_all(*request.body, std::size_t{1} << 30);
    if (!body) co_return Response(500);
    Response response;
    response.headers.add("Content-Type", "text/plain");
    response.body =
        Body(request.method_name + " " + request.path + "?" + request.query + "\n" + *body);
    co_return response;
  };
}

}  // namespace bunker::http::testing
