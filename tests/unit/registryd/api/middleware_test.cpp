// What every request passes through: routes and methods, headers, metrics, the log.
#include "tests/unit/registryd/api/api_fixture.h"

namespace bunker::api {
namespace {

class MiddlewareTest : public ApiTest {};

TEST_F(MiddlewareTest, BaseAndRoot) {
  for (const char* const path : {"/v2/", "/v2"}) {
    const Answer answer = send("GET", path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, "{}") << path;
    EXPECT_EQ(answer.header("Docker-Distribution-API-Version"), "registry/2.0") << path;
  }
  EXPECT_EQ(send("GET", "/").status, 200);
  EXPECT_EQ(send("HEAD", "/v2/").head_length, 2);
}

TEST_F(MiddlewareTest, NothingElseIsThere) {
  for (const char* const path :
       {"/v1/", "/v2/app", "/v2/app/tags", "/metrics", "/v2//", "/v2/a/x"}) {
    const Answer answer = send("GET", path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.code(), "UNSUPPORTED") << path;
    EXPECT_EQ(answer.header("Docker-Distribution-API-Version"), "registry/2.0") << path;
  }
}

struct MethodCase {
  std::string path;
  std::string allow;
};

class Methods : public MiddlewareTest, public testing::WithParamInterface<MethodCase> {};

TEST_P(Methods, OthersAreNamedInAllow) {
  const auto& [path, allow] = GetParam();
  for (const char* const method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"}) {
    const Answer answer = send(method, path);
    const bool allowed =
        (", " + allow + ",").find(std::string(" ") + method + ",") != std::string::npos;
    EXPECT_EQ(answer.status == 405, !allowed) << method << " " << path << answer.body;
    if (answer.status != 405) continue;
    EXPECT_EQ(answer.header("Allow"), allow) << path;
    if (std::string_view(method) != "HEAD") EXPECT_EQ(answer.code(), "UNSUPPORTED") << path;
  }
  const Answer preflight = send("OPTIONS", path);
  EXPECT_EQ(preflight.status, 200);
  EXPECT_EQ(preflight.header("Allow"), allow);
}

INSTANTIATE_TEST_SUITE_P(
    Resources, Methods,
    testing::Values(MethodCase{"/", "GET, HEAD, OPTIONS"}, MethodCase{"/v2/", "GET, HEAD, OPTIONS"},
                    MethodCase{"/v2/_catalog", "GET, HEAD, OPTIONS"},
                    MethodCase{"/v2/app/tags/list", "GET, HEAD, OPTIONS"},
                    MethodCase{"/v2/app/referrers/x", "GET, HEAD, OPTIONS"},
                    MethodCase{"/v2/app/manifests/v1", "GET, HEAD, PUT, DELETE, OPTIONS"},
                    MethodCase{"/v2/app/blobs/x", "GET, HEAD, DELETE, OPTIONS"},
                    MethodCase{"/v2/app/blobs/uploads/", "POST, OPTIONS"},
                    MethodCase{"/v2/app/blobs/uploads/u",
                               "GET, HEAD, PATCH, PUT, DELETE, OPTIONS"}));

TEST_F(MiddlewareTest, PrefixHoldsAllButTheRoot) {
  options_.prefix = "/registry/";
  restart();
  EXPECT_EQ(send("GET", "/registry/v2/").status, 200);
  EXPECT_EQ(send("GET", "/v2/").status, 404);
  EXPECT_EQ(send("GET", "/").status, 200);
  const Answer started = send("POST", "/registry/v2/app/blobs/uploads/");
  EXPECT_TRUE(started.header("Location").starts_with("/registry/v2/app/blobs/uploads/"));
  EXPECT_EQ(send("GET", started.header("Location")).status, 204);
}

TEST_F(MiddlewareTest, LocationFollowsConfigurationAndProxies) {
  const auto location = [this](const Fields& fields) {
    return send("POST", "/v2/app/blobs/uploads/", fields).header("Location");
  };
  const Fields proxied = {{"X-Forwarded-Host", "r.example"}, {"X-Forwarded-Proto", "https"}};
  EXPECT_TRUE(location({{"Host", "evil.example"}}).starts_with("/v2/"));
  EXPECT_TRUE(location(proxied).starts_with("https://r.example/v2/"));
  EXPECT_TRUE(location({{"X-Forwarded-Host", "a\r\nb"}}).starts_with("/v2/"));
  options_.host = "https://public.example";
  restart();
  EXPECT_TRUE(location(proxied).starts_with("https://public.example/v2/"));
  options_.relative_urls = true;
  restart();
  EXPECT_TRUE(location(proxied).starts_with("/v2/"));
}

TEST_F(MiddlewareTest, ConfiguredHeadersAreOnEveryAnswer) {
  options_.headers = {{"X-Content-Type-Options", "nosniff"},
                      {"Access-Control-Allow-Methods", "GET"},
                      {"Access-Control-Allow-Methods", "HEAD"},
                      {"content-type", "text/evil"}};
  restart();
  for (const char* const path : {"/", "/v2/", "/v2/app/tags/list", "/nothing"}) {
    const Answer answer = send("GET", path);
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(answer.header("Access-Control-Allow-Methods"), "GET, HEAD") << path;
  }
  EXPECT_EQ(send("GET", "/v2/").header("Content-Type"), "application/json");
}

TEST_F(MiddlewareTest, RequestIdIsTakenOverOrMade) {
  EXPECT_EQ(send("GET", "/v2/", {{"X-Request-Id", "abc-1.2:3"}}).header("X-Request-Id"),
            "abc-1.2:3");
  const std::string made = send("GET", "/v2/").header("X-Request-Id");
  EXPECT_EQ(made.size(), 13);
  EXPECT_NE(send("GET", "/v2/").header("X-Request-Id"), made);
  for (const std::string& bad :
       {std::string("a b"), std::string("a\r\nb"), std::string(129, 'a'), std::string("\"")}) {
    EXPECT_EQ(send("GET", "/v2/", {{"X-Request-Id", bad}}).header("X-Request-Id").size(), 13);
  }
}

TEST_F(MiddlewareTest, UnhealthyAnswers503EverywhereButAtTheRoot) {
  bool healthy = false;
  options_.healthy = [&healthy] { return healthy; };
  restart();
  EXPECT_EQ(send("GET", "/").status, 200);
  const Answer answer = send("GET", "/v2/");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.code(), "UNAVAILABLE");
  EXPECT_NE(answer.header("Retry-After"), "");
  healthy = true;
  EXPECT_EQ(send("GET", "/v2/").status, 200);
}

// --- Metrics and the log -------------------------------------------------------------------------

TEST_F(MiddlewareTest, CountsByDistributionsNames) {
  push_image("team/app", "v1", "one");
  send("GET", "/v2/");
  send("GET", "/v2/team/app/manifests/v1");
  send("GET", "/v2/team/app/manifests/v2");
  send("GET", "/nothing");
  const std::string text = metrics_.expose("").body;
  for (const char* const line :
       {"registry_http_requests_total{code=\"200\",handler=\"base\",method=\"get\"} 1",
        "registry_http_requests_total{code=\"200\",handler=\"manifest\",method=\"get\"} 1",
        "registry_http_requests_total{code=\"404\",handler=\"manifest\",method=\"get\"} 1",
        "registry_http_requests_total{code=\"201\",handler=\"manifest\",method=\"put\"} 1",
        "registry_http_requests_total{code=\"202\",handler=\"blob_upload\",method=\"post\"} 2",
        "registry_http_requests_total{code=\"201\",handler=\"blob_upload_chunk\",method=\"put\"} 2",
        "registry_http_requests_total{code=\"404\",handler=\"other\",method=\"get\"} 1",
        "registry_http_in_flight_requests{handler=\"manifest\"} 0",
        "registry_http_request_duration_seconds_count{handler=\"base\",method=\"get\"} 1",
        "registry_http_request_size_bytes_bucket{handler=\"manifest\",le=\"1024\"} ",
        "registry_http_response_size_bytes_count{handler=\"manifest\"} 3"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST_F(MiddlewareTest, LogsOneLineARequestWithoutSecrets) {
  const std::string location = send("POST", "/v2/team/app/blobs/uploads/").header("Location");
  logged();
  send("PUT", with(location, "digest=" + sha256("x")),
       {{"User-Agent", "test/1"}, {"Authorization", "Basic c2VjcmV0"}, {"X-Request-Id", "id-1"}},
       "x");
  const std::string text = logged();
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["request_id"], "id-1");
  EXPECT_EQ(line["peer"], "192.0.2.1:1234");
  EXPECT_EQ(line["method"], "PUT");
  EXPECT_EQ(line["repository"], "team/app");
  EXPECT_EQ(line["status"], 201);
  EXPECT_EQ(line["request_bytes"].get<int>() > 0, true);
  EXPECT_EQ(line["user_agent"], "test/1");
  EXPECT_EQ(line["query"], "digest=" + sha256("x"));
  EXPECT_TRUE(line["duration_ms"].is_number());
  EXPECT_EQ(text.find("_state"), std::string::npos);
  EXPECT_EQ(text.find("c2VjcmV0"), std::string::npos);
}

TEST_F(MiddlewareTest, AccessLogCanBeOff) {
  options_.access_log = false;
  restart();
  logged();
  send("GET", "/v2/");
  EXPECT_EQ(logged(), "");
}

}  // namespace
}  // namespace bunker::api
