#include "lib/net/tls_metrics.h"

#include <string_view>

#include "lib/net/tls_context.h"

namespace bunker::net {
namespace {

Counter& reload_counter(Metrics& metrics, const char* result) {
  return metrics.counter("bunker_tls_reloads_total",
                         "Sets of TLS certificates that were to replace the one in use.",
                         {{"result", result}});
}

Counter& handshake_counter(Metrics& metrics, const char* result, const char* version,
                           const char* resumed) {
  return metrics.counter("bunker_tls_handshakes_total", "TLS handshakes, by what came of them.",
                         {{"result", result}, {"version", version}, {"resumed", resumed}});
}

// 0 where there is none.
double timestamp(SystemTime time) {
  if (time == SystemTime::max()) return 0;
  return static_cast<double>(std::chrono::system_clock::to_time_t(time));
}

}  // namespace

TlsMetrics::TlsMetrics(Metrics& metrics)
    : reloads_good_(reload_counter(metrics, "success")),
      reloads_bad_(reload_counter(metrics, "failure")),
      last_reload_good_(metrics.gauge("bunker_tls_last_reload_successful",
                                      "Whether the last set of TLS certificates could be used.")),
      generation_(metrics.gauge("bunker_tls_loaded_generation",
                                "How many sets of TLS certificates were taken into use.")),
      not_before_(metrics.gauge("bunker_tls_certificate_not_before_timestamp_seconds",
                                "Since when the certificate in use is valid.")),
      not_after_(metrics.gauge("bunker_tls_certificate_not_after_timestamp_seconds",
                               "Until when the certificate in use is valid.")),
      authorities_expire_(metrics.gauge("bunker_tls_client_ca_not_after_timestamp_seconds",
                                        "When the first client authority expires; 0: none.")),
      revocations_due_(metrics.gauge("bunker_tls_crl_next_update_timestamp_seconds",
                                     "When the first revocation list is out of date; 0: none.")),
      revoked_(
          metrics.gauge("bunker_tls_crl_entries", "Certificates that the revocation lists name.")),
      refused_peers_(metrics.counter(
          "bunker_tls_refused_peers_total",
          "Times that a live connection's client certificate was found to hold no more.")) {
  constexpr std::array<const char*, kVersions> kVersionNames = {"TLSv1.2", "TLSv1.3"};
  constexpr std::array<const char*, kFailures> kFailureNames = {"refused", "invalid", "timeout",
                                                                "closed"};
  for (std::size_t i = 0; i < kVersions; ++i) {
    handshakes_[i][0] = &handshake_counter(metrics, "success", kVersionNames[i], "false");
    handshakes_[i][1] = &handshake_counter(metrics, "success", kVersionNames[i], "true");
  }
  for (std::size_t i = 0; i < kFailures; ++i) {
    failures_[i] = &handshake_counter(metrics, kFailureNames[i], "none", "false");
  }
  last_reload_good_.set(1);
}

void TlsMetrics::loaded(const TlsContext& context, std::uint64_t generation) {
  generation_.set(static_cast<double>(generation));
  not_before_.set(timestamp(context.not_before()));
  not_after_.set(timestamp(context.leaf().not_after));
  const ClientTrust* trust = context.trust().get();
  authorities_expire_.set(trust != nullptr ? timestamp(trust->authorities_expire()) : 0);
  revocations_due_.set(trust != nullptr ? timestamp(trust->revocations_due()) : 0);
  revoked_.set(trust != nullptr ? static_cast<double>(trust->revoked()) : 0);
}

void TlsMetrics::reloads(bool successful) {
  (successful ? reloads_good_ : reloads_bad_).add();
  last_reload_good_.set(successful ? 1 : 0);
}

void TlsMetrics::handshake(const SSL* ssl, const Result<void>& outcome) {
  if (outcome) {
    const std::size_t version = SSL_version(ssl) == TLS1_3_VERSION ? tls13 : tls12;
    handshakes_[version][SSL_session_reused(ssl) == 1 ? 1 : 0]->add();
    return;
  }
  switch (outcome.error().code) {
    case Code::forbidden:
      failures_[refused]->add();
      break;
    case Code::retry_later:
      failures_[slow]->add();
      break;
    case Code::cancelled:
      failures_[gone]->add();
      break;
    default:
      failures_[invalid]->add();
      break;
  }
}

}  // namespace bunker::net
