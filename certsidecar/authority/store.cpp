#include "certsidecar/authority/store.h"

#include <utility>

namespace bunker::certsidecar {
namespace {

constexpr int kAttempts = 10;

Result<pki::AuthoritySet> parse(const AuthorityStore& store, const pki::AuthorityFiles& files) {
  auto set = pki::parse_authority(files);
  if (set) return set;
  Error error = std::move(set).error();
  error.message = store.description() + ": " + error.message;
  return fail(std::move(error));
}

}  // namespace

Result<pki::AuthoritySet> read_authority(AuthorityStore& store) {
  BUNKER_TRY_ASSIGN(const StoredFiles stored, store.read());
  return parse(store, stored.files);
}

Result<pki::AuthoritySet> update_authority(
    AuthorityStore& store, const std::function<Result<bool>(pki::AuthoritySet&)>& change) {
  for (int attempt = 1;; ++attempt) {
    BUNKER_TRY_ASSIGN(const StoredFiles stored, store.read());
    BUNKER_TRY_ASSIGN(pki::AuthoritySet set, parse(store, stored.files));
    BUNKER_TRY_ASSIGN(const bool changed, change(set));
    if (!changed) return set;
    auto written = store.write(pki::to_files(set), stored.version);
    if (written) return set;
    if (written.error().code != Code::conflict || attempt == kAttempts) {
      return fail(std::move(written).error());
    }
  }
}

}  // namespace bunker::certsidecar
