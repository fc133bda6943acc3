#include "registryd/admission.h"

#include <string>
#include <string_view>
#include <utility>

#include "registryd/auth/htpasswd.h"
#include "registryd/auth/token.h"
#include "registryd/config/load.h"

namespace bunker {
namespace {

// Null: nobody is asked for credentials.
Result<std::unique_ptr<auth::Authenticator>> open_authenticator(const config::Auth& config,
                                                                BlockingPool& pool,
                                                                const Clock& clock, Logger& log,
                                                                Metrics& metrics) {
  if (config.token) {
    auth::TokenOptions options;
    options.realm = config.token->realm;
    options.service = config.token->service;
    options.issuer = config.token->issuer;
    options.root_cert_bundle = config.token->root_cert_bundle;
    options.jwks = config.token->jwks;
    options.signing_algorithms = config.token->signing_algorithms;
    options.auto_redirect = config.token->auto_redirect;
    options.auto_redirect_path = config.token->auto_redirect_path;
    return auth::open_token(std::move(options), clock, log, metrics);
  }
  if (!config.htpasswd) return nullptr;
  auth::HtpasswdOptions options;
  options.path = config.htpasswd->path;
  options.realm = config.htpasswd->realm;
  return auth::open_htpasswd(std::move(options), pool, log, metrics);
}

// Null: there is no policy.
Result<std::unique_ptr<auth::PolicySource>> open_policies(const config::Access& config, Logger& log,
                                                          Metrics& metrics) {
  if (!config.file.empty()) {
    auth::PolicySource::FileOptions options;
    options.path = config.file;
    options.parse = [path = config.file](std::string_view text) {
      return config::parse_policy(text, path);
    };
    return auth::PolicySource::open(std::move(options), log, metrics);
  }
  if (config.rules.empty() && config.immutable.empty()) return nullptr;
  access::PolicyText text;
  text.rules = config.rules;
  text.immutable = config.immutable;
  BUNKER_TRY_ASSIGN(access::Policy policy, access::Policy::make(text));
  return std::make_unique<auth::PolicySource>(std::move(policy));
}

}  // namespace

Admission::Admission(std::unique_ptr<auth::Authenticator> authenticator,
                     std::unique_ptr<auth::PolicySource> policies, config::Ping ping)
    : authenticator_(std::move(authenticator)), policies_(std::move(policies)) {
  if (authenticator_ == nullptr && policies_ == nullptr) return;
  auth::GuardParts parts;
  parts.authenticator = authenticator_.get();
  parts.policies = policies_.get();
  parts.challenge_ping = ping == config::Ping::challenge;
  guard_ = auth::make_guard(parts);
}

std::vector<auth::Reloaded> Admission::reload() {
  std::vector<auth::Reloaded> out;
  if (authenticator_) out = authenticator_->reload();
  if (policies_) {
    if (auto rules = policies_->reload()) out.push_back(*std::move(rules));
  }
  return out;
}

Result<std::unique_ptr<Admission>> open_admission(const config::Config& config, BlockingPool& pool,
                                                  const Clock& clock, Logger& log,
                                                  Metrics& metrics) {
  BUNKER_TRY_ASSIGN(auto authenticator, open_authenticator(config.auth, pool, clock, log, metrics));
  BUNKER_TRY_ASSIGN(auto policies, open_policies(config.bunker.access, log, metrics));
  return std::make_unique<Admission>(std::move(authenticator), std::move(policies),
                                     config.bunker.access.ping);
}

}  // namespace bunker
