// Who may do what, as requests meet it, and the audit log of it.
#include <sstream>

#include "registryd/core/errors.h"
#include "tests/unit/registryd/api/api_fixture.h"

namespace bunker::api {
namespace {

namespace reason = registry::reason;

// "Authorization: pull" may pull from everywhere but "secret", "push" may push too, "admin" all.
class RightsByWord final : public auth::Guard {
 public:
  Task<auth::Admission> admit(Context&, const http::Request& request,
                              std::vector<auth::Access> wanted) override {
    auth::Identity identity;
    identity.user = request.headers.get("Authorization").value_or("");
    if (identity.user.empty()) {
      std::string challenge;
      for (const auth::Access& access : wanted) {
        challenge += access.repository + ":" + std::string(to_string(access.action)) + " ";
      }
      co_return std::unexpected(auth::Refusal{
          Error(Code::unauthenticated, "who are you?", "log in", reason::kUnauthorized),
          "Test realm=\"" + challenge + "\"",
          {}});
    }
    for (const auth::Access& access : wanted) {
      if (may(identity, access)) continue;
      co_return std::unexpected(
          auth::Refusal{Error(Code::forbidden, "you may not", "", reason::kDenied), {}, identity});
    }
    co_return identity;
  }

  [[nodiscard]] bool may(const auth::Identity& identity,
                         const auth::Access& access) const override {
    if (identity.user == "admin") return true;
    if (access.action == auth::Action::pull) return access.repository != "secret";
    return identity.user == "push" && access.action == auth::Action::push;
  }

  [[nodiscard]] std::optional<access::View> view(const auth::Identity& identity) const override {
    if (identity.user == "admin") return std::nullopt;
    access::PolicyText text;
    text.rules = {{{"anonymous"}, {"team/**", "app"}, {"pull"}}};
    return access::View(std::make_shared<const access::Policy>(*access::Policy::make(text)), {});
  }
};

class IdentityTest : public ApiTest {
 protected:
  IdentityTest() {
    guard_ = &rights_;
    restart();
  }
  int status(std::string_view method, std::string_view target, const std::string& word) {
    Fields fields;
    if (!word.empty()) fields.emplace_back("Authorization", word);
    return send(method, target, fields).status;
  }

  RightsByWord rights_;
};

TEST_F(IdentityTest, StrangersAreChallenged) {
  for (const char* const path : {"/v2/", "/v2/_catalog", "/v2/app/tags/list"}) {
    const Answer answer = send("GET", path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.code(), "UNAUTHORIZED") << path;
    EXPECT_TRUE(answer.header("WWW-Authenticate").starts_with("Test realm=\"")) << path;
    EXPECT_EQ(answer.header("Docker-Distribution-API-Version"), "registry/2.0") << path;
  }
  EXPECT_EQ(send("POST", "/v2/app/blobs/uploads/").header("WWW-Authenticate"),
            "Test realm=\"app:pull app:push \"");
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/v1").header("WWW-Authenticate"),
            "Test realm=\"app:delete \"");
}

TEST_F(IdentityTest, NothingIsAskedAtTheRootNorForAPreflight) {
  EXPECT_EQ(status("GET", "/", ""), 200);
  EXPECT_EQ(status("OPTIONS", "/v2/app/tags/list", ""), 200);
  EXPECT_EQ(status("GET", "/nothing", ""), 404);
}

TEST_F(IdentityTest, EachMethodNeedsItsRight) {
  EXPECT_EQ(status("GET", "/v2/", "pull"), 200);
  EXPECT_EQ(status("GET", "/v2/app/tags/list", "pull"), 404);
  EXPECT_EQ(status("GET", "/v2/secret/tags/list", "pull"), 403);
  EXPECT_EQ(status("POST", "/v2/app/blobs/uploads/", "pull"), 403);
  EXPECT_EQ(status("PUT", "/v2/app/manifests/v1", "pull"), 403);
  EXPECT_EQ(status("POST", "/v2/app/blobs/uploads/", "push"), 202);
  EXPECT_EQ(status("DELETE", "/v2/app/manifests/v1", "push"), 403);
  EXPECT_EQ(status("DELETE", "/v2/app/manifests/v1", "admin"), 404);
  const Answer denied = send("GET", "/v2/secret/tags/list", {{"Authorization", "pull"}});
  EXPECT_EQ(denied.code(), "DENIED");
  EXPECT_EQ(denied.header("WWW-Authenticate"), "");
}

TEST_F(IdentityTest, WhoMayPushMayCancel) {
  const Answer started = send("POST", "/v2/app/blobs/uploads/", {{"Authorization", "push"}});
  EXPECT_EQ(status("DELETE", started.header("Location"), "push"), 204);
}

TEST_F(IdentityTest, MountFromWhereOneMayNotReadBeginsAnUpload) {
  const std::string digest = sha256("hidden");
  EXPECT_EQ(send("POST", "/v2/secret/blobs/uploads/?digest=" + digest, {{"Authorization", "admin"}},
                 "hidden")
                .status,
            201);
  const std::string mount = "/v2/app/blobs/uploads/?from=secret&mount=" + digest;
  EXPECT_EQ(status("POST", mount, "push"), 202);
  EXPECT_EQ(status("GET", "/v2/app/blobs/" + digest, "admin"), 404);
  EXPECT_EQ(status("POST", mount, "admin"), 201);
}

TEST_F(IdentityTest, TheCatalogShowsWhatOneMayPull) {
  const auto repositories = [this](const std::string& word, const std::string& query = "") {
    const Answer answer = send("GET", "/v2/_catalog" + query, {{"Authorization", word}});
    std::string text = answer.json()["repositories"].dump();
    return text + (answer.header("Link").empty() ? "" : " and more");
  };
  guard_ = nullptr;
  restart();
  for (const char* const name : {"app", "other/x", "team/a", "team/b/c", "teams"}) {
    push_image(name, "v1", "one");
  }
  guard_ = &rights_;
  restart();
  EXPECT_EQ(repositories("admin"), R"(["app","other/x","team/a","team/b/c","teams"])");
  EXPECT_EQ(repositories("pull"), R"(["app","team/a","team/b/c"])");
  EXPECT_EQ(repositories("pull", "?n=1"), R"(["app"] and more)");
  EXPECT_EQ(repositories("pull", "?n=2&last=app"), R"(["team/a","team/b/c"])");
}

// --- The audit log -------------------------------------------------------------------------------

class AuditTest : public IdentityTest {
 protected:
  AuditTest() {
    options_.access_log = false;
    options_.audit = AuditLevel::changes;
    restart();
  }

