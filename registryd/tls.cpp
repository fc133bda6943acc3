#include "registryd/tls.h"

#include <string>
#include <utility>

#include "lib/base/host_name.h"
#include "lib/net/tls_files.h"
#include "registryd/admin/loader.h"

namespace bunker {
namespace {

net::ClientAuth client_auth(config::ClientAuth mode) {
  switch (mode) {
    case config::ClientAuth::request:
      return net::ClientAuth::request;
    case config::ClientAuth::require_any:
      return net::ClientAuth::require_any;
    case config::ClientAuth::verify_if_given:
      return net::ClientAuth::verify_if_given;
    case config::ClientAuth::require_and_verify:
      return net::ClientAuth::require_and_verify;
  }
  return net::ClientAuth::require_and_verify;
}

net::TlsServerOptions server_options(const config::Tls& tls) {
  net::TlsServerOptions options;
  options.client_auth = client_auth(tls.client_auth);
  options.tls13_only = tls.minimum == config::TlsVersion::tls1_3;
  options.cipher_suites = tls.cipher_suites;
  return options;
}

// Says in log and metrics how the stream of secrets fares. On the module's thread alone.
class SecretsReport final : public admin::SecretsObserver {
 public:
  SecretsReport(std::string socket, Logger& log, Metrics& metrics)
      : socket_(std::move(socket)),
        log_(log),
        connected_(metrics.gauge("bunker_tls_sds_connected",
                                 "Whether the stream of TLS certificates is open.")),
        accepted_(answers(metrics, "accepted")),
        refused_(answers(metrics, "refused")) {}

  void connected() override {
    connected_.set(1);
    log_.info("SDS server reached", {{"socket", socket_}});
    was_lost_ = false;
  }

  void lost(const std::string& reason) override {
    connected_.set(0);
    log_.log(std::exchange(was_lost_, true) ? LogLevel::debug : LogLevel::warn,
             "SDS server lost, the last TLS certificates stay in use",
             {{"socket", socket_}, {"reason", reason}});
  }

  void answered(bool accepted) override { (accepted ? accepted_ : refused_).add(); }

 private:
  static Counter& answers(Metrics& metrics, const char* result) {
    return metrics.counter("bunker_tls_sds_responses_total",
                           "Responses of the SDS server, by what was answered.",
                           {{"result", result}});
  }

  const std::string socket_;
  Logger& log_;
  Gauge& connected_;
  Counter& accepted_;
  Counter& refused_;
  bool was_lost_ = false;
};

}  // namespace

Result<void> ServerTls::open_secrets(const config::Config& config, Logger& log, Metrics& metrics) {
  const config::Sds& sds = *config.bunker.tls_sds;
  BUNKER_TRY_ASSIGN(module_, admin::load_module(config.bunker.admin.module));
  observer_ = std::make_unique<SecretsReport>(sds.socket, log, metrics);
  admin::SecretsOptions options{sds.socket, sds.certificate, sds.client_ca,
                                sds.node.empty() ? host_name("registryd") : sds.node, sds.timeout};
  source_ = module_->secrets(std::move(options), *observer_);
  return {};
}

Result<std::unique_ptr<ServerTls>> ServerTls::open(const config::Config& config, const Clock& clock,
                                                   Logger& log, Metrics& metrics) {
  const config::Tls& tls = config.http.tls;
  if (!config::has_tls(config)) return nullptr;
  std::unique_ptr<ServerTls> made(new ServerTls());
  if (config.bunker.tls_sds) {
    BUNKER_TRY(made->open_secrets(config, log, metrics));
  } else {
    made->files_ = net::TlsFiles{tls.certificate, tls.key, tls.client_cas, config.bunker.tls_crl};
    made->source_ = std::make_unique<net::TlsFileSource>(*made->files_);
  }
  BUNKER_TRY_ASSIGN(const net::TlsMaterial material, made->source_->load());
  auto server = net::TlsServer::create(server_options(tls), material, clock, log, metrics);
  if (!server) {
    made->source_->refuse(server.error());
    return std::unexpected(server.error());
  }
  made->server_ = std::move(*server);
  return made;
}

void ServerTls::watch() {
  source_->watch([this](const net::TlsMaterial& set) { return server_->replace(set); },
                 [this](const Error& error) { server_->note_unreadable(error); });
}

// By a source of its own: the watch's one belongs to its thread.
Result<void> ServerTls::reload() {
  const auto set = net::TlsFileSource(*files_).load();
  if (set) return server_->replace(*set);
  server_->note_unreadable(set.error());
  return fail(set.error());
}

}  // namespace bunker
