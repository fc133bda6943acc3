#include "lib/kube/rest_client.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/kube/object_json.h"
#include "tests/support/script_server.h"

namespace bunker::kube {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Exchange = ScriptServer::Exchange;

const Resource kConfigs = builtin_resource({"", "v1", "ConfigMap"}).value();
const ObjectKey kKey{"ns", "a"};

constexpr const char* kObject =
    R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"ns"}})";

std::string status(int code, const std::string& reason, const std::string& message) {
  return R"({"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" + reason +
         R"(","message":")" + message + R"("})";
}

std::string chunk(const std::string& text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

constexpr const char* kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

class RestClientTest : public testing::Test {
 protected:
  Client& connect_to(const ScriptServer& server) {
    ConnectionOptions connection;
    connection.server = server.url();
    connection.credentials.token = "t0ken";
    RestClient::Options options;
    options.timeout = 20s;
    options.retry.base = 1ms;
    options.stop = stop_.get_token();
    client_ = connect(connection, options, clock_, metrics_).value();
    return *client_;
  }

  SystemClock clock_;
  Metrics metrics_;
  std::stop_source stop_;
  std::unique_ptr<Client> client_;
};

TEST_F(RestClientTest, AsksAsTheApiServerWants) {
  std::vector<std::string> requests;
  ScriptServer server([&](const Exchange& exchange) {
    requests.push_back(exchange.request());
    exchange.answer(200, kObject);
  });
  Client& client = connect_to(server);
  const Object object = Object::parse(kObject).value();
  EXPECT_EQ(client.get(kConfigs, kKey).value(), object);
  EXPECT_TRUE(client.create(kConfigs, object));
  EXPECT_TRUE(client.apply(kConfigs, object, {"me", true, "status"}));
  EXPECT_TRUE(client.merge(kConfigs, kKey, object));
  EXPECT_TRUE(client.remove(kConfigs, kKey, {"u-1", "7"}));
  ASSERT_EQ(requests.size(), 5u);
  EXPECT_THAT(requests[0], StartsWith("GET /api/v1/namespaces/ns/configmaps/a HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("Authorization:Bearer t0ken\r\n"));
  EXPECT_THAT(requests[1], StartsWith("POST /api/v1/namespaces/ns/configmaps HTTP/1.1\r\n"));
  EXPECT_THAT(requests[2], StartsWith("PATCH /api/v1/namespaces/ns/configmaps/a/status?"
                                      "fieldManager=me&force=true HTTP/1.1\r\n"));
  EXPECT_THAT(requests[2], HasSubstr("Content-Type:application/apply-patch+yaml"));
  EXPECT_THAT(requests[3], HasSubstr("Content-Type:application/merge-patch+json"));
  EXPECT_THAT(requests[4], StartsWith("DELETE /api/v1/namespaces/ns/configmaps/a HTTP/1.1\r\n"));
  EXPECT_THAT(requests[4], HasSubstr(R"("resourceVersion":"7")"));
}

TEST_F(RestClientTest, ListsPageByPageAndSaysWhatTheItemsAre) {
  ScriptServer server([&](const Exchange& exchange) {
    const bool first = exchange.request().find("continue=") == std::string::npos;
    exchange.answer(200, first ? R"({"metadata":{"resourceVersion":"5","continue":"next/1"},
                                    "items":[{"metadata":{"name":"a"}}]})"
                               : R"({"metadata":{"resourceVersion":"5"},
                                    "items":[{"metadata":{"name":"b"}}]})");
  });
  std::vector<std::string> names;
  const auto version = connect_to(server).list(kConfigs, {}, [&](const Object& object) {
    names.push_back(object.gvk().kind + " " + std::string(object.name()));
  });
  EXPECT_EQ(version.value(), "5");
  EXPECT_THAT(names, ElementsAre("ConfigMap a", "ConfigMap b"));
}

