// The sources of credentials against servers that speak the protocols of AWS's, and are stricter.
#include "registryd/storage/s3/credential_sources.h"

#include <map>

#include <gtest/gtest.h>

#include "lib/base/encoding.h"
#include "lib/http/server.h"
#include "lib/runtime/blocking_pool.h"
#include "lib/runtime/io_threads.h"
#include "registryd/storage/s3/credentials.h"
#include "registryd/storage/s3/http_fetcher.h"
#include "tests/support/temp_folder.h"

namespace bunker::storage::s3 {
namespace {

constexpr const char* kJson =
    R"({"Code":"Success","AccessKeyId":"id","SecretAccessKey":"secret","Token":"token",
        "Expiration":"2099-01-01T00:00:00Z"})";

http::Response text(std::string body, int status = 200) {
  http::Response response(status);
  response.body = Body(std::move(body));
  return response;
}

class Sources : public testing::Test {
 protected:
  Sources()
      : server_(threads_, {.address = "127.0.0.1:0"},
                [this](Context&, http::Request& request) { return answer(request); }) {
    EXPECT_TRUE(server_.start());
    threads_.start();
    url_ = "http://" + server_.bound_address();
    environment_["HOME"] = folder_.path();
    environment_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = url_;
  }
  ~Sources() override { threads_.stop(); }

  Result<Credentials> load() {
    auto sources =
        make_sources(options_, [this](const char* name) { return environment_[name]; }, fetcher_);
    CredentialKeeper keeper(std::move(sources), clock_);
    return run_task(keeper.get());
  }

  std::string key() {
    const auto credentials = load();
    return credentials ? credentials->access_key : to_string(credentials.error());
  }

  Task<http::Response> answer(http::Request& request) {
    const auto body = co_await read_all(*request.body, 1 << 20);
    const auto header = [&request](std::string_view name) {
      return std::string(request.headers.get(name).value_or(""));
    };
    seen_.push_back(request.method_name + ' ' + request.path);
    const std::string roles = "/latest/meta-data/iam/security-credentials/";
    if (request.path == "/latest/api/token") {
      // IMDSv2 wants PUT and a lifetime.
      if (request.method_name != "PUT" || header("x-aws-ec2-metadata-token-ttl-seconds").empty())
        co_return text("", 400);
      co_return text("session");
    }
    if (request.path.starts_with(roles)) {
      if (header("x-aws-ec2-metadata-token") != "session") co_return text("", 401);
      if (request.path == roles) co_return role_.empty() ? text("", 404) : text(role_);
      co_return request.path == roles + role_ ? text(kJson) : text("", 404);
    }
    if (request.path == "/container") {
      if (header("authorization") != "container token") co_return text("", 401);
      co_return text(kJson);
    }
    if (request.path == "/" && request.method_name == "POST") {
      sts_request_ = *body;
      if (sts_request_.find("WebIdentityToken=jwt.of%2Fpod&") == std::string::npos &&
          !sts_request_.ends_with("WebIdentityToken=jwt.of%2Fpod")) {
        co_return text(
            "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error>"
            "</ErrorResponse>",
            400);
      }
      co_return text(
          "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
          "<AccessKeyId>assumed</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
          "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
          "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>");
    }
    co_return text("", 404);
  }

  SystemClock clock_;
  TempFolder folder_;
  std::map<std::string, std::string> environment_;
  SourceOptions options_;
  // What the servers have and saw.
  std::string role_;
  std::vector<std::string> seen_;
  std::string sts_request_;
  BlockingPool pool_{1};
  net::SocketDialer dialer_{pool_, nullptr};
  ClientFetcher fetcher_{dialer_};
  IoThreads threads_{1};
  http::Server server_;
  std::string url_;
};

