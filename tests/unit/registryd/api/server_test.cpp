// The API over real sockets and files: what only shows where a body is a stream and a connection
// can break.
#include "lib/http/server.h"

#include <cstdio>
#include <fstream>

#include "lib/runtime/blocking_pool.h"
#include "lib/runtime/io_threads.h"
#include "registryd/core/errors.h"
#include "registryd/storage/filesystem/filesystem_store.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/lib/http/raw_client.h"
#include "tests/unit/registryd/api/api_fixture.h"

namespace bunker::api {
namespace {

using http::testing::RawClient;
using http::testing::RawResponse;

// Whoever says "Authorization: yes" may do everything.
class YesOrNo final : public auth::Guard {
 public:
  Task<auth::Admission> admit(Context&, const http::Request& request,
                              std::vector<auth::Access>) override {
    if (request.headers.get("Authorization") == "yes") {
      auth::Identity identity;
      identity.user = "somebody";
      co_return identity;
    }
    co_return std::unexpected(
        auth::Refusal{Error(Code::unauthenticated, "no", "", registry::reason::kUnauthorized),
                      "Basic realm=\"test\"",
                      {}});
  }
  [[nodiscard]] bool may(const auth::Identity&, const auth::Access&) const override { return true; }
  [[nodiscard]] std::optional<access::View> view(const auth::Identity&) const override {
    return std::nullopt;
  }
};

class ServedTest : public testing::Test {
 protected:
  ServedTest() {
    log_fd_ = std::fopen(log_file_.c_str(), "w");
    Logger::Options log;
    log.format = LogFormat::json;
    log.fd = fileno(log_fd_);
    logger_ = std::make_unique<Logger>(std::move(log));

    storage::FilesystemOptions files;
    files.root = folder_ / "data";
    files.pool = &pool_;
    store_ = storage::open_filesystem_store(files).value();
    registry_ =
        std::make_unique<registry::Registry>(*store_, clock_, registry::Registry::Options());
    options_.secret = "a secret of the test";
  }
  ~ServedTest() override {
    stop();
    std::fclose(log_fd_);
  }

