#include "registryd/auth/token.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "registryd/auth/jwt.h"
#include "registryd/auth/token_cache.h"
#include "registryd/auth/token_source.h"

namespace bunker::auth {
namespace {

// As distribution: clocks differ.
constexpr std::int64_t kLeewaySeconds = 60;
constexpr std::chrono::seconds kCacheLifetime{60};
constexpr std::size_t kCacheCapacity = 4096;

// Text in double quotes, as a field's parameter (RFC 9110 §5.6.4).
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out + '"';
}

// "repository:team/app:pull,push repository:other:pull": what a token must be asked for.
std::string scope_of(const std::vector<Access>& wanted) {
  std::string out;
  const Access* last = nullptr;
  for (const Access& access : wanted) {
    const bool is_catalog = access.to == Access::To::catalog;
    if (last != nullptr && !is_catalog && last->to == access.to &&
        last->repository == access.repository) {
      out += ',';
    } else {
      if (!out.empty()) out += ' ';
      out += is_catalog ? "registry:catalog:" : "repository:" + access.repository + ':';
    }
    out += is_catalog ? "*" : std::string(to_string(access.action));
    last = &access;
  }
  return out;
}

class TokenGrants final : public Grants {
 public:
  explicit TokenGrants(const std::vector<TokenAccess>& list) {
    for (const TokenAccess& access : list) {
      for (const std::string& action : access.actions) {
        granted_.emplace(access.type, access.name, action);
      }
    }
  }

  [[nodiscard]] bool allow(const Access& access) const override {
    switch (access.to) {
      case Access::To::repository:
        return has("repository", access.repository, "*") ||
               has("repository", access.repository, std::string(to_string(access.action)));
      case Access::To::catalog:
        return has("registry", "catalog", "*");
      case Access::To::every_repository:
        return false;  // a token names what it is for
    }
    return false;
  }

 private:
  [[nodiscard]] bool has(std::string type, std::string name, std::string action) const {
    return granted_.contains({std::move(type), std::move(name), std::move(action)});
  }
  std::set<std::tuple<std::string, std::string, std::string>> granted_;
};

struct Attempts {
  explicit Attempts(Metrics& metrics)
      : cached(make(metrics, "cached")),
        accepted(make(metrics, "accepted")),
        refused(make(metrics, "refused")) {}

  static Counter& make(Metrics& metrics, std::string_view result) {
    return metrics.counter("bunker_auth_attempts_total",
                           "Requests that carried credentials, by what came of them.",
                           {{"method", "token"}, {"result", std::string(result)}});
  }

  Counter& cached;    // right, and known to be
  Counter& accepted;  // right, found so by its signature
  Counter& refused;
};

class Token final : public Authenticator {
 public:
  Token(TokenOptions options, std::set<Signing> algorithms, std::unique_ptr<TokenKeySource> keys,
        const Clock& clock, Logger& log, Metrics& metrics)
      : options_(std::move(options)),
        algorithms_(std::move(algorithms)),
        keys_(std::move(keys)),
        clock_(clock),
        log_(log),
        attempts_(metrics),
        cache_(kCacheLifetime, kCacheCapacity) {}

  Task<Admission> identify(Context& context, const http::Request& request,
                           const std::vector<Access>& wanted) override {
    const auto header = request.headers.joined("Authorization");
    const auto token = header ? bearer(*header) : std::nullopt;
    // Other schemes are no token: the challenge says what is wanted (as distribution has it).
    if (!token) co_return Identity{};
    auto claims = check(*token);
    if (claims) claims = in_time(*claims);
    if (claims) {
      Identity identity;
      identity.user = (*claims)->subject;
      identity.has_credentials = true;
      identity.grants = (*claims)->grants;
      co_return identity;
    }
    attempts_.refused.add();
    log_.info("token refused", {{"error", claims.error().message},
                                {"peer", request.peer.address},
                                {"request_id", context.request_id}});
    co_return std::unexpected(Refusal{
        Error(Code::unauthenticated, claims.error().message, claims.error().detail, "UNAUTHORIZED"),
        make_challenge(request, wanted, "invalid_token"),
        {}});
  }

  [[nodiscard]] std::string challenge(const http::Request& request,
                                      const std::vector<Access>& wanted, Lack lack) const override {
    return make_challenge(request, wanted, lack == Lack::scope ? "insufficient_scope" : "");
  }

  std::vector<Reloaded> reload() override { return keys_->reload(); }

  [[nodiscard]] bool always_needed() const noexcept override { return true; }