TEST_F(Sources, KeysOfTheConfigurationComeFirst) {
  options_.access_key = "configured";
  options_.secret_key = "s";
  environment_["AWS_ACCESS_KEY_ID"] = "environment";
  environment_["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(key(), "configured");
}

TEST_F(Sources, ThenTheEnvironment) {
  environment_["AWS_ACCESS_KEY_ID"] = "environment";
  environment_["AWS_SECRET_ACCESS_KEY"] = "s";
  environment_["AWS_SESSION_TOKEN"] = "t";
  const auto credentials = load();
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->access_key, "environment");
  EXPECT_EQ(credentials->session_token, "t");
  EXPECT_EQ(credentials->expires, std::nullopt);
  EXPECT_TRUE(seen_.empty());
}

TEST_F(Sources, ThenWebIdentity) {
  folder_.write("token", "jwt.of/pod\n");
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder_ / "token";
  environment_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/registry";
  environment_["AWS_ENDPOINT_URL_STS"] = url_;
  folder_.write(".aws/credentials", "[default]\naws_access_key_id=file\naws_secret_access_key=s\n");
  EXPECT_EQ(key(), "assumed");
  EXPECT_EQ(sts_request_,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
            "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fregistry&RoleSessionName=registryd"
            "&WebIdentityToken=jwt.of%2Fpod");
}

TEST_F(Sources, ARefusalOfTheTokenServiceIsTold) {
  folder_.write("token", "another");
  environment_["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder_ / "token";
  environment_["AWS_ROLE_ARN"] = "role";
  environment_["AWS_ENDPOINT_URL_STS"] = url_;
  const auto credentials = load();
  ASSERT_FALSE(credentials);
  EXPECT_EQ(credentials.error().code, Code::forbidden);
  EXPECT_NE(credentials.error().message.find("InvalidIdentityToken"), std::string::npos);
  EXPECT_EQ(to_string(credentials.error()).find("another"), std::string::npos);
}

TEST_F(Sources, ThenTheSharedFile) {
  folder_.write(".aws/credentials",
                "[default]\naws_access_key_id=file\naws_secret_access_key=s\n"
                "[work]\naws_access_key_id=work\naws_secret_access_key=s\n");
  EXPECT_EQ(key(), "file");
  environment_["AWS_PROFILE"] = "work";
  EXPECT_EQ(key(), "work");
  environment_["AWS_SHARED_CREDENTIALS_FILE"] = folder_ / "absent";
  role_ = "instance";
  EXPECT_EQ(key(), "id");
}

TEST_F(Sources, ThenTheContainersAgent) {
  folder_.write("authorization", "container token");
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_ + "/container";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder_ / "authorization";
  EXPECT_EQ(key(), "id");
  EXPECT_EQ(seen_, (std::vector<std::string>{"GET /container"}));
  folder_.write("authorization", "rotated");
  EXPECT_EQ(load().error().code, Code::forbidden);
}

TEST_F(Sources, TheContainersTokenGoesToNobodyElse) {
  environment_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://example.com/container";
  environment_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "container token";
  EXPECT_EQ(load().error().code, Code::invalid);
}

TEST_F(Sources, ThenTheInstancesMetadata) {
  role_ = "instance-role";
  const auto credentials = load();
  ASSERT_TRUE(credentials) << to_string(credentials.error());
  EXPECT_EQ(credentials->access_key, "id");
  EXPECT_EQ(credentials->session_token, "token");
  EXPECT_EQ(seen_, (std::vector<std::string>{
                       "PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
                       "GET /latest/meta-data/iam/security-credentials/instance-role"}));
}

TEST_F(Sources, NoneAtAllSaysWhereItLooked) {
  const auto credentials = load();
  ASSERT_FALSE(credentials);
  EXPECT_EQ(credentials.error().code, Code::forbidden);
  EXPECT_NE(
      credentials.error().message.find("web identity, shared file, container, instance metadata"),
      std::string::npos);
}

TEST_F(Sources, TheInstancesMetadataCanBeSwitchedOff) {
  role_ = "instance-role";
  environment_["AWS_EC2_METADATA_DISABLED"] = "True";
  EXPECT_FALSE(load());
  EXPECT_TRUE(seen_.empty());
}

}  // namespace
}  // namespace bunker::storage::s3
