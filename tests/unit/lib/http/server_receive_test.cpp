// Bodies that a handler receives into memory of its own.
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/unit/lib/http/pattern.h"
#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

using std::chrono::milliseconds;

// Answers with what the body held, received into memory of its own where that can be had; and
// counts the bytes that were.
Handler receive_into_own_memory(std::atomic<std::size_t>& moved) {
  return [&](Context&, Request& request) -> Task<Response> {
    std::string memory(300'000, '-');
    std::string all;
    while (true) {
      const std::size_t room = 1 + all.size() % memory.size();
      const std::size_t got =
          co_await request.body->read_into(std::as_writable_bytes(std::span(memory).first(room)));
      EXPECT_LE(got, room);
      all.append(memory, 0, got);
      moved += got;
      if (got > 0) continue;
      const auto piece = co_await request.body->read();
      if (!piece) all += "broken";
      if (!piece || piece->empty()) break;
      all.append(reinterpret_cast<const char*>(piece->data()), piece->size());
    }
    Response response;
    response.body = Body(std::move(all));
    co_return response;
  };
}

TEST_F(ServerTest, BodiesAreReceivedIntoTheHandlersMemory) {
  std::atomic<std::size_t> moved = 0;
  const auto running = serve(receive_into_own_memory(moved));
  const std::string body = pattern(9'000'001);
  RawClient client(address_);
  std::thread sender([&] {
    for (int i = 0; i < 2; ++i) {
      client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9000001\r\n\r\n");
      client.send(body);
    }
    client.send("PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n895441\r\n");
    client.send(body);
    client.send("\r\n0\r\n\r\n");
  });
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client.receive().body == body);
  EXPECT_GT(moved, body.size());  // of both
  const std::size_t sized = moved;
  EXPECT_TRUE(client.receive().body == body);
  EXPECT_EQ(moved, sized) << "chunks have framing between them";
  sender.join();
}

TEST_F(ServerTest, ABodyThatIsReceivedIntoTheHandlersMemoryIsContinuedAndBounded) {
  Server::Options options;
  options.limits.stall_time = milliseconds(200);
  std::atomic<std::size_t> moved = 0;
  const auto running = serve(receive_into_own_memory(moved), std::move(options));
  RawClient waits(address_);
  waits.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(waits.receive().status, 100);
  waits.send(std::string(100'000, 'x'));
  EXPECT_TRUE(waits.receive().body == std::string(100'000, 'x'));
  EXPECT_GT(moved, 0U);
  RawClient stalls(address_);
  stalls.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
  EXPECT_EQ(stalls.receive().status, 408);
  RawClient leaves(address_);
  leaves.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
  leaves.finish_sending();
  EXPECT_TRUE(leaves.closed());
}

}  // namespace
}  // namespace bunker::http::testing
