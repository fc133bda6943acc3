// TLS of the API's listener, as configured: http.tls and bunker.tls, from files or by SDS. Wires
// the parts of lib/net and of the gRPC module.
// Thread rule: the main thread. Owner: serve(); outlives the server that uses it.
#pragma once

#include <memory>
#include <optional>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/net/tls_files.h"
#include "lib/net/tls_material.h"
#include "lib/net/tls_server.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/admin/module.h"
#include "registryd/config/config.h"

namespace bunker {

class ServerTls {
 public:
  // Null where `config` has no TLS. Waits for SDS's first set. Errors: what is wrong with the files
  // or secrets. `clock`, `log` and
  // `metrics` outlive it.
  [[nodiscard]] static Result<std::unique_ptr<ServerTls>> open(const config::Config& config,
                                                               const Clock& clock, Logger& log,
                                                               Metrics& metrics);

  [[nodiscard]] net::TlsServer& server() noexcept { return *server_; }
  // From now on, changed certificates are taken into use; until stop().
  void watch();
  // Whether it is made of files, and not sent by a server.
  [[nodiscard]] bool from_files() const noexcept { return files_.has_value(); }
  // Reads the files now, and takes them into use. The error says why what is in use stays. Blocks;
  // any thread. Only with from_files().
  Result<void> reload();
  void stop() { source_->stop(); }

 private:
  ServerTls() = default;
  Result<void> open_secrets(const config::Config& config, Logger& log, Metrics& metrics);

  std::optional<net::TlsFiles> files_;
  std::unique_ptr<admin::Module> module_;  // this and the next: null with files
  std::unique_ptr<admin::SecretsObserver> observer_;
  std::unique_ptr<net::TlsServer> server_;
  std::unique_ptr<net::TlsMaterialSource> source_;  // goes first
};

}  // namespace bunker
