// Tokens from a service of our own: every algorithm, every way to name a key, and every way to
// cheat that is known.
#include "registryd/auth/token.h"

#include <fstream>

#include <gmock/gmock.h>

#include "lib/base/encoding.h"
#include "lib/runtime/io_threads.h"
#include "registryd/auth/jwk.h"
#include "registryd/auth/token_keys.h"
#include "tests/unit/registryd/auth/htpasswd_support.h"
#include "tests/unit/registryd/auth/token_support.h"

namespace bunker::auth {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::jwk_of;
using testing::make_certificate;
using testing::make_key;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override {
    return SystemTime(std::chrono::seconds(seconds));
  }
  std::int64_t seconds = 1'800'000'000;
};

class TokenTest : public HtpasswdTest {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder() / name) << text;
  }
  void write_set(const std::vector<json>& keys) { write("jwks", json{{"keys", keys}}.dump()); }

  void open(const std::string& bundle, const std::string& jwks,
            std::vector<std::string> algorithms = {}) {
    TokenOptions options;
    options.realm = "https://auth.example/token";
    options.service = "registry.example";
    options.issuer = "the issuer";
    if (!bundle.empty()) options.root_cert_bundle = folder() / bundle;
    if (!jwks.empty()) options.jwks = folder() / jwks;
    options.signing_algorithms = std::move(algorithms);
    options.check_interval = std::chrono::milliseconds(0);
    auto opened = open_token(options, clock_, log_, metrics_);
    ASSERT_TRUE(opened) << to_string(opened.error());
    authenticator_ = *std::move(opened);
  }

  [[nodiscard]] json claims() const {
    return {{"iss", "the issuer"},
            {"sub", "alice"},
            {"aud", "registry.example"},
            {"exp", clock_.seconds + 300},
            {"nbf", clock_.seconds - 10},
            {"access",
             {{{"type", "repository"}, {"name", "team/app"}, {"actions", {"pull", "push"}}}}}};
  }
  [[nodiscard]] std::string token(EVP_PKEY* key, const std::string& algorithm, json header,
                                  const json& said) const {
    header["alg"] = algorithm;
    return testing::sign(header.dump(), said.dump(), key, algorithm);
  }

  Admission identify(const std::string& token) {
    http::Request request;
    request.headers.add("Authorization", "Bearer " + token);
    request.headers.add("Host", "r.example");
    Context context;
    return run_task(authenticator_->identify(context, request,
                                             {{Access::To::repository, "team/app", Action::pull}}));
  }
  // "alice", or why not.
  std::string outcome(const std::string& token) {
    const Admission admission = identify(token);
    if (admission) return admission->user;
    EXPECT_EQ(admission.error().error.reason, "UNAUTHORIZED");
    EXPECT_THAT(admission.error().challenge, HasSubstr("error=\"invalid_token\""));
    return admission.error().error.message;
  }

  FixedClock clock_;
  std::unique_ptr<Authenticator> authenticator_;
};

