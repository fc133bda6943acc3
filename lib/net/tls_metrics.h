// The metrics of a TlsServer. Private to lib/net. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <openssl/types.h>

#include "lib/base/result.h"
#include "lib/observability/metrics.h"

namespace bunker::net {

class TlsContext;

class TlsMetrics {
 public:
  // `metrics` outlives it.
  explicit TlsMetrics(Metrics& metrics);

  // `context` is in use from now on.
  void loaded(const TlsContext& context, std::uint64_t generation);
  void reloads(bool successful);
  // A handshake is over; `ssl` is its SSL object.
  void handshake(const SSL* ssl, const Result<void>& outcome);
  void peer_refused() { refused_peers_.add(); }

 private:
  enum Version : unsigned char { tls12, tls13, kVersions };
  enum Failure : unsigned char { refused, invalid, slow, gone, kFailures };

  Counter& reloads_good_;
  Counter& reloads_bad_;
  Gauge& last_reload_good_;
  Gauge& generation_;
  Gauge& not_before_;
  Gauge& not_after_;
  Gauge& authorities_expire_;
  Gauge& revocations_due_;
  Gauge& revoked_;
  Counter& refused_peers_;
  std::array<std::array<Counter*, 2>, kVersions> handshakes_;  // by version, then resumed or not
  std::array<Counter*, kFailures> failures_;
};

}  // namespace bunker::net
