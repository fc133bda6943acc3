#include "lib/net/tls_server.h"

#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "lib/base/encoding.h"
#include "lib/net/session_cache.h"
#include "lib/net/tls_context.h"
#include "lib/net/tls_metrics.h"
#include "lib/observability/log.h"

namespace bunker::net {

struct TlsServer::Impl {
  Impl(TlsServerOptions server_options, const Clock& wall_clock, Logger& logger, Metrics& registry)
      : options(std::move(server_options)),
        clock(wall_clock),
        log(logger),
        metrics(registry),
        sessions(wall_clock) {}

  [[nodiscard]] std::shared_ptr<const TlsContext> current() const {
    const std::lock_guard lock(mutex);
    return context;
  }

  // Takes `next` into use.
  void adopt(std::shared_ptr<const TlsContext> next) {
    const std::uint64_t number = generation.load() + 1;
    {
      const std::lock_guard lock(mutex);
      std::swap(context, next);
    }
    trust.store(context->trust_generation());
    generation.store(number);
    metrics.loaded(*context, number);
    report(number);
  }

  void report(std::uint64_t number) const {
    for (const std::string& warning : context->warnings()) {
      log.warn("TLS certificates", {{"problem", warning}});
    }
    const PeerCertificate& leaf = context->leaf();
    const ClientTrust* clients = context->trust().get();
    log.info("TLS certificates in use",
             {{"generation", number},
              {"name", leaf.common_name},
              {"serial", leaf.serial},
              {"issuer", leaf.issuer},
              {"not_after", format_rfc3339(leaf.not_after)},
              {"client_authorities", clients != nullptr ? clients->authorities().size() : 0},
              {"revoked", clients != nullptr ? clients->revoked() : 0}});
  }

  const TlsServerOptions options;
  const Clock& clock;
  Logger& log;
  TlsMetrics metrics;
  SessionCache sessions;
  std::function<void()> trust_changed;

  std::mutex replacing;  // one replace() at a time; guards `last_failure`
  std::string last_failure;
  mutable std::mutex mutex;  // guards `context`
  std::shared_ptr<const TlsContext> context;
  std::atomic<std::uint64_t> trust{0};  // context->trust_generation()
  std::atomic<std::uint64_t> generation{0};
};

TlsServer::TlsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServer::~TlsServer() = default;

Result<std::unique_ptr<TlsServer>> TlsServer::create(TlsServerOptions options,
                                                     const TlsMaterial& material,
                                                     const Clock& clock, Logger& log,
                                                     Metrics& metrics) {
  auto impl = std::make_unique<Impl>(std::move(options), clock, log, metrics);
  BUNKER_TRY_ASSIGN(auto context,
                    TlsContext::create(impl->options, material, clock, impl->sessions, nullptr));
  impl->adopt(std::move(context));
  return std::unique_ptr<TlsServer>(new TlsServer(std::move(impl)));
}

Result<void> TlsServer::replace(const TlsMaterial& material) {
  const std::lock_guard lock(impl_->replacing);
  const auto last = impl_->current();
  auto next =
      TlsContext::create(impl_->options, material, impl_->clock, impl_->sessions, last.get());
  impl_->metrics.reloads(next.has_value());
  if (!next) {
    // The same set is offered again and again until it is mended.
    const bool known =
        std::exchange(impl_->last_failure, next.error().message) == next.error().message;
    impl_->log.log(known ? LogLevel::debug : LogLevel::error,
                   "TLS certificates could not be replaced, the last ones stay in use",
                   {{"error", next.error().message},
                    {"remedy", next.error().detail},
                    {"not_after", format_rfc3339(last->leaf().not_after)}});
    return std::unexpected(next.error());
  }
  impl_->last_failure.clear();
  const bool changed = (*next)->trust_generation() != last->trust_generation();
  impl_->adopt(std::move(*next));
  if (!changed) return {};
  impl_->sessions.clear();  // they are not resumed any more
  if (impl_->trust_changed) impl_->trust_changed();
  return {};
}

void TlsServer::note_unreadable(const Error& error) {
  impl_->metrics.reloads(false);
  impl_->log.error("TLS certificates could not be read, the last ones stay in use",
                   {{"error", error.message}, {"remedy", error.detail}});
}

Task<Result<TlsPeer>> TlsServer::handshake(TlsStream& stream) {
  // Also kept here for OpenSSL's callbacks, which are over with the handshake.
  const auto context = impl_->current();
  stream.secure(context->accept());
  const Result<void> done = co_await stream.handshake();
  impl_->metrics.handshake(stream.ssl(), done);
  if (!done) co_return std::unexpected(done.error());
  TlsPeer peer;
  peer.client_ = SessionCache::client_of(stream.ssl());
  if (peer.client_ == nullptr) co_return peer;
  peer.certificate_ = peer.client_->certificate;
  peer.expires_ = peer.client_->expires;
  peer.trust_ = context->trust_generation();
  co_return peer;
}

Result<void> TlsServer::check(TlsPeer& peer) const {
  if (peer.client_ == nullptr) return {};
  if (peer.trust_ == impl_->trust.load() && impl_->clock.now() < peer.expires_) return {};
  const auto context = impl_->current();
  ClientTrust::Verdict verdict{X509_V_ERR_CERT_UNTRUSTED, SystemTime::min()};
  if (context->trust() != nullptr) verdict = context->trust()->verify(peer.client_->chain);
  if (verdict.error != X509_V_OK) {
    impl_->metrics.peer_refused();
    return fail(Code::forbidden, "the client's certificate does not hold any more",
                X509_verify_cert_error_string(verdict.error));
  }
  peer.trust_ = context->trust_generation();
  peer.expires_ = verdict.expires;
  return {};
}

void TlsServer::on_trust_change(std::function<void()> changed) {
  impl_->trust_changed = std::move(changed);
}

std::uint64_t TlsServer::generation() const noexcept {
  return impl_->generation.load();
}

}  // namespace bunker::net
