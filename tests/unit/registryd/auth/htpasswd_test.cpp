#include "registryd/auth/htpasswd.h"

#include <filesystem>
#include <fstream>
#include <latch>

#include <gmock/gmock.h>

#include "lib/base/encoding.h"
#include "lib/runtime/io_threads.h"
#include "registryd/auth/bcrypt.h"
#include "tests/unit/registryd/auth/htpasswd_support.h"

namespace bunker::auth {
namespace {

using ::testing::HasSubstr;

class HtpasswdAuthTest : public HtpasswdTest {
 protected:
  void open(std::size_t queue = 64) {
    auto opened = open_htpasswd({.path = path(),
                                 .realm = "basic-realm",
                                 .parallel = 2,
                                 .queue = queue,
                                 .check_interval = std::chrono::milliseconds(0)},
                                pool_, log_, metrics_);
    ASSERT_TRUE(opened) << to_string(opened.error());
    authenticator_ = std::move(*opened);
  }

  static http::Request request(const std::string& user, const std::string& password) {
    http::Request out;
    out.headers.add("Authorization", "Basic " + base64_encode(user + ':' + password));
    out.peer.address = "192.0.2.1:1234";
    return out;
  }

  Admission authenticate(const http::Request& request) {
    Context context;
    return run_task(authenticator_->identify(context, request, {}));
  }
  Admission authenticate(const std::string& user, const std::string& password) {
    return authenticate(request(user, password));
  }
  [[nodiscard]] std::size_t attempts(const std::string& result) const {
    return metric("bunker_auth_attempts_total{method=\"htpasswd\",result=\"" + result + "\"}");
  }

  BlockingPool pool_{3};
  std::unique_ptr<Authenticator> authenticator_;
};

void expect_refused(const Admission& result) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error.code, Code::unauthenticated);
  EXPECT_EQ(result.error().error.reason, "UNAUTHORIZED");
  EXPECT_EQ(result.error().challenge, "Basic realm=\"basic-realm\"");
}

TEST_F(HtpasswdAuthTest, LetsInWhoIsInTheFile) {
  set_password("alice", "secret");
  set_password("bób", "pass:word ü");
  open();
  EXPECT_EQ(authenticate("alice", "secret")->user, "alice");
  EXPECT_EQ(authenticate("bób", "pass:word ü")->user, "bób");
}

TEST_F(HtpasswdAuthTest, RefusesEveryoneElse) {
  set_password("alice", "secret");
  open();
  expect_refused(authenticate("alice", "wrong"));
  expect_refused(authenticate("alice", ""));
  expect_refused(authenticate("mallory", "secret"));
  expect_refused(authenticate("ALICE", "secret"));
  expect_refused(authenticate("alice", std::string(600, 'x')));
  EXPECT_EQ(attempts("refused"), 5u);
  EXPECT_EQ(attempts("accepted"), 0u);
}

TEST_F(HtpasswdAuthTest, RefusesRequestsWithoutUsableCredentials) {
  set_password("alice", "secret");
  open();
  http::Request bearer;
  bearer.headers.add("Authorization", "Bearer token");
  expect_refused(authenticate(bearer));
  http::Request twice = request("alice", "secret");
  twice.headers.add("authorization", "Basic " + base64_encode("alice:secret"));
  expect_refused(authenticate(twice));
}

TEST_F(HtpasswdAuthTest, NoCredentialsAreNoMistake) {
  set_password("alice", "secret");
  open();
  for (const http::Request& nothing : {http::Request{}, request("", "")}) {
    const Admission identity = authenticate(nothing);
    ASSERT_TRUE(identity);
    EXPECT_FALSE(identity->has_credentials);
    EXPECT_TRUE(identity->is_anonymous());
  }
  expect_refused(authenticate("", "secret"));
}

TEST_F(HtpasswdAuthTest, RemembersWhatWasRightAndNothingElse) {
  set_password("alice", "secret");
  open();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(authenticate("alice", "secret"));
  EXPECT_EQ(attempts("accepted"), 1u);
  EXPECT_EQ(attempts("cached"), 2u);
  for (int i = 0; i < 2; ++i) expect_refused(authenticate("alice", "wrong"));
  EXPECT_EQ(attempts("refused"), 2u);
}

TEST_F(HtpasswdAuthTest, AnOldPasswordIsDeadAsSoonAsTheFileChanges) {
  set_password("alice", "secret");
  open();
  EXPECT_TRUE(authenticate("alice", "secret"));
  EXPECT_TRUE(authenticate("alice", "secret"));
  set_password("alice", "changed");
  settle();
  expect_refused(authenticate("alice", "secret"));
  EXPECT_TRUE(authenticate("alice", "changed"));
  std::ofstream(path()) << "";
  settle();
  expect_refused(authenticate("alice", "changed"));
}

TEST_F(HtpasswdAuthTest, ManyRequestsWithTheSameCredentialsCostOneCheck) {
  constexpr int kRequests = 100;
  set_password("alice", "secret");
  IoThreads threads(2);
  open(/*queue=*/1);
  std::atomic<int> accepted = 0;
  std::latch done(kRequests);
  for (int i = 0; i < kRequests; ++i) {
    threads.spawn(static_cast<std::size_t>(i % 2), [&]() -> Task<void> {
      Context context;
      const http::Request same = request("alice", "secret");
      const auto identity = co_await authenticator_->identify(context, same, {});
      if (identity) ++accepted;
      done.count_down();
    });
  }
  threads.start();
  done.wait();
  EXPECT_EQ(accepted, kRequests);
  EXPECT_EQ(attempts("overloaded"), 0u);
  pool_.wait_idle();  // before the threads go
}

TEST_F(HtpasswdAuthTest, TooManyGuessesAtOnceAreTurnedAway) {
  constexpr int kGuesses = 20;
  constexpr int kQueue = 4;
  // A cost at which no check ends before the last guess has come in.
  std::ofstream(path()) << "alice:" << bcrypt_decoy(9) << '\n';
  IoThreads threads(1);
  open(kQueue);
  std::atomic<int> refused = 0, overloaded = 0;
  std::latch done(kGuesses);
  for (int i = 0; i < kGuesses; ++i) {
    threads.spawn(0, [&, i]() -> Task<void> {
      Context context;
      const http::Request guess = request(i % 2 == 0 ? "alice" : "nobody", std::to_string(i));
      const auto identity = co_await authenticator_->identify(context, guess, {});
      const Error& error = identity.error().error;
      if (error.code == Code::unauthenticated) ++refused;
      if (error.code == Code::retry_later) {
        EXPECT_EQ(error.reason, "TOOMANYREQUESTS");
        ++overloaded;
      }
      done.count_down();
    });
  }
  threads.start();
  done.wait();
  EXPECT_GE(refused, kQueue);
  EXPECT_GT(overloaded, 0);
  EXPECT_EQ(refused + overloaded, kGuesses);
  pool_.wait_idle();
}

TEST_F(HtpasswdAuthTest, AMissingFileStopsTheStart) {
  const auto opened = open_htpasswd({.path = path(), .realm = "r"}, pool_, log_, metrics_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::not_found);
  EXPECT_THAT(opened.error().detail, HasSubstr("htpasswd -Bc"));
}

}  // namespace
}  // namespace bunker::auth
