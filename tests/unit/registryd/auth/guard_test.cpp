#include "registryd/auth/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/runtime/io_threads.h"

namespace bunker::auth {
namespace {

using ::testing::HasSubstr;

// A user is whoever says so; "token:NAME" shows a token that is good for pulling app.
class ByHeader final : public Authenticator {
 public:
  explicit ByHeader(bool always) : always_(always) {}

  Task<Admission> identify(Context&, const http::Request& request,
                           const std::vector<Access>&) override {
    Identity identity;
    std::string_view name = request.headers.get("Authorization").value_or("");
    identity.has_credentials = !name.empty();
    if (name.starts_with("token:")) {
      name.remove_prefix(6);
      identity.grants = std::make_shared<AppOnly>();
    }
    identity.user = name;
    co_return identity;
  }
  [[nodiscard]] std::string challenge(const http::Request&, const std::vector<Access>&,
                                      Lack lack) const override {
    return lack == Lack::credentials ? "Login" : "Scope";
  }
  std::vector<Reloaded> reload() override { return {}; }
  [[nodiscard]] bool always_needed() const noexcept override { return always_; }

 private:
  struct AppOnly final : Grants {
    [[nodiscard]] bool allow(const Access& access) const override {
      return access.repository == "app" && access.action == Action::pull;
    }
  };
  const bool always_;
};

class GuardTest : public testing::Test {
 protected:
  GuardTest() {
    policy_.rules = {{{"anonymous"}, {"public/**"}, {"pull"}},
                     {{"user:alice"}, {"team/**", "app"}, {"pull", "push"}},
                     {{"cn:ci"}, {"ci/**"}, {"pull", "push"}},
                     {{"user:root"}, {"**"}, {"pull", "push", "delete"}}};
    make(true, true);
  }

  void make(bool with_rules, bool with_login, bool challenge_ping = true, bool always = false) {
    authenticator_ = std::make_unique<ByHeader>(always);
    policies_ = std::make_unique<PolicySource>(with_rules ? *access::Policy::make(policy_)
                                                          : access::Policy());
    guard_ =
        make_guard({with_login ? authenticator_.get() : nullptr, policies_.get(), challenge_ping});
  }

  void show_certificate(const std::string& common_name) {
    auto certificate = std::make_shared<net::PeerCertificate>();
    certificate->common_name = common_name;
    certificate_ = std::move(certificate);
  }

  Admission admit(const std::string& user, std::vector<Access> wanted) {
    http::Request request;
    if (!user.empty()) request.headers.add("Authorization", user);
    request.peer.certificate = certificate_;
    Context context;
    return run_task(guard_->admit(context, request, std::move(wanted)));
  }
  // "ok", or the code and challenge.
  std::string outcome(const std::string& user, std::vector<Access> wanted) {
    const Admission admission = admit(user, std::move(wanted));
    if (admission) return "ok";
    return std::string(to_string(admission.error().error.code)) + " " + admission.error().challenge;
  }
  std::string pull(const std::string& user, const std::string& repository) {
    return outcome(user, {{Access::To::repository, repository, Action::pull}});
  }
  std::string push(const std::string& user, const std::string& repository) {
    return outcome(user, {{Access::To::repository, repository, Action::pull},
                          {Access::To::repository, repository, Action::push}});
  }
  std::string list(const std::string& user) {
    return outcome(user, {{Access::To::catalog, "", Action::pull}});
  }