// What was handed over may be gone in another answer, so it is the caller who begins anew.
TEST_F(RestClientTest, AListThatBreaksOffIsNotRepeatedBehindItsReader) {
  std::atomic<int> requests = 0;
  ScriptServer server([&](const Exchange& exchange) {
    ++requests;
    exchange.send(kChunked + chunk(R"({"items":[{"metadata":{"name":"a"}},{"meta)"));
  });  // and closes
  std::vector<std::string> names;
  const auto version = connect_to(server).list(
      kConfigs, {}, [&](const Object& object) { names.emplace_back(object.name()); });
  EXPECT_EQ(version.error().code, Code::retry_later);
  EXPECT_THAT(names, ElementsAre("a"));
  EXPECT_EQ(requests, 1);
}

TEST_F(RestClientTest, AListThatBrokeOffBeforeAnItemOrOnALaterPageIsRepeated) {
  std::atomic<int> requests = 0;
  ScriptServer server([&](const Exchange& exchange) {
    const int number = ++requests;
    if (number == 1) {
      exchange.send(kChunked + chunk(R"({"items":[{"metadata":)"));
    } else if (number == 2) {
      exchange.answer(200, R"({"metadata":{"resourceVersion":"5","continue":"next"},
                               "items":[{"metadata":{"name":"a"}}]})");
    } else if (number == 3) {
      exchange.send(kChunked + chunk(R"({"items":[{"metadata":{"name":"b"}},{"meta)"));
    } else {
      exchange.answer(200, R"({"metadata":{"resourceVersion":"5"},
                               "items":[{"metadata":{"name":"b"}},{"metadata":{"name":"c"}}]})");
    }
  });
  std::vector<std::string> names;
  const auto version = connect_to(server).list(
      kConfigs, {}, [&](const Object& object) { names.emplace_back(object.name()); });
  EXPECT_EQ(version.value(), "5");
  EXPECT_THAT(names, ElementsAre("a", "b", "b", "c"));
}

TEST_F(RestClientTest, WhatTheServerHasInMemoryIsAskedForWhole) {
  std::string request;
  ScriptServer server([&](const Exchange& exchange) {
    request = exchange.request();
    exchange.answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[]})");
  });
  ListOptions options;
  options.any_version = true;
  EXPECT_EQ(connect_to(server).list(kConfigs, options, [](const Object&) {}).value(), "5");
  EXPECT_THAT(request, StartsWith("GET /api/v1/configmaps?resourceVersion=0 HTTP/1.1\r\n"));
}

TEST_F(RestClientTest, WhatIsNoListIsRefused) {
  ScriptServer server([](const Exchange& exchange) { exchange.answer(200, "<html>"); });
  EXPECT_EQ(connect_to(server).list(kConfigs, {}, [](const Object&) {}).error().code,
            Code::invalid);
}

TEST_F(RestClientTest, ATurnedAwayRequestIsSentAgainWhateverItIs) {
  std::atomic<int> requests = 0;
  ScriptServer server([&](const Exchange& exchange) {
    if (++requests < 4) {
      exchange.answer(429, status(429, "TooManyRequests", "slow down"), "Retry-After: 0\r\n");
    } else {
      exchange.answer(201, kObject);
    }
  });
  EXPECT_TRUE(connect_to(server).create(kConfigs, Object::parse(kObject).value()));
  EXPECT_EQ(requests, 4);
}

TEST_F(RestClientTest, WhatTheServerMayHaveDoneIsNotCreatedTwice) {
  std::atomic<int> requests = 0;
  ScriptServer server([&](const Exchange& exchange) {
    ++requests;
    exchange.answer(500, status(500, "InternalError", "etcd is unwell"));
  });
  Client& client = connect_to(server);
  const auto created = client.create(kConfigs, Object::parse(kObject).value());
  EXPECT_EQ(created.error().code, Code::retry_later);
  EXPECT_EQ(created.error().message, "create ConfigMap ns/a: etcd is unwell");
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(client.get(kConfigs, kKey).error().code, Code::retry_later);
  EXPECT_EQ(requests, 1 + 5);
}

TEST_F(RestClientTest, AConflictIsTheCallersToSolve) {
  std::atomic<int> requests = 0;
  ScriptServer server([&](const Exchange& exchange) {
    ++requests;
    exchange.answer(409, status(409, "Conflict", "it has changed"));
  });
  EXPECT_EQ(connect_to(server).replace(kConfigs, Object::parse(kObject).value()).error().code,
            Code::conflict);
  EXPECT_EQ(requests, 1);
}

