// What an object store is told about the bytes that it is sent: signed with their hash where
// somebody on the way could change them.
#include <mutex>

#include <gtest/gtest.h>

#include "lib/base/encoding.h"
#include "lib/http/server.h"
#include "lib/runtime/blocking_pool.h"
#include "lib/runtime/io_threads.h"
#include "registryd/storage/s3/credentials.h"
#include "registryd/storage/s3/hash.h"
#include "registryd/storage/s3/http_fetcher.h"
#include "registryd/storage/s3/s3_store.h"

namespace bunker::storage::s3 {
namespace {

// Reaches one server, whoever is called.
class Detour final : public net::Dialer {
 public:
  Detour(net::Dialer& inner, const std::string& address)
      : inner_(inner), to_(http::parse_url("http://" + address)->destination) {}
  Task<Result<std::unique_ptr<net::Stream>>> dial(net::Destination, SteadyTime deadline) override {
    return inner_.dial(to_, deadline);
  }

 private:
  net::Dialer& inner_;
  const net::Destination to_;
};

class PayloadSigning : public ::testing::Test {
 protected:
  PayloadSigning() {
    http::Server::Options options;
    options.address = "127.0.0.1:0";
    server_ = std::make_unique<http::Server>(
        threads_, std::move(options),
        [this](Context&, http::Request& request) { return note(request); });
    EXPECT_TRUE(server_->start());
    threads_.start();
  }

  Task<http::Response> note(http::Request& request) {
    auto body = co_await read_all(*request.body, 1 << 20);
    const std::lock_guard lock(mutex_);
    body_ = body.value_or("");
    claimed_ = request.headers.get("x-amz-content-sha256").value_or("");
    co_return http::Response(200);
  }

  // What the store was told about an upload's bytes.
  std::string claim(const std::string& endpoint, std::optional<bool> sign = {}) {
    StoreOptions options;
    options.settings.endpoint = endpoint;
    options.settings.bucket = "images";
    options.settings.sign_payloads = sign;
    Detour detour(dialer_, server_->bound_address());
    ClientFetcher fetcher(detour);
    SourceOptions keys;
    keys.access_key = "key";
    keys.secret_key = "secret";
    CredentialKeeper credentials(
        make_sources(keys, [](const char*) { return std::string(); }, fetcher), clock_);
    const auto store = make_s3_store(std::move(options), {detour, credentials, clock_}).value();
    EXPECT_TRUE(run_task(upload(*store)));
    EXPECT_EQ(body_, "bytes");
    return claimed_;
  }
  static Task<Result<void>> upload(ObjectStore& store) {
    Context context;
    BUNKER_CO_TRY_ASSIGN(auto writer, co_await store.open_upload(context, "scratch", "", 0, 5));
    BUNKER_CO_TRY(co_await writer->write(std::as_bytes(std::span("bytes", 5))));
    co_return co_await writer->commit("key");
  }

  const std::string hash_ = hex_encode(sha256("bytes"));
  SystemClock clock_;
  IoThreads threads_{1};
  std::unique_ptr<http::Server> server_;
  BlockingPool pool_{1};
  net::SocketDialer dialer_{pool_, nullptr};
  std::mutex mutex_;
  std::string body_, claimed_;
};

TEST_F(PayloadSigning, IsForTheNetworkAlone) {
  EXPECT_EQ(claim("http://store.example"), hash_);
  EXPECT_EQ(claim("http://10.1.2.3:9000"), hash_);
  EXPECT_EQ(claim("http://127.0.0.1:9000"), "UNSIGNED-PAYLOAD");
  EXPECT_EQ(claim("http://localhost:9000"), "UNSIGNED-PAYLOAD");
  EXPECT_EQ(claim("https://store.example"), "UNSIGNED-PAYLOAD");
}

TEST_F(PayloadSigning, CanBeChosen) {
  EXPECT_EQ(claim("https://store.example", true), hash_);
  EXPECT_EQ(claim("http://127.0.0.1:9000", true), hash_);
  EXPECT_EQ(claim("http://store.example", false), "UNSIGNED-PAYLOAD");
}

}  // namespace
}  // namespace bunker::storage::s3
