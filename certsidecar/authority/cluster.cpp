#include "certsidecar/authority/cluster.h"

#include <cstdlib>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

#include <unistd.h>

#include "certsidecar/authority/secret_store.h"
#include "lib/base/random.h"
#include "lib/kube/kubeconfig.h"
#include "lib/kube/leader_elector.h"
#include "lib/kube/rest_client.h"

namespace bunker::certsidecar {
namespace {

kube::Environment environment() {
  kube::Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace

struct Cluster::Impl {
  std::string ns;
  std::stop_source stopping;
  std::unique_ptr<kube::Client> client;
  std::optional<kube::LeaderElector> elector;
  std::jthread election;  // ends first
};

Cluster::Cluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Cluster::~Cluster() {
  stop();
}

Result<std::unique_ptr<Cluster>> Cluster::connect(const Config& config, const Clock& clock,
                                                  Logger& log, Metrics& metrics) {
  const kube::Environment variables = environment();
  BUNKER_TRY_ASSIGN(const kube::ConnectionOptions connection, kube::find_connection("", variables));
  auto impl = std::make_unique<Impl>();
  impl->ns = connection.ns;
  if (const auto own = variables.find("POD_NAMESPACE"); own != variables.end()) {
    impl->ns = own->second;
  }
  kube::RestClient::Options options;
  options.host = connection.server;
  options.timeout = std::chrono::seconds(5);  // well before a lease's renew deadline
  options.retry.attempts = 2;
  options.stop = impl->stopping.get_token();
  BUNKER_TRY_ASSIGN(impl->client, kube::connect(connection, std::move(options), clock, metrics));
  if (!config.lease.empty()) {
    kube::LeaderElector::Options election;
    election.lease = {impl->ns, config.lease};
    election.identity = config.name + '_' + random_uuid();
    impl->elector.emplace(*impl->client, std::move(election), clock, log, metrics);
    impl->election = std::jthread(
        [elector = &*impl->elector](std::stop_token stop) { elector->run(std::move(stop)); });
  }
  return std::unique_ptr<Cluster>(new Cluster(std::move(impl)));
}

std::unique_ptr<AuthorityStore> Cluster::open(const AuthorityConfig& authority) {
  SecretPlace place;
  place.ns = authority.secret_namespace.empty() ? impl_->ns : authority.secret_namespace;
  place.name = authority.secret;
  place.authority = authority.name;
  place.lead = [impl = impl_.get()] { return impl->elector && impl->elector->leading(); };
  return make_secret_store(*impl_->client, std::move(place));
}

void Cluster::stop() {
  if (impl_->election.joinable()) {
    impl_->election.request_stop();
    impl_->election.join();  // lets go of the lease, which needs the client
  }
  impl_->stopping.request_stop();
}

}  // namespace bunker::certsidecar
