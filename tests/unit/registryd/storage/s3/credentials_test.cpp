#include "registryd/storage/s3/credentials.h"

#include <gtest/gtest.h>

#include "lib/base/encoding.h"
#include "lib/runtime/io_threads.h"
#include "registryd/storage/s3/xml.h"

namespace bunker::storage::s3 {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class TestClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return time; }
  SystemTime time = parse_rfc3339("2026-11-24T08:00:00Z").value();
};

// A source whose answers the test sets.
class TestSource final : public CredentialSource {
 public:
  explicit TestSource(const TestClock& clock) : clock_(clock) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "test"; }
  Task<Result<Credentials>> load() override {
    ++loads;
    co_await sleep_for(std::chrono::milliseconds(1));
    if (error) co_return std::unexpected(*error);
    co_return Credentials{"key" + std::to_string(loads), "secret", "", clock_.time + lifetime};
  }

  int loads = 0;
  hours lifetime{1};
  std::optional<Error> error;

 private:
  const TestClock& clock_;
};

class Keeper : public testing::Test {
 protected:
  Keeper() : keeper_(sources(), clock_) {}

  std::vector<std::unique_ptr<CredentialSource>> sources() {
    auto source = std::make_unique<TestSource>(clock_);
    source_ = source.get();
    std::vector<std::unique_ptr<CredentialSource>> all;
    all.push_back(std::move(source));
    return all;
  }

  std::string key() {
    const auto credentials = run_task(keeper_.get());
    return credentials ? credentials->access_key : to_string(credentials.error());
  }

  TestClock clock_;
  TestSource* source_ = nullptr;
  CredentialKeeper keeper_;
};

TEST_F(Keeper, LoadsOnceAndRenewsBeforeTheEnd) {
  EXPECT_EQ(keeper_.good_for(1), std::nullopt);
  EXPECT_EQ(key(), "key1");
  clock_.time += minutes(54);
  EXPECT_EQ(key(), "key1");
  EXPECT_EQ(source_->loads, 1);
  clock_.time += minutes(2);
  EXPECT_EQ(key(), "key2");
}

TEST_F(Keeper, KeepsWhatIsGoodWhileRenewalFails) {
  EXPECT_EQ(key(), "key1");
  source_->error = Error(Code::retry_later, "no answer");
  clock_.time += minutes(57);
  EXPECT_EQ(key(), "key1");
  EXPECT_EQ(source_->loads, 2);
  // Not asked again at every call.
  EXPECT_EQ(key(), "key1");
  EXPECT_EQ(source_->loads, 2);
  clock_.time += minutes(2);
  EXPECT_EQ(key(), "key1");
  EXPECT_EQ(source_->loads, 3);
  clock_.time += minutes(2);
  EXPECT_EQ(key(), "retry_later: no answer");
  source_->error.reset();
  EXPECT_EQ(key(), "key5");
}

TEST_F(Keeper, FetchesNewOnesWhenTheStoreRejectsTheOld) {
  EXPECT_EQ(key(), "key1");
  keeper_.reject("another key");
  EXPECT_EQ(key(), "key1");
  keeper_.reject("key1");
  EXPECT_EQ(keeper_.good_for(1), std::nullopt);
  EXPECT_EQ(key(), "key2");
  keeper_.reject("key1");
  EXPECT_EQ(key(), "key2");
}

TEST_F(Keeper, ManyCallsShareOneFetch) {
  auto all = [this]() -> Task<std::vector<Result<Credentials>>> {
    std::vector<Task<Result<Credentials>>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(keeper_.get());
    co_return co_await when_all(std::move(calls));
  };
  for (const auto& credentials : run_task(all())) {
    ASSERT_TRUE(credentials);
    EXPECT_EQ(credentials->access_key, "key1");
  }
  EXPECT_EQ(source_->loads, 1);
}

TEST_F(Keeper, SaysHowLongTheyAreGood) {
  EXPECT_EQ(key(), "key1");
  EXPECT_TRUE(keeper_.good_for(3599));
  EXPECT_FALSE(keeper_.good_for(3600));
}

