// Keeps credentials that are good now: loads them from the first source that has any, and renews
// them before they expire, one renewal at a time however many calls need them. Thread-safe.
// Owner: the S3 store.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/runtime/shared_result.h"
#include "lib/runtime/task.h"
#include "registryd/storage/s3/credential_sources.h"
#include "registryd/storage/s3/sigv4.h"

namespace bunker::storage::s3 {

class CredentialKeeper {
 public:
  // `clock` outlives the keeper.
  CredentialKeeper(std::vector<std::unique_ptr<CredentialSource>> sources, const Clock& clock);

  // Credentials that are good now. Renews them where they have less than kRenewBefore left; who
  // comes meanwhile gets the old ones while these last. forbidden: there are none anywhere (says
  // where it looked); else why they could not be fetched.
  Task<Result<Credentials>> get();

  // The store no longer takes the credentials with `access_key`: the next get() fetches new ones.
  void reject(std::string_view access_key);

  // What get() last gave, where it is good for `seconds` more; fetches nothing.
  [[nodiscard]] std::optional<Credentials> good_for(unsigned seconds) const;

  static constexpr std::chrono::minutes kRenewBefore{5};

 private:
  using Loading = SharedResult<Result<Credentials>>;

  Task<Result<Credentials>> load();
  // Whether `current_` is good for `margin` more at `now`. With the lock held.
  [[nodiscard]] bool is_good(SystemTime now, std::chrono::seconds margin) const;

  const std::vector<std::unique_ptr<CredentialSource>> sources_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::optional<Credentials> current_;
  bool rejected_ = false;
  SystemTime next_attempt_;             // no renewal of what is still good before this
  std::shared_ptr<Loading> loading_;    // set while one is going on
  CredentialSource* source_ = nullptr;  // the one that had some
};

}  // namespace bunker::storage::s3