struct Kind {
  const char* type;
  std::vector<std::string> algorithms;
};
const std::vector<Kind> kKinds = {{"RSA", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
                                  {"P-256", {"ES256"}},
                                  {"P-384", {"ES384"}},
                                  {"P-521", {"ES512"}},
                                  {"ED25519", {"EdDSA"}}};

TEST_F(TokenTest, EveryAlgorithmAndNoOtherForAKey) {
  for (const Kind& kind : kKinds) {
    const auto key = make_key(kind.type);
    json jwk = jwk_of(key.get());
    jwk["kid"] = "k1";
    write_set({jwk});
    open("", "jwks");
    for (const std::string& algorithm : kind.algorithms) {
      const std::string good = token(key.get(), algorithm, {{"kid", "k1"}}, claims());
      EXPECT_EQ(outcome(good), "alice") << algorithm;
      // The same signature under the names of all others.
      for (const Kind& other : kKinds) {
        for (const std::string& name : other.algorithms) {
          if (name == algorithm) continue;
          const std::string header = base64url_encode(json{{"alg", name}, {"kid", "k1"}}.dump());
          EXPECT_NE(outcome(header + good.substr(good.find('.'))), "alice") << name;
        }
      }
      for (std::size_t cut : {std::size_t{1}, std::size_t{4}}) {
        EXPECT_NE(outcome(good.substr(0, good.size() - cut)), "alice");
      }
    }
  }
}

TEST_F(TokenTest, KeysAreNamedByKidThumbprintFingerprintAndJwk) {
  const auto key = make_key("P-256");
  write("bundle", make_certificate(key.get(), "signer", nullptr, "", false));
  open("bundle", "");
  const PublicKey known = *PublicKey::from_jwk(jwk_of(key.get()));
  EXPECT_EQ(known.fingerprint().size(), 59u);
  const auto with = [&](const json& header) {
    return outcome(token(key.get(), "ES256", header, claims()));
  };
  EXPECT_EQ(with({{"kid", known.thumbprint()}}), "alice");
  EXPECT_EQ(with({{"kid", known.fingerprint()}}), "alice");
  EXPECT_EQ(with({{"jwk", jwk_of(key.get())}}), "alice");
  EXPECT_THAT(with({}), HasSubstr("it names none"));
  EXPECT_THAT(with({{"kid", "other"}}), HasSubstr("its kid is none of ours"));
  EXPECT_EQ(with({{"kid", known.thumbprint()}, {"typ", "JWT"}}), "alice");
  EXPECT_THAT(with({{"kid", known.thumbprint()}, {"crit", {"exp"}}}), HasSubstr("extensions"));
}

TEST_F(TokenTest, AJwkIsComparedAndNotBelieved) {
  const auto key = make_key("P-256");
  const auto mallory = make_key("P-256");
  json trusted = jwk_of(key.get());
  trusted["kid"] = "k1";
  write_set({trusted});
  open("", "jwks");
  // CVE-2025-24976: another's key under the kid of a trusted one.
  json forged = jwk_of(mallory.get());
  forged["kid"] = "k1";
  EXPECT_THAT(outcome(token(mallory.get(), "ES256", {{"jwk", forged}, {"kid", "k1"}}, claims())),
              HasSubstr("its jwk is none of ours"));
  EXPECT_EQ(outcome(token(key.get(), "ES256", {{"jwk", jwk_of(key.get())}}, claims())), "alice");
}

TEST_F(TokenTest, ChainsEndInTheBundle) {
  const auto root = make_key("RSA"), middle = make_key("P-256"), leaf = make_key("ED25519");
  const std::string root_pem = make_certificate(root.get(), "root", nullptr, "", true);
  const std::string middle_pem = make_certificate(middle.get(), "middle", root.get(), "root", true);
  const std::string leaf_pem = make_certificate(leaf.get(), "leaf", middle.get(), "middle", false);
  write("bundle", "a comment\n" + root_pem);
  open("bundle", "");
  using testing::x5c_entry;
  const json chain = {x5c_entry(leaf_pem), x5c_entry(middle_pem)};
  EXPECT_EQ(outcome(token(leaf.get(), "EdDSA", {{"x5c", chain}}, claims())), "alice");
  EXPECT_THAT(outcome(token(leaf.get(), "EdDSA", {{"x5c", {x5c_entry(leaf_pem)}}}, claims())),
              HasSubstr("chain of certificates"));
  // Signed by another key than the chain's.
  EXPECT_THAT(outcome(token(make_key("ED25519").get(), "EdDSA", {{"x5c", chain}}, claims())),
              HasSubstr("signature is wrong"));
  // A leaf is no authority.
  const auto mallory = make_key("ED25519");
  const std::string forged = make_certificate(mallory.get(), "m", leaf.get(), "leaf", false);
  const json longer = {x5c_entry(forged), x5c_entry(leaf_pem), x5c_entry(middle_pem)};
  EXPECT_THAT(outcome(token(mallory.get(), "EdDSA", {{"x5c", longer}}, claims())),
              HasSubstr("chain of certificates"));
}

TEST_F(TokenTest, ClaimsMustBeForUsAndNow) {
  const auto key = make_key("ED25519");
  write_set({jwk_of(key.get())});
  open("", "jwks");
  const auto with = [&](const json& changes) {
    json said = claims();
    said.merge_patch(changes);
    return outcome(token(key.get(), "EdDSA", {{"jwk", jwk_of(key.get())}}, said));
  };
  const std::int64_t now = clock_.seconds;
  EXPECT_EQ(with(json::object()), "alice");
  EXPECT_EQ(with({{"aud", {"other", "registry.example"}}}), "alice");
  EXPECT_EQ(with({{"exp", now - 59}}), "alice");
  EXPECT_EQ(with({{"nbf", now + 59}}), "alice");
  EXPECT_EQ(with({{"nbf", nullptr}}), "alice");
  EXPECT_EQ(with({{"sub", nullptr}}), "");
  EXPECT_THAT(with({{"exp", now - 62}}), HasSubstr("has expired"));
  EXPECT_THAT(with({{"exp", nullptr}}), HasSubstr("has expired"));
  EXPECT_THAT(with({{"nbf", now + 62}}), HasSubstr("not valid yet"));
  EXPECT_THAT(with({{"iss", "another"}}), HasSubstr("another issuer"));
  EXPECT_THAT(with({{"aud", "other"}}), HasSubstr("another service"));
  EXPECT_THAT(with({{"aud", nullptr}}), HasSubstr("another service"));
  EXPECT_THAT(with({{"exp", 1e300}}), HasSubstr("exp is not a time"));
  EXPECT_THAT(with({{"access", "all"}}), HasSubstr("access is no list"));
}

TEST_F(TokenTest, ATokenThatIsRememberedStillExpires) {
  const auto key = make_key("ED25519");
  write_set({jwk_of(key.get())});
  open("", "jwks");
  const std::string good = token(key.get(), "EdDSA", {{"jwk", jwk_of(key.get())}}, claims());
  EXPECT_EQ(outcome(good), "alice");
  EXPECT_EQ(outcome(good), "alice");
  EXPECT_EQ(metric("bunker_auth_attempts_total{method=\"token\",result=\"cached\"}"), 1u);
  clock_.seconds += 400;
  EXPECT_THAT(outcome(good), HasSubstr("has expired"));
}

TEST_F(TokenTest, KeysChangeUnderTheRunningRegistry) {
  const auto key = make_key("ED25519"), next = make_key("ED25519");
  write_set({jwk_of(key.get())});
  open("", "jwks");
  const std::string old_token = token(key.get(), "EdDSA", {{"jwk", jwk_of(key.get())}}, claims());
  EXPECT_EQ(outcome(old_token), "alice");
  write("jwks", "{\"keys\": [");
  settle();
  EXPECT_EQ(outcome(old_token), "alice");
  write_set({jwk_of(next.get())});
  settle();
  EXPECT_NE(outcome(old_token), "alice");
  EXPECT_EQ(outcome(token(next.get(), "EdDSA", {{"jwk", jwk_of(next.get())}}, claims())), "alice");
  EXPECT_EQ(metric("bunker_token_keys_reloads_total{result=\"failed\"}"), 1u);
}

TEST_F(TokenTest, RefusesWhatIsNoTokenOrSignedByNobody) {
  const auto key = make_key("RSA");
  json jwk = jwk_of(key.get());
  jwk["kid"] = "k1";
  write_set({jwk});
  open("", "jwks");
  const std::string body = base64url_encode(claims().dump());
  const auto unsigned_token = [&](const std::string& header, const std::string& signature) {
    return outcome(base64url_encode(header) + '.' + body + '.' + signature);
  };
  for (const char* const algorithm : {"none", "None", "NONE", "HS256", "rs256", ""}) {
    const std::string header = json{{"alg", algorithm}, {"kid", "k1"}}.dump();
    EXPECT_THAT(unsigned_token(header, "AAAA"), HasSubstr("no algorithm that is accepted"));
    EXPECT_THAT(unsigned_token(header, ""), HasSubstr("malformed"));
  }
  EXPECT_THAT(unsigned_token(R"({"alg":"RS256","alg":"none","kid":"k1"})", "AAAA"),
              HasSubstr("twice"));
  EXPECT_THAT(outcome("a.b"), HasSubstr("three parts"));
  EXPECT_THAT(outcome("a.b.c.d"), HasSubstr("three parts"));
  EXPECT_THAT(outcome("!!.b.c"), HasSubstr("malformed"));
  EXPECT_THAT(outcome(std::string(20'000, 'a')), HasSubstr("longer than 16 KiB"));
  const std::string good = token(key.get(), "RS256", {{"kid", "k1"}}, claims());
  EXPECT_EQ(outcome(good), "alice");
  EXPECT_NE(outcome(good + "="), "alice");
  EXPECT_NE(outcome(good + " "), "alice");
  // Another claim under the same signature.
  json more = claims();
  more["sub"] = "root";
  const std::size_t first = good.find('.'), second = good.rfind('.');
  EXPECT_THAT(
      outcome(good.substr(0, first + 1) + base64url_encode(more.dump()) + good.substr(second)),
      HasSubstr("signature is wrong"));
}

TEST_F(TokenTest, OnlyConfiguredAlgorithmsAreAccepted) {
  const auto key = make_key("RSA");
  write_set({jwk_of(key.get())});
  open("", "jwks", {"PS256"});
  const json header = {{"jwk", jwk_of(key.get())}};
  EXPECT_EQ(outcome(token(key.get(), "PS256", header, claims())), "alice");
  EXPECT_THAT(outcome(token(key.get(), "RS256", header, claims())), HasSubstr("not accepted"));
  TokenOptions options;
  options.jwks = folder() / "jwks";
  options.signing_algorithms = {"HS256"};
  EXPECT_FALSE(open_token(options, clock_, log_, metrics_));
}

TEST_F(TokenTest, GrantsAreWhatTheTokenNames) {
  const auto key = make_key("ED25519");
  write_set({jwk_of(key.get())});
  open("", "jwks");
  json said = claims();
  said["access"].push_back({{"type", "repository"}, {"name", "all"}, {"actions", {"*"}}});
  said["access"].push_back({{"type", "registry"}, {"name", "catalog"}, {"actions", {"*"}}});
  const Admission who = identify(token(key.get(), "EdDSA", {{"jwk", jwk_of(key.get())}}, said));
  ASSERT_TRUE(who);
  const auto allows = [&](const std::string& name, Action action) {
    return who->grants->allow({Access::To::repository, name, action});
  };
  EXPECT_TRUE(allows("team/app", Action::pull));
  EXPECT_TRUE(allows("team/app", Action::push));
  EXPECT_FALSE(allows("team/app", Action::remove));
  EXPECT_FALSE(allows("team", Action::pull));
  EXPECT_TRUE(allows("all", Action::remove));
  EXPECT_TRUE(who->grants->allow({Access::To::catalog, "", Action::pull}));
  EXPECT_FALSE(who->grants->allow({Access::To::every_repository, "", Action::pull}));
  EXPECT_TRUE(who->has_credentials);
}

TEST_F(TokenTest, ChallengesAsDistributionDoes) {
  const auto key = make_key("ED25519");
  write_set({jwk_of(key.get())});
  open("", "jwks");
  const http::Request request;
  const std::string realm =
      "Bearer realm=\"https://auth.example/token\",service=\"registry.example\"";
  using Lack = Authenticator::Lack;
  EXPECT_EQ(authenticator_->challenge(request, {}, Lack::credentials), realm);
  const std::vector<Access> push = {{Access::To::repository, "team/app", Action::pull},
                                    {Access::To::repository, "team/app", Action::push}};
  EXPECT_EQ(authenticator_->challenge(request, push, Lack::scope),
            realm + ",scope=\"repository:team/app:pull,push\",error=\"insufficient_scope\"");
  EXPECT_EQ(authenticator_->challenge(request, {{Access::To::catalog, "", Action::pull}},
                                      Lack::credentials),
            realm + ",scope=\"registry:catalog:*\"");
  EXPECT_EQ(authenticator_->challenge(request, {{Access::To::repository, "a\"b", Action::remove}},
                                      Lack::credentials),
            realm + ",scope=\"repository:a\\\"b:delete\"");
  EXPECT_TRUE(authenticator_->always_needed());
}

TEST(KeySetTest, TakesWhatSignsAndLeavesTheRest) {
  const auto key = make_key("P-256");
  json encrypting = jwk_of(make_key("RSA").get());
  encrypting["use"] = "enc";
  const json secret = {{"kty", "oct"}, {"k", "c2VjcmV0"}};
  const auto set = parse_key_set(json{{"keys", {secret, encrypting, jwk_of(key.get())}}}.dump());
  ASSERT_TRUE(set) << to_string(set.error());
  EXPECT_EQ(set->keys.size(), 1u);
  EXPECT_EQ(set->warnings.size(), 2u);
  EXPECT_FALSE(parse_key_set(json{{"keys", {secret}}}.dump()));
  EXPECT_FALSE(parse_key_set(R"({"keys":[]})"));
  EXPECT_FALSE(parse_key_set("[]"));
  json twin = jwk_of(key.get());
  twin["kid"] = "same";
  EXPECT_FALSE(parse_key_set(json{{"keys", {twin, twin}}}.dump()));
}

TEST(KeySetTest, RefusesKeysThatAreWeakOrBroken) {
  json key = jwk_of(make_key("P-256").get());
  key["y"] = key["x"];  // off the curve
  EXPECT_FALSE(PublicKey::from_jwk(key));
  json short_rsa = {
      {"kty", "RSA"}, {"e", "AQAB"}, {"n", base64url_encode(std::string(64, '\xff'))}};
  EXPECT_FALSE(PublicKey::from_jwk(short_rsa));
  json even = jwk_of(make_key("RSA").get());
  even["e"] = "Ag";
  EXPECT_FALSE(PublicKey::from_jwk(even));
  json mismatched = jwk_of(make_key("P-256").get());
  mismatched["alg"] = "RS256";
  EXPECT_FALSE(PublicKey::from_jwk(mismatched));
  EXPECT_FALSE(PublicKey::from_jwk(json{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "AA"}}));
  EXPECT_FALSE(PublicKey::from_jwk(json("text")));
}

// RFC 7638 §3.1.
TEST(KeySetTest, ThumbprintsAreThoseOfTheStandard) {
  const json jwk = {{"kty", "RSA"},
                    {"n",
                     "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuh"
                     "DR1L6tSoc_BJECP"
                     "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
                     "65YGjQR0_FDW2QvzqY"
                     "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
                     "bFTWhAI4vMQFh6WeZu0f"
                     "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"},
                    {"e", "AQAB"}};
  const auto key = PublicKey::from_jwk(jwk);
  ASSERT_TRUE(key) << to_string(key.error());
  EXPECT_EQ(key->thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

}  // namespace
}  // namespace bunker::auth