TEST(KeeperOfNothing, SaysWhereItLooked) {
  TestClock clock;
  std::vector<std::unique_ptr<CredentialSource>> sources;
  for (int i = 0; i < 2; ++i) {
    auto source = std::make_unique<TestSource>(clock);
    source->error = Error(Code::not_found, "none");
    sources.push_back(std::move(source));
  }
  CredentialKeeper keeper(std::move(sources), clock);
  const auto credentials = run_task(keeper.get());
  ASSERT_FALSE(credentials);
  EXPECT_EQ(credentials.error().code, Code::forbidden);
  EXPECT_NE(credentials.error().message.find("test, test"), std::string::npos);
}

TEST(MetadataCredentials, AreReadFromJson) {
  const auto credentials = parse_metadata_credentials(
      R"({"Code":"Success","AccessKeyId":"a","SecretAccessKey":"s","Token":"t",
          "Expiration":"2026-11-24T09:00:00Z","Other":1})");
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->access_key, "a");
  EXPECT_EQ(credentials->secret_key, "s");
  EXPECT_EQ(credentials->session_token, "t");
  EXPECT_EQ(credentials->expires, parse_rfc3339("2026-11-24T09:00:00Z"));
  for (const char* bad :
       {"", "[]", "{}", R"({"Code":"Failed"})", R"({"AccessKeyId":"a","SecretAccessKey":"s"})",
        R"({"AccessKeyId":1,"SecretAccessKey":"s","Expiration":"2026-11-24T09:00:00Z"})"}) {
    EXPECT_FALSE(parse_metadata_credentials(bad)) << bad;
  }
}

TEST(SharedFile, HasProfiles) {
  constexpr std::string_view kFile =
      "# a comment\n[default]\naws_access_key_id = a1\r\naws_secret_access_key=s1=\n\n"
      "[profile other]\naws_access_key_id=a2\naws_secret_access_key = s2\n"
      "aws_session_token=t2\n[empty]\nregion=r\n";
  const auto first = parse_shared_file(kFile, "default");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->access_key, "a1");
  EXPECT_EQ(first->secret_key, "s1=");
  const auto other = parse_shared_file(kFile, "other");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->access_key, "a2");
  EXPECT_EQ(other->session_token, "t2");
  EXPECT_EQ(parse_shared_file(kFile, "empty").error().code, Code::not_found);
  EXPECT_EQ(parse_shared_file(kFile, "absent").error().code, Code::not_found);
}

TEST(ContainerUrl, MustNotLeakTheTokenToStrangers) {
  for (const char* url : {"https://anywhere.example.com/x", "http://169.254.170.2/v2",
                          "http://169.254.170.23/v1/c", "http://[fd00:ec2::23]/v1",
                          "http://localhost:8080/x", "http://127.0.0.1", "http://[::1]:1/"}) {
    EXPECT_TRUE(is_allowed_container_url(url)) << url;
  }
  for (const char* url :
       {"http://example.com/", "http://169.254.170.24/", "http://169.254.170.2.example.com/",
        "http://169.254.170.2@example.com/", "http://localhost.example.com", "ftp://localhost",
        "http://[fd00:ec2::23].example.com/", "localhost"}) {
    EXPECT_FALSE(is_allowed_container_url(url)) << url;
  }
}

TEST(AssumedRole, IsReadFromXml) {
  const auto credentials = parse_assumed_role(
      "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
      "<AssumeRoleWithWebIdentityResult><Credentials><SessionToken>t</SessionToken>"
      "<SecretAccessKey>s</SecretAccessKey><Expiration>2026-11-24T09:00:00Z</Expiration>"
      "<AccessKeyId>a</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>"
      "</AssumeRoleWithWebIdentityResponse>");
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->access_key, "a");
  EXPECT_EQ(credentials->session_token, "t");
  EXPECT_FALSE(parse_assumed_role("<AssumeRoleWithWebIdentityResponse/>"));
  EXPECT_EQ(parse_sts_error_code("<ErrorResponse><Error><Code>AccessDenied</Code></Error>"
                                 "</ErrorResponse>"),
            "AccessDenied");
}

}  // namespace
}  // namespace bunker::storage::s3