  access::PolicyText policy_;
  std::unique_ptr<ByHeader> authenticator_;
  std::unique_ptr<PolicySource> policies_;
  std::unique_ptr<Guard> guard_;
  std::shared_ptr<const net::PeerCertificate> certificate_;
};

constexpr const char* kLogin = "unauthenticated Login";
constexpr const char* kDenied = "forbidden ";

TEST_F(GuardTest, RulesDecideForWhoIsKnown) {
  EXPECT_EQ(pull("alice", "team/a"), "ok");
  EXPECT_EQ(push("alice", "team/a"), "ok");
  EXPECT_EQ(push("alice", "public/a"), kDenied);
  EXPECT_EQ(pull("bob", "team/a"), kDenied);
  EXPECT_EQ(pull("bob", "public/a"), "ok");
  EXPECT_EQ(outcome("alice", {{Access::To::repository, "team/a", Action::remove}}), kDenied);
  EXPECT_EQ(outcome("root", {{Access::To::repository, "team/a", Action::remove}}), "ok");
  const Admission denied = admit("bob", {{Access::To::repository, "team/a", Action::push}});
  EXPECT_THAT(to_string(denied.error().error), HasSubstr("'bob' may not push in team/a"));
  EXPECT_EQ(denied.error().error.reason, "DENIED");
}

TEST_F(GuardTest, StrangersAreChallengedWhereTheyMayNot) {
  EXPECT_EQ(pull("", "public/a"), "ok");
  EXPECT_EQ(pull("", "team/a"), kLogin);
  EXPECT_EQ(push("", "public/a"), kLogin);
}

TEST_F(GuardTest, WithoutAWayToLogInStrangersAreDenied) {
  make(true, false);
  EXPECT_EQ(pull("", "public/a"), "ok");
  EXPECT_EQ(pull("", "team/a"), kDenied);
  EXPECT_EQ(outcome("", {}), "ok");
}

TEST_F(GuardTest, WithoutRulesALoginIsAllItTakes) {
  make(false, true);
  EXPECT_EQ(pull("", "app"), kLogin);
  EXPECT_EQ(push("anybody", "app"), "ok");
  EXPECT_EQ(list("anybody"), "ok");
  EXPECT_FALSE(guard_->view(*admit("anybody", {})));
  EXPECT_TRUE(guard_->may(*admit("anybody", {}), {Access::To::every_repository, "", Action::pull}));
}

TEST_F(GuardTest, ThePingTellsHowToLogInUnlessItIsOpen) {
  EXPECT_EQ(outcome("", {}), kLogin);
  EXPECT_EQ(outcome("bob", {}), "ok");
  make(true, true, /*challenge_ping=*/false);
  EXPECT_EQ(outcome("", {}), "ok");
  policy_.rules.erase(policy_.rules.begin());  // nothing for strangers
  make(true, true, /*challenge_ping=*/false);
  EXPECT_EQ(outcome("", {}), kLogin);
}

TEST_F(GuardTest, ACertificateIsAnIdentity) {
  show_certificate("ci");
  EXPECT_EQ(push("", "ci/app"), "ok");
  EXPECT_EQ(push("alice", "ci/app"), "ok");
  EXPECT_EQ(push("alice", "app"), "ok");
  EXPECT_EQ(push("", "app"), kLogin);
  EXPECT_EQ(admit("", {{Access::To::repository, "ci/a", Action::pull}})->name(), "ci");
  make(true, false);
  EXPECT_EQ(push("", "app"), kDenied);
  show_certificate("other");
  EXPECT_EQ(push("", "ci/app"), kDenied);
}

TEST_F(GuardTest, ATokenAndRulesMustBothAllow) {
  make(true, true, true, /*always=*/true);
  EXPECT_EQ(pull("", "public/a"), kLogin);
  EXPECT_EQ(pull("token:alice", "app"), "ok");
  EXPECT_EQ(push("token:alice", "app"), "unauthenticated Scope");
  EXPECT_EQ(pull("token:alice", "team/a"), "unauthenticated Scope");
  EXPECT_EQ(pull("token:bob", "app"), kDenied);
  EXPECT_EQ(pull("token:", "app"), kDenied);  // of nobody: another login would not help
  show_certificate("ci");
  EXPECT_EQ(pull("", "ci/app"), kLogin);
}

TEST_F(GuardTest, TheCatalogIsForThoseWithARule) {
  EXPECT_EQ(list(""), "ok");
  EXPECT_EQ(list("bob"), "ok");
  const auto view = guard_->view(*admit("bob", {}));
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->includes("public/a"));
  EXPECT_FALSE(view->includes("app"));
  policy_.rules.erase(policy_.rules.begin());
  make(true, true);
  EXPECT_EQ(list(""), kLogin);
  make(true, false);
  EXPECT_EQ(list(""), kDenied);
}

TEST_F(GuardTest, EveryRepositoryIsForThoseWhoMayPullAll) {
  const Access everywhere{Access::To::every_repository, "", Action::pull};
  EXPECT_TRUE(guard_->may(*admit("root", {}), everywhere));
  EXPECT_FALSE(guard_->may(*admit("alice", {}), everywhere));
  EXPECT_FALSE(guard_->may(*admit("token:root", {}), everywhere));
}

}  // namespace
}  // namespace bunker::auth
