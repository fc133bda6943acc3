// What a server's TLS is made of, and where it comes from while the server runs. A set is used as a
// whole or not at all, so that a certificate never meets another one's key, nor new revocations old
// authorities. Sources: files (tls_files.h), or whatever else speaks this interface.
// Thread rule: TlsMaterial is a value; a source says its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace bunker::net {

// PEM texts. Holds a private key: never log one.
struct TlsMaterial {
  std::string certificate;  // the leaf, then its intermediates
  std::string key;
  std::string client_authorities;     // empty: clients show no certificates
  std::string revocations;            // lists of the client authorities; empty: nothing is revoked
  std::vector<std::string> warnings;  // for the log, e.g. on who may read the key

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

class TlsMaterialSource {
 public:
  // Takes a set into use, or says why it cannot be used and what is in use goes on.
  using Offer = std::function<Result<void>(const TlsMaterial&)>;

  virtual ~TlsMaterialSource() = default;

  // The set to begin with. Blocks; call it before watch(). Errors: why there is none.
  [[nodiscard]] virtual Result<TlsMaterial> load() = 0;

  // Says that the set of load() cannot be used, to a source that wants to know.
  virtual void refuse(const Error& /*why*/) {}

  // From now on offers every further set, on a thread of the source, one at a time; one that was
  // not taken may be offered again. A set that cannot be read is reported to `unreadable`, once.
  // Both last until stop().
  virtual void watch(Offer offer, std::function<void(const Error&)> unreadable) = 0;

  // Nothing is offered any more once it returns. Idempotent.
  virtual void stop() = 0;
};

}  // namespace bunker::net