TEST_F(RestClientTest, AWatchHandsOverWhatArrivesWhileItArrives) {
  std::promise<void> seen;
  ScriptServer server([&](const Exchange& exchange) {
    EXPECT_THAT(exchange.request(), HasSubstr("allowWatchBookmarks=true"));
    EXPECT_THAT(exchange.request(), HasSubstr("resourceVersion=41"));
    const std::string line = std::string(R"({"type":"ADDED","object":)") + kObject + "}\n";
    exchange.send(kChunked + chunk(line.substr(0, 30)));
    exchange.send(chunk(line.substr(30)));
    seen.get_future().wait();  // the client must see it before there is more
    exchange.send(
        chunk("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":"
              "\"44\"}}}\n"));
    exchange.send("0\r\n\r\n");
  });
  std::vector<WatchEvent::Type> types;
  WatchOptions options;
  options.resource_version = "41";
  const auto done = connect_to(server).watch(kConfigs, options, {}, [&](const WatchEvent& event) {
    types.push_back(event.type);
    if (types.size() == 1) seen.set_value();
  });
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_THAT(types, ElementsAre(WatchEvent::Type::added, WatchEvent::Type::bookmark));
}

TEST_F(RestClientTest, AWatchThatExpiredSaysSo) {
  ScriptServer server([&](const Exchange& exchange) {
    if (exchange.request().find("resourceVersion=1&") != std::string::npos) {
      exchange.answer(410, status(410, "Expired", "too old"));
    } else {
      exchange.answer(
          200, "{\"type\":\"ERROR\",\"object\":" + status(410, "Expired", "too old") + "}\n");
    }
  });
  Client& client = connect_to(server);
  WatchOptions options;
  for (const char* version : {"1", "2"}) {
    options.resource_version = version;
    EXPECT_EQ(client.watch(kConfigs, options, {}, [](const WatchEvent&) {}).error().code,
              Code::out_of_range);
  }
}

TEST_F(RestClientTest, ASilentWatchIsTakenForDead) {
  ScriptServer server([&](const Exchange& exchange) {
    exchange.send(kChunked);
    exchange.await_close();
  });
  WatchOptions options;
  options.idle = 100ms;
  const auto done = connect_to(server).watch(kConfigs, options, {}, [](const WatchEvent&) {});
  EXPECT_EQ(done.error().code, Code::retry_later);
}

TEST_F(RestClientTest, StoppingEndsAWatchAndARequestThatGetNoAnswer) {
  std::promise<void> asked;
  ScriptServer server([&](const Exchange& exchange) {
    if (exchange.request().find("watch=true") != std::string::npos) exchange.send(kChunked);
    asked.set_value();
    exchange.await_close();
  });
  Client& client = connect_to(server);
  std::stop_source stop;
  auto watch = std::async(std::launch::async, [&] {
    return client.watch(kConfigs, {}, stop.get_token(), [](const WatchEvent&) {});
  });
  asked.get_future().wait();
  stop.request_stop();
  EXPECT_TRUE(watch.get());
  asked = {};
  auto get = std::async(std::launch::async, [&] { return client.get(kConfigs, kKey); });
  asked.get_future().wait();
  stop_.request_stop();
  EXPECT_EQ(get.get().error().code, Code::cancelled);
}

TEST_F(RestClientTest, NoServerIsNoCrash) {
  ConnectionOptions connection;
  connection.server = "http://127.0.0.1:1";
  RestClient::Options options;
  options.retry.attempts = 2;
  options.retry.base = 1ms;
  const auto client = connect(connection, options, clock_, metrics_).value();
  const auto got = client->get(kConfigs, kKey);
  EXPECT_EQ(got.error().code, Code::retry_later);
  EXPECT_THAT(got.error().message, HasSubstr("no answer"));
  connection.server = "ftp://x";
  EXPECT_EQ(connect(connection, {}, clock_, metrics_).error().code, Code::invalid);
}

}  // namespace
}  // namespace bunker::kube
