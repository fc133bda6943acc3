#include "registryd/storage/s3/credentials.h"

#include <utility>

namespace bunker::storage::s3 {
namespace {

// After a failed renewal, while the old credentials last.
constexpr std::chrono::seconds kRetryAfter{30};

}  // namespace

CredentialKeeper::CredentialKeeper(std::vector<std::unique_ptr<CredentialSource>> sources,
                                   const Clock& clock)
    : sources_(std::move(sources)), clock_(clock) {}

bool CredentialKeeper::is_good(SystemTime now, std::chrono::seconds margin) const {
  return current_ && !rejected_ && (!current_->expires || now + margin < *current_->expires);
}

Task<Result<Credentials>> CredentialKeeper::get() {
  std::shared_ptr<Loading> loading;
  bool mine = false;
  {
    const std::lock_guard lock(mutex_);
    const SystemTime now = clock_.now();
    if (is_good(now, kRenewBefore)) co_return *current_;
    const bool lasts = is_good(now, std::chrono::seconds(0));
    if (lasts && (loading_ != nullptr || now < next_attempt_)) co_return *current_;
    mine = loading_ == nullptr;
    if (mine) loading_ = std::make_shared<Loading>();
    loading = loading_;
  }
  if (!mine) co_return co_await loading->get();

  // Others wait for this: an answer must come also when this caller goes away.
  struct Answer {
    CredentialKeeper& keeper;
    std::shared_ptr<Loading> loading;
    Result<Credentials> result =
        fail(Code::retry_later, "the fetching of credentials was broken off");
    ~Answer() {
      {
        const std::lock_guard lock(keeper.mutex_);
        keeper.loading_ = nullptr;
      }
      loading->set(std::move(result));
    }
  } answer{*this, loading};
  auto fresh = co_await load();
  const std::lock_guard lock(mutex_);
  const SystemTime now = clock_.now();
  if (fresh) {
    current_ = *fresh;
    rejected_ = false;
    next_attempt_ = SystemTime();
  } else if (is_good(now, std::chrono::seconds(0))) {
    next_attempt_ = now + kRetryAfter;
    fresh = *current_;
  }
  answer.result = fresh;
  co_return fresh;
}

Task<Result<Credentials>> CredentialKeeper::load() {
  if (source_ != nullptr) co_return co_await source_->load();
  std::string looked;
  for (const auto& source : sources_) {
    auto credentials = co_await source->load();
    if (credentials) {
      source_ = source.get();
      co_return credentials;
    }
    // The last one is nobody's choice: where nothing answers there, this is no EC2 instance.
    const bool absent = credentials.error().code == Code::not_found ||
                        (source == sources_.back() && sources_.size() > 1);
    if (!absent) co_return credentials;
    if (!looked.empty()) looked += ", ";
    looked += source->name();
  }
  co_return fail(Code::forbidden, "there are no credentials for S3; looked at: " + looked,
                 "set storage.s3.accesskey and secretkey, or give the process a role");
}

void CredentialKeeper::reject(std::string_view access_key) {
  const std::lock_guard lock(mutex_);
  if (current_ && current_->access_key == access_key) rejected_ = true;
}

std::optional<Credentials> CredentialKeeper::good_for(unsigned seconds) const {
  const std::lock_guard lock(mutex_);
  if (!is_good(clock_.now(), std::chrono::seconds(seconds))) return std::nullopt;
  return current_;
}

}  // namespace bunker::storage::s3