  // The address of a server, started at the first call.
  const std::string& address() {
    if (server_) return address_;
    http::Server::Options options;
    options.address = "127.0.0.1:0";
    options.refuse = make_refuse(options_);
    const Services services{*registry_, *logger_, metrics_, guard_};
    server_ = std::make_unique<http::Server>(threads_, std::move(options),
                                             make_handler(services, options_));
    EXPECT_TRUE(server_->start());
    threads_.start();
    address_ = server_->bound_address();
    return address_;
  }
  RawClient& client() {
    if (!client_) client_ = std::make_unique<RawClient>(address());
    return *client_;
  }
  RawResponse exchange(std::string_view line, const std::string& fields = "",
                       const std::string& body = "") {
    std::string request = std::string(line) + " HTTP/1.1\r\nHost: r.example\r\n" + fields;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client().send(request + "\r\n" + body);
    return client().receive(line.starts_with("HEAD"));
  }
  std::string push_blob(const std::string& bytes) {
    const std::string digest = sha256(bytes);
    const RawResponse answer = exchange("POST /v2/a/blobs/uploads/?digest=" + digest, "", bytes);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return digest;
  }
  std::string start_upload() {
    return exchange("POST /v2/a/blobs/uploads/", "Content-Length: 0\r\n").field("Location");
  }
  // Ends the server; what it logged, line by line.
  std::vector<nlohmann::json> log() {
    stop();
    logger_.reset();
    std::vector<nlohmann::json> lines;
    std::ifstream file(log_file_);
    for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  void stop() {
    client_.reset();
    if (server_) server_->drain(std::chrono::seconds(5));
    threads_.stop();
    pool_.wait_idle();
  }

  Options options_;
  auth::Guard* guard_ = nullptr;
  Metrics metrics_;

 private:
  TempFolder folder_;
  const std::string log_file_ = folder_ / "log";
  std::FILE* log_fd_ = nullptr;
  std::unique_ptr<Logger> logger_;
  SystemClock clock_;
  BlockingPool pool_{2};
  std::unique_ptr<storage::ObjectStore> store_;
  std::unique_ptr<registry::Registry> registry_;
  IoThreads threads_{2};
  std::unique_ptr<http::Server> server_;
  std::string address_;
  std::unique_ptr<RawClient> client_;
};

const std::string kBlob = [] {
  std::string bytes(3'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  return bytes;
}();

TEST_F(ServedTest, BlobByAllWaysOnOneConnection) {
  const std::string path = "/v2/a/blobs/" + push_blob(kBlob);
  const RawResponse whole = exchange("GET " + path);
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(whole.body == kBlob);
  EXPECT_EQ(whole.field("Content-Length"), std::to_string(kBlob.size()));
  const RawResponse head = exchange("HEAD " + path);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Length"), std::to_string(kBlob.size()));
  const RawResponse range = exchange("GET " + path, "Range: bytes=1000-2000999\r\n");
  EXPECT_EQ(range.status, 206);
  EXPECT_TRUE(range.body == kBlob.substr(1000, 2'000'000));
  const RawResponse ranges = exchange("GET " + path, "Range: bytes=7-9,2000000-2999999\r\n");
  EXPECT_EQ(ranges.status, 206);
  EXPECT_EQ(ranges.field("Content-Length"), std::to_string(ranges.body.size()));
  EXPECT_NE(ranges.body.find("Content-Range: bytes 7-9/3000000"), std::string::npos);
  EXPECT_NE(ranges.body.find(kBlob.substr(2'000'000)), std::string::npos);
  const RawResponse unmodified =
      exchange("GET " + path, "If-None-Match: " + whole.field("Etag") + "\r\n");
  EXPECT_EQ(unmodified.status, 304);
  EXPECT_EQ(exchange("GET /v2/").status, 200);
}

TEST_F(ServedTest, ChunkedUpload) {
  const std::string location = start_upload();
  client().send("PATCH " + location +
                " HTTP/1.1\r\nHost: r.example\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
  const RawResponse patched = client().receive();
  EXPECT_EQ(patched.status, 202);
  EXPECT_EQ(patched.field("Range"), "0-6");
  const RawResponse done = exchange(
      "PUT " + patched.field("Location") + "&digest=" + sha256("abcdefg"), "Content-Length: 0\r\n");
  EXPECT_EQ(done.status, 201) << done.body;
  EXPECT_EQ(exchange("GET " + done.field("Location")).body, "abcdefg");
}

TEST_F(ServedTest, PipelinedRequestsAreAnsweredInOrder) {
  const std::string path = "/v2/a/blobs/" + push_blob("first");
  client().send("GET " + path + " HTTP/1.1\r\nHost: r\r\n\r\n" + "HEAD " + path +
                " HTTP/1.1\r\nHost: r\r\n\r\n" + "GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\n");
  EXPECT_EQ(client().receive().body, "first");
  EXPECT_EQ(client().receive(true).field("Content-Length"), "5");
  EXPECT_EQ(client().receive().body, "{}");
}

TEST_F(ServedTest, StrangersGetTheir401BeforeTheirBodyIsAskedFor) {
  YesOrNo rights;
  guard_ = &rights;
  client().send(
      "PUT /v2/a/blobs/uploads/u?_state=x HTTP/1.1\r\nHost: r\r\n"
      "Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n");
  const RawResponse answer = client().receive();
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.field("WWW-Authenticate"), "Basic realm=\"test\"");
  EXPECT_NE(answer.body.find("UNAUTHORIZED"), std::string::npos);
  stop();
}

TEST_F(ServedTest, StrangersWhoSendAtOnceStillReadTheir401) {
  YesOrNo rights;
  guard_ = &rights;
  const RawResponse answer =
      exchange("POST /v2/a/blobs/uploads/?digest=" + sha256(kBlob), "", kBlob);
  EXPECT_EQ(answer.status, 401);
  EXPECT_TRUE(answer.complete);
  stop();
}

TEST_F(ServedTest, BrokenUploadLeavesItsStateAsItWas) {
  const std::string before = start_upload();
  const std::string location = exchange("PATCH " + before, "", "abc").field("Location");
  for (const char* const body : {"Content-Length: 100\r\n\r\nxyz",
                                 "Transfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\nnonsense\r\n"}) {
    RawClient broken(address());
    broken.send("PATCH " + location + " HTTP/1.1\r\nHost: r.example\r\n" + body);
    broken.finish_sending();
    broken.receive();
  }
  const RawResponse status = exchange("GET " + location);
  EXPECT_EQ(status.status, 204) << status.body;
  EXPECT_EQ(status.field("Range"), "0-2");
  const RawResponse done = exchange("PUT " + location + "&digest=" + sha256("abcd"), "", "d");
  EXPECT_EQ(done.status, 201) << done.body;
}

TEST_F(ServedTest, MalformedRequestsAreRefusedInTheApisForm) {
  options_.headers = {{"X-Content-Type-Options", "nosniff"}};
  const RawResponse answer = client().exchange("GET /v2/ HTTP/1.1\r\nHost : r\r\n\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.field("Docker-Distribution-API-Version"), "registry/2.0");
  EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
  EXPECT_TRUE(nlohmann::json::parse(answer.body).contains("errors")) << answer.body;
}

TEST_F(ServedTest, LogsAndCountsWhatWasDelivered) {
  const std::string path = "/v2/a/blobs/" + push_blob(kBlob);
  EXPECT_EQ(exchange("GET " + path).body.size(), kBlob.size());
  EXPECT_EQ(exchange("HEAD " + path).status, 200);
  {
    RawClient leaves(address(), 4096);
    leaves.send("GET " + path + " HTTP/1.1\r\nHost: r\r\n\r\n");
    EXPECT_NE(leaves.receive_some(), "");
    leaves.reset();
  }
  // Each line is written when its answer has left, on the connection's own thread: in any order.
  std::vector<nlohmann::json> gets, heads, broken;
  for (const auto& line : log()) {
    if (line["method"] == "HEAD") heads.push_back(line);
    if (line["method"] == "GET") (line["whole"] == true ? gets : broken).push_back(line);
  }
  ASSERT_EQ(gets.size(), 1);
  EXPECT_EQ(gets[0]["bytes"], kBlob.size());
  ASSERT_EQ(heads.size(), 1);
  EXPECT_EQ(heads[0]["bytes"], 0);
  ASSERT_EQ(broken.size(), 1);
  EXPECT_EQ(broken[0]["whole"], false);
  EXPECT_LT(broken[0]["bytes"], kBlob.size());
  EXPECT_GT(broken[0]["bytes"], 0);
  const std::string text = metrics_.expose("").body;
  EXPECT_NE(text.find("registry_http_in_flight_requests{handler=\"blob\"} 0"), std::string::npos);
  EXPECT_NE(text.find("registry_http_response_size_bytes_count{handler=\"blob\"} 3"),
            std::string::npos);
}

}  // namespace
}  // namespace bunker::api
