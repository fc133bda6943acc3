// Where an authority is kept: a folder, a mounted Secret, or a Secret behind the API. Also where
// the replicas that use it tell each other which generation they run, and which of them drives it.
// Blocking; one thread at a time. Not for what the files mean: lib/pki/authority_set.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/pki/authority_set.h"
#include "lib/pki/ca_rotation.h"

namespace bunker::certsidecar {

struct StoredFiles {
  pki::AuthorityFiles files;
  std::string version;  // of what was read; "": nothing was there
};

class AuthorityStore {
 public:
  virtual ~AuthorityStore() = default;

  // not_found: there is nothing yet; retry_later and others: out of reach now.
  [[nodiscard]] virtual Result<StoredFiles> read() = 0;

  // Replaces the authority's files where they are still those of `version`. conflict: they are
  // not: read again. unsupported: a store that is only read.
  [[nodiscard]] virtual Result<void> write(const pki::AuthorityFiles& files,
                                           const std::string& version) = 0;
  [[nodiscard]] virtual bool writable() const = 0;

  // Whether this replica drives rotation: held from then on, until it is lost or this ends.
  [[nodiscard]] virtual bool lead() = 0;

  // Publishes that replica `name` runs `generation`; repeated, it is its sign of life.
  [[nodiscard]] virtual Result<void> acknowledge(const std::string& name,
                                                 std::uint64_t generation) = 0;
  [[nodiscard]] virtual Result<std::vector<pki::Replica>> replicas() = 0;

  // Calls `changed` (any thread) whenever the files may have changed, as long as this lives.
  virtual void watch(std::function<void()> changed) = 0;

  // What is amiss with what read() found and no reason to do without it, as keys that others on
  // the machine may read; "": nothing.
  [[nodiscard]] virtual std::string warning() const { return {}; }

  // For messages: "the folder /ca".
  [[nodiscard]] virtual std::string description() const = 0;
};

// Reads, lets `change` work on it, writes; again where somebody else was faster. What `change`
// fails with is returned; where it returns false nothing is written.
[[nodiscard]] Result<pki::AuthoritySet> update_authority(
    AuthorityStore& store, const std::function<Result<bool>(pki::AuthoritySet&)>& change);

// read() and parse; the error says where.
[[nodiscard]] Result<pki::AuthoritySet> read_authority(AuthorityStore& store);

}  // namespace bunker::certsidecar
