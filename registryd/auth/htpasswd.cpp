#include "registryd/auth/htpasswd.h"

#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "lib/runtime/shared_result.h"
#include "registryd/auth/basic.h"
#include "registryd/auth/bcrypt.h"
#include "registryd/auth/credential_cache.h"
#include "registryd/auth/htpasswd_file.h"

namespace bunker::auth {
namespace {

constexpr std::chrono::hours kCacheLifetime{1};
constexpr std::size_t kCacheCapacity = 4096;
// libxcrypt takes no longer ones; bcrypt itself ignores what is beyond 72 bytes.
constexpr std::size_t kMaxPassword = 511;

// The outcomes of an attempt, as counters.
struct Attempts {
  explicit Attempts(Metrics& metrics)
      : cached(make(metrics, "cached")),
        accepted(make(metrics, "accepted")),
        refused(make(metrics, "refused")),
        overloaded(make(metrics, "overloaded")) {}

  static Counter& make(Metrics& metrics, std::string_view result) {
    return metrics.counter("bunker_auth_attempts_total",
                           "Requests that carried credentials, by what came of them.",
                           {{"method", "htpasswd"}, {"result", std::string(result)}});
  }

  Counter& cached;    // right, and known to be
  Counter& accepted;  // right, found so by bcrypt
  Counter& refused;
  Counter& overloaded;
};

class Htpasswd final : public Authenticator {
 public:
  Htpasswd(HtpasswdOptions options, std::unique_ptr<HtpasswdFile> file, BlockingPool& pool,
           Logger& log, Metrics& metrics)
      : options_(std::move(options)),
        challenge_(basic_challenge(options_.realm)),
        file_(std::move(file)),
        log_(log),
        attempts_(metrics),
        cache_(kCacheLifetime, kCacheCapacity),
        pool_(pool) {}

  Task<Admission> identify(Context& context, const http::Request& request,
                           const std::vector<Access>&) override {
    const auto header = request.headers.joined("Authorization");
    if (!header || is_empty_basic(*header)) co_return Identity{};
    auto credentials = parse_basic(*header);
    if (!credentials || credentials->password.size() > kMaxPassword) {
      attempts_.refused.add();
      co_return refuse("the Authorization header holds no usable Basic credentials",
                       "send one header with user:password in UTF-8 and base64");
    }
    const auto users = file_->current();
    const auto entry = users->hashes.find(credentials->user);
    const bool known = entry != users->hashes.end();
    const std::string& hash = known ? entry->second : users->decoy;
    const auto key = cache_.key(credentials->user, credentials->password, hash);
    if (cache_.contains(key, std::chrono::steady_clock::now())) {
      attempts_.cached.add();
      co_return identity_of(std::move(credentials->user));
    }
    const Outcome outcome = join_check(key, credentials->password, hash);
    if (!outcome) {
      attempts_.overloaded.add();
      co_return std::unexpected(
          Refusal{Error(Code::retry_later, "too many logins are being checked",
                        "try again in a few seconds", "TOOMANYREQUESTS"),
                  {},
                  {}});
    }
    if (!co_await outcome->get() || !known) {
      attempts_.refused.add();
      log_.info("authentication failed", {{"user", credentials->user},
                                          {"peer", request.peer.address},
                                          {"request_id", context.request_id}});
      co_return refuse("the user name or the password is wrong", {});
    }
    attempts_.accepted.add();
    co_return identity_of(std::move(credentials->user));
  }

  [[nodiscard]] std::string challenge(const http::Request&, const std::vector<Access>&,
                                      Lack) const override {
    return challenge_;
  }

  std::vector<Reloaded> reload() override { return {file_->reload()}; }

  [[nodiscard]] bool always_needed() const noexcept override { return false; }

 private:
  static Identity identity_of(std::string user) {
    Identity identity;
    identity.user = std::move(user);
    identity.has_credentials = true;
    return identity;
  }

  [[nodiscard]] Admission refuse(std::string message, std::string detail) const {
    return std::unexpected(
        Refusal{Error(Code::unauthenticated, std::move(message), std::move(detail), "UNAUTHORIZED"),
                challenge_,
                {}});
  }

  using Outcome = std::shared_ptr<SharedResult<bool>>;
  struct Check {
    CredentialCache::Key key;
    std::string password;
    std::string hash;
    Outcome outcome;
  };

  // The check of these credentials that is under way, or a new one; null when there are too many.
  Outcome join_check(const CredentialCache::Key& key, std::string password, std::string hash) {
    const std::lock_guard lock(mutex_);
    if (const auto known = outcomes_.find(key); known != outcomes_.end()) return known->second;
    if (outcomes_.size() >= options_.queue) return nullptr;
    auto outcome = std::make_shared<SharedResult<bool>>();
    outcomes_.emplace(key, outcome);
    waiting_.push_back({key, std::move(password), std::move(hash), outcome});
    if (running_ < options_.parallel) {
      ++running_;
      start_next();
    }
    return outcome;
  }

  // Takes the first of `waiting_`. With `mutex_` held.
  void start_next() {
    pool_.post([this, check = std::move(waiting_.front())] { run(check); });
    waiting_.pop_front();
  }

  void run(const Check& check) {
    const bool matches = bcrypt_matches(check.password, check.hash);
    if (matches) cache_.insert(check.key, std::chrono::steady_clock::now());
    {
      const std::lock_guard lock(mutex_);
      outcomes_.erase(check.key);
      if (waiting_.empty()) {
        --running_;
      } else {
        start_next();
      }
    }
    check.outcome->set(matches);
  }

  const HtpasswdOptions options_;
  const std::string challenge_;
  const std::unique_ptr<HtpasswdFile> file_;
  Logger& log_;
  Attempts attempts_;
  CredentialCache cache_;
  BlockingPool& pool_;

  std::mutex mutex_;                                  // guards what follows
  std::map<CredentialCache::Key, Outcome> outcomes_;  // of the checks that run or wait
  std::deque<Check> waiting_;
  std::size_t running_ = 0;
};

}  // namespace

Result<std::unique_ptr<Authenticator>> open_htpasswd(HtpasswdOptions options, BlockingPool& pool,
                                                     Logger& log, Metrics& metrics) {
  BUNKER_TRY_ASSIGN(auto file,
                    HtpasswdFile::open(options.path, options.check_interval, log, metrics));
  return std::make_unique<Htpasswd>(std::move(options), std::move(file), pool, log, metrics);
}

}  // namespace bunker::auth