 private:
  // What follows "Bearer "; nullopt: another scheme.
  static std::optional<std::string_view> bearer(std::string_view header) {
    constexpr std::string_view kScheme = "bearer ";
    const bool is_bearer =
        header.size() > kScheme.size() &&
        std::ranges::equal(header.substr(0, kScheme.size()), kScheme,
                           [](char c, char scheme) { return (c | 0x20) == scheme; });
    if (!is_bearer) return std::nullopt;
    header.remove_prefix(kScheme.size());
    return header;
  }

  // What the token says, where it is signed by whom we trust, for us. Its times are left.
  Result<TokenClaimsPtr> check(std::string_view token) {
    const auto keys = keys_->current();
    const auto now = std::chrono::steady_clock::now();
    const TokenCache::Key key = TokenCache::key(token);
    if (auto known = cache_.find(key, keys, now)) {
      attempts_.cached.add();
      return known;
    }
    BUNKER_TRY_ASSIGN(const Jwt jwt, parse_jwt(token));
    if (!algorithms_.contains(jwt.algorithm)) {
      return fail(Code::unauthenticated,
                  "the token is signed by an algorithm that is not accepted");
    }
    BUNKER_TRY_ASSIGN(const PublicKey signer, keys->find(jwt));
    if (!signer.verifies(jwt.algorithm, jwt.signed_text, jwt.signature)) {
      return fail(Code::unauthenticated, "the token's signature is wrong");
    }
    if (jwt.issuer != options_.issuer) {
      return fail(Code::unauthenticated, "the token is of another issuer");
    }
    if (std::ranges::find(jwt.audience, options_.service) == jwt.audience.end()) {
      return fail(Code::unauthenticated, "the token is for another service");
    }
    auto claims = std::make_shared<TokenClaims>();
    claims->subject = jwt.subject;
    claims->not_before = jwt.not_before;
    claims->expires = jwt.expires;
    claims->grants = std::make_shared<const TokenGrants>(jwt.access);
    attempts_.accepted.add();
    cache_.insert(key, keys, claims, now);
    return claims;
  }

  Result<TokenClaimsPtr> in_time(TokenClaimsPtr claims) const {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    if (now > claims->expires + kLeewaySeconds) {
      return fail(Code::unauthenticated, "the token has expired", "get a new one");
    }
    if (now < claims->not_before - kLeewaySeconds) {
      return fail(Code::unauthenticated, "the token is not valid yet",
                  "compare the clocks of this machine and of the token service's");
    }
    return claims;
  }

  [[nodiscard]] std::string make_challenge(const http::Request& request,
                                           const std::vector<Access>& wanted,
                                           std::string_view error) const {
    std::string realm = options_.realm;
    if (options_.auto_redirect) {
      realm = "https://" + std::string(request.headers.get("Host").value_or("")) +
              options_.auto_redirect_path;
    }
    std::string out =
        "Bearer realm=" + in_quotes(realm) + ",service=" + in_quotes(options_.service);
    if (const std::string scope = scope_of(wanted); !scope.empty())
      out += ",scope=" + in_quotes(scope);
    if (!error.empty()) out += ",error=" + in_quotes(error);
    return out;
  }

  const TokenOptions options_;
  const std::set<Signing> algorithms_;  // accepted
  const std::unique_ptr<TokenKeySource> keys_;
  const Clock& clock_;
  Logger& log_;
  Attempts attempts_;
  TokenCache cache_;
};

Result<std::set<Signing>> accepted_algorithms(const std::vector<std::string>& names) {
  constexpr std::array kAll = {"RS256", "RS384", "RS512", "PS256", "PS384",
                               "PS512", "ES256", "ES384", "ES512", "EdDSA"};
  std::vector<std::string> wanted = names;
  if (wanted.empty()) wanted.assign(kAll.begin(), kAll.end());
  std::set<Signing> out;
  for (const std::string& name : wanted) {
    const auto algorithm = parse_signing(name);
    if (!algorithm) {
      return fail(Code::invalid, "tokens signed by " + name + " are not accepted",
                  "use RS, PS or ES with 256, 384 or 512, or EdDSA");
    }
    out.insert(*algorithm);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Authenticator>> open_token(TokenOptions options, const Clock& clock,
                                                  Logger& log, Metrics& metrics) {
  BUNKER_TRY_ASSIGN(auto algorithms, accepted_algorithms(options.signing_algorithms));
  BUNKER_TRY_ASSIGN(auto keys, TokenKeySource::open({options.root_cert_bundle, options.jwks},
                                                    options.check_interval, log, metrics));
  return std::make_unique<Token>(std::move(options), std::move(algorithms), std::move(keys), clock,
                                 log, metrics);
}

}  // namespace bunker::auth