  // "action result user" of each line since the last call.
  std::vector<std::string> events() {
    std::vector<std::string> out;
    std::istringstream lines(logged());
    for (std::string text; std::getline(lines, text);) {
      last_ = nlohmann::json::parse(text);
      EXPECT_EQ(last_["audit"], true);
      EXPECT_EQ(last_["msg"], "audit");
      out.push_back(last_["action"].get<std::string>() + " " + last_["result"].get<std::string>() +
                    " " + last_["user"].get<std::string>());
    }
    return out;
  }
  Answer as(const std::string& word, std::string_view method, const std::string& target,
            const std::string& body = {}) {
    return send(method, target, {{"Authorization", word}, {"X-Request-Id", "id-1"}}, body);
  }

  nlohmann::json last_;
};

TEST_F(AuditTest, HoldsWhatWasPushedAndDeletedAndWhoWasRefused) {
  using Events = std::vector<std::string>;
  const std::string blob = sha256("blob");
  const std::string location = as("push", "POST", "/v2/team/app/blobs/uploads/").header("Location");
  EXPECT_EQ(events(), Events{});
  EXPECT_EQ(as("push", "PUT", with(location, "digest=" + blob), "blob").status, 201);
  EXPECT_EQ(events(), Events{"push_blob done push"});
  EXPECT_EQ(last_["repository"], "team/app");
  EXPECT_EQ(last_["digest"], blob);
  EXPECT_EQ(last_["peer"], "192.0.2.1:1234");
  EXPECT_EQ(last_["request_id"], "id-1");
  EXPECT_EQ(last_["status"], 201);
  EXPECT_EQ(as("push", "POST", "/v2/other/blobs/uploads/?from=team/app&mount=" + blob).status, 201);
  EXPECT_EQ(events(), Events{"push_blob done push"});
  EXPECT_EQ(last_["from"], "team/app");

  as("admin", "DELETE", "/v2/other/blobs/" + blob);
  as("admin", "DELETE", "/v2/other/manifests/v1");
  as("push", "DELETE", "/v2/other/manifests/v1");
  as("pull", "GET", "/v2/secret/tags/list");
  EXPECT_EQ(events(), (Events{"delete_blob done admin", "delete_manifest failed admin",
                              "delete_manifest refused push", "list_tags refused pull"}));

  as("pull", "GET", "/v2/");
  as("pull", "GET", "/v2/team/app/blobs/" + blob);
  send("POST", "/v2/team/app/blobs/uploads/");
  EXPECT_EQ(events(), Events{});
}

TEST_F(AuditTest, NamesTheTagsThatAPushSets) {
  guard_ = nullptr;
  restart();
  const std::string manifest = image_manifest("app", "one");
  logged();
  const std::string digest = sha256(manifest);
  EXPECT_EQ(send("PUT", "/v2/app/manifests/" + digest + "?tag=a&tag=b",
                 {{"Content-Type", std::string(kOciManifest)}}, manifest)
                .status,
            201);
  EXPECT_EQ(events(), std::vector<std::string>{"push_manifest done "});
  EXPECT_EQ(last_["reference"], digest);
  EXPECT_EQ(last_["digest"], digest);
  EXPECT_EQ(last_["tags"], "a, b");
}

TEST_F(AuditTest, CanHoldEverythingOrNothing) {
  options_.audit = AuditLevel::all;
  restart();
  as("pull", "GET", "/v2/");
  as("pull", "HEAD", "/v2/app/manifests/v1");
  EXPECT_EQ(events(), (std::vector<std::string>{"login done pull", "pull_manifest failed pull"}));
  options_.audit = AuditLevel::off;
  restart();
  as("admin", "DELETE", "/v2/app/manifests/v1");
  EXPECT_EQ(logged(), "");
}

}  // namespace
}  // namespace bunker::api
