#include "registryd/auth/token_source.h"

#include <utility>

namespace bunker::auth {
namespace {

WatchedFile::Options watched(const std::string& path, std::string what,
                             std::chrono::milliseconds check_interval) {
  WatchedFile::Options options;
  options.path = path;
  options.what = std::move(what);
  options.metric = "bunker_token_keys_reloads_total";
  options.metric_help = "Times a file of keys for tokens was read because it had changed.";
  options.check_interval = check_interval;
  return options;
}

}  // namespace

Result<std::unique_ptr<TokenKeySource>> TokenKeySource::open(
    const Paths& paths, std::chrono::milliseconds check_interval, Logger& log, Metrics& metrics) {
  std::unique_ptr<TokenKeySource> source(new TokenKeySource(log));
  TokenKeySource* const target = source.get();
  if (!paths.bundle.empty()) {
    const auto adopt = [target](std::string_view text) { return target->adopt_bundle(text); };
    BUNKER_TRY_ASSIGN(
        source->bundle_,
        WatchedFile::open(watched(paths.bundle, "bundle of token certificates", check_interval),
                          adopt, log, metrics));
  }
  if (!paths.key_set.empty()) {
    const auto adopt = [target](std::string_view text) { return target->adopt_key_set(text); };
    BUNKER_TRY_ASSIGN(source->key_set_file_,
                      WatchedFile::open(watched(paths.key_set, "set of token keys", check_interval),
                                        adopt, log, metrics));
  }
  return source;
}

Result<void> TokenKeySource::adopt_bundle(std::string_view text) {
  BUNKER_TRY_ASSIGN(TrustedCertificates parsed, parse_certificates(text));
  const std::lock_guard lock(mutex_);
  certificates_ = std::move(parsed);
  keys_ = std::make_shared<const TokenKeys>(certificates_, key_set_);
  return {};
}

Result<void> TokenKeySource::adopt_key_set(std::string_view text) {
  BUNKER_TRY_ASSIGN(TrustedKeySet parsed, parse_key_set(text));
  for (const std::string& warning : parsed.warnings) {
    log_.warn("a key for tokens is not used", {{"why", warning}});
  }
  const std::lock_guard lock(mutex_);
  key_set_ = std::move(parsed);
  keys_ = std::make_shared<const TokenKeys>(certificates_, key_set_);
  return {};
}

std::vector<Reloaded> TokenKeySource::reload() {
  std::vector<Reloaded> out;
  if (bundle_) out.push_back(bundle_->reload());
  if (key_set_file_) out.push_back(key_set_file_->reload());
  return out;
}

std::shared_ptr<const TokenKeys> TokenKeySource::current() {
  if (bundle_) bundle_->check();
  if (key_set_file_) key_set_file_->check();
  const std::lock_guard lock(mutex_);
  return keys_;
}

}  // namespace bunker::auth
