// A simulated year of certsidecars that share an authority, where everything that can fail
// does: reads, writes (before they take effect, and after), signs of life, whoever leads, and the
// sidecars themselves, at any step.
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <stdexcept>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "certsidecar/authority/make.h"
#include "certsidecar/run/rotator.h"
#include "lib/pki/bundle.h"
#include "lib/pki/verify.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/certsidecar/manual_clock.h"

namespace bunker::certsidecar {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using std::chrono::hours;

constexpr auto kDistribution = days(7);
constexpr int kPods = 3;

// A Secret and what is around it, in memory.
struct Cluster {
  explicit Cluster(unsigned seed) : random(seed) {}

  bool happens(double probability) { return std::bernoulli_distribution(probability)(random); }

  std::mt19937 random;
  double trouble = 0.05;  // of every call
  std::map<std::string, std::string, std::less<>> files;
  int version = 0;
  std::map<std::string, std::uint64_t> generations;  // replica -> what it runs
  std::string leader;
  int writes = 0;
};

class UnreliableStore final : public AuthorityStore {
 public:
  UnreliableStore(Cluster& cluster, std::string name) : cluster_(cluster), name_(std::move(name)) {}

  Result<StoredFiles> read() override {
    if (cluster_.happens(cluster_.trouble)) return fail(Code::retry_later, "out of reach");
    if (cluster_.files.empty()) return fail(Code::not_found, "nothing there");
    StoredFiles out{{}, std::to_string(cluster_.version)};
    for (const auto& [name, text] : cluster_.files) out.files[name] = pki::SecretText(text);
    return out;
  }

  Result<void> write(const pki::AuthorityFiles& files, const std::string& version) override {
    if (cluster_.happens(cluster_.trouble)) return fail(Code::retry_later, "out of reach");
    const std::string now = cluster_.files.empty() ? "" : std::to_string(cluster_.version);
    if (version != now) return fail(Code::conflict, "somebody else wrote");
    cluster_.files.clear();
    for (const auto& [name, text] : files) cluster_.files[name] = text.view();
    ++cluster_.version;
    ++cluster_.writes;
    if (cluster_.happens(cluster_.trouble)) return fail(Code::retry_later, "the answer was lost");
    return {};
  }

  [[nodiscard]] bool writable() const override { return true; }

  // A lease that is lost at any time; whoever asks next gets it.
  bool lead() override {
    if (cluster_.leader.empty() || cluster_.happens(cluster_.trouble)) cluster_.leader = name_;
    return cluster_.leader == name_;
  }

  Result<void> acknowledge(const std::string& name, std::uint64_t generation) override {
    if (cluster_.happens(cluster_.trouble)) return fail(Code::retry_later, "out of reach");
    cluster_.generations[name] = generation;
    return {};
  }

  Result<std::vector<pki::Replica>> replicas() override {
    if (cluster_.happens(cluster_.trouble)) return fail(Code::retry_later, "out of reach");
    std::vector<pki::Replica> out;
    for (const auto& [name, generation] : cluster_.generations) out.push_back({name, generation});
    return out;
  }

  void watch(std::function<void()> /*changed*/) override {}
  [[nodiscard]] std::string description() const override { return "the Secret"; }

 private:
  Cluster& cluster_;
  const std::string name_;
};

// A pod with a registry; its client's certificate is kept beside the server's.
class Pod {
 public:
  Pod(Cluster& cluster, const Clock& clock, int number)
      : cluster_(cluster), clock_(clock), number_(number) {
    replace();
  }

  // Another pod takes its place, with an empty folder.
  void replace() {
    rotator_.reset();
    cluster_.generations.erase(name());
    if (cluster_.leader == name()) cluster_.leader.clear();
    ++life_;
    fs::remove_all(folder_ / "certs");
    restart();
  }

  // The process dies and comes back in the same pod.
  void restart() {
    rotator_.reset();
    auto config = parse_config(R"(
authorities:
  ca: {folder: /nowhere, create: true, lifetime: 60d, rotation: {before: 12d, distribution: 7d}}
certificates:
  - {name: server, usage: server, authority: ca, clientAuthority: ca, dnsNames: [registry],
     lifetime: 30d, folder: )" + (folder_ / "certs/server") +
                                   R"(}
  - {name: client, usage: client, authority: ca, commonName: user-)" +
                                   std::to_string(number_) + R"(, lifetime: 40d, folder: )" +
                                   (folder_ / "certs/client") + "}\n",
                               name());
    Rotator::Stores stores;
    stores["ca"] = std::make_unique<UnreliableStore>(cluster_, name());
    rotator_ = std::make_unique<Rotator>(config.value(), std::move(stores), nullptr, clock_, log_,
                                         metrics_);
  }

  void step() { rotator_->step(); }
  [[nodiscard]] bool ready() const { return rotator_->ready(); }
  [[nodiscard]] std::string name() const {
    return "pod-" + std::to_string(number_) + '-' + std::to_string(life_);
  }
  [[nodiscard]] CertificateFolder server() const {
    return read_certificate_folder(folder_ / "certs/server").value();
  }
  [[nodiscard]] CertificateFolder client() const {
    return read_certificate_folder(folder_ / "certs/client").value();
  }

 private:
  Cluster& cluster_;
  const Clock& clock_;
  const int number_;
  int life_ = 0;
  TempFolder folder_;
  Logger log_{Logger::Options{.fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC)}};
  Metrics metrics_;
  std::unique_ptr<Rotator> rotator_;
};

void require(const Result<void>& verified, const std::string& what) {
  if (!verified) throw std::logic_error(what + ": " + verified.error().message);
}

class World {
 public:
  explicit World(unsigned seed) : cluster_(seed) {
    for (int i = 0; i < kPods; ++i) pods_.push_back(std::make_unique<Pod>(cluster_, clock_, i));
  }

  void run() {
    const SystemTime end = clock_.now() + days(365);
    while (clock_.now() < end) {
      // What failed is tried again within minutes, then nothing is looked at for two days.
      for (int attempt = 0; attempt < 2; ++attempt) {
        for (auto& pod : pods_) {
          if (cluster_.happens(0.005)) pod->replace();
          if (cluster_.happens(0.01)) pod->restart();
          pod->step();
          settle(*pod);
        }
        clock_.advance(std::chrono::minutes(6));
      }
      fetch();
      check();
      clock_.advance(hours(48));
    }
    // About one every 48 days: none is missed, and nothing is rotated twice.
    const auto generation = pki::parse_authority(files()).value().generation;
    if (signers_.size() < 6 || signers_.size() > 10 || generation > 3 * signers_.size() + 3) {
      throw std::logic_error(std::to_string(signers_.size()) + " CAs, generation " +
                             std::to_string(generation));
    }
  }

 private:
  pki::AuthorityFiles files() {
    pki::AuthorityFiles out;
    for (const auto& [name, text] : cluster_.files) out[name] = pki::SecretText(text);
    return out;
  }

  // A new pod gets no requests before it is ready: it tries again and again, as it does for real
  // within seconds.
  void settle(Pod& pod) {
    for (int i = 0; i < 50 && !pod.ready(); ++i) {
      clock_.advance(std::chrono::minutes(6));
      pod.step();
    }
    if (!pod.ready()) throw std::logic_error(pod.name() + " never gets ready");
  }

  // A host fetches the bundle once in a distribution period, the latest that it may.
  void fetch() {
    if (clock_.now() < next_fetch_ || cluster_.files.empty()) return;
    host_ = pki::parse_bundle(cluster_.files["bundle.crt"]).value();
    next_fetch_ = clock_.now() + kDistribution - hours(54);
  }

  void check() {
    signers_.insert(pki::parse_bundle(cluster_.files["ca.crt"]).value().front().fingerprint);
    for (const auto& pod : pods_) {
      const CertificateFolder server = pod->server();
      require(pki::verify(server.leaf->certificate, {.roots = host_}, pki::Purpose::server,
                          clock_.now()),
              "a host refuses " + pod->name());
      const auto roots = pki::parse_bundle(*server.trust.client_bundle).value();
      const auto crls = pki::parse_crls(*server.trust.client_crl).value();
      for (const auto& user : pods_) {
        require(pki::verify(user->client().leaf->certificate, {.roots = roots, .crls = crls},
                            pki::Purpose::client, clock_.now()),
                pod->name() + " refuses the user of " + user->name());
      }
    }
  }

  Cluster cluster_;
  ManualClock clock_;
  std::vector<std::unique_ptr<Pod>> pods_;
  std::vector<pki::Certificate> host_;
  SystemTime next_fetch_ = clock_.now();
  std::set<std::string> signers_;
};

// The seed repeats one that failed.
TEST(CertsidecarProperty, NobodyIsRefusedWhateverFails) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  try {
    World(seed).run();
  } catch (const std::logic_error& broken) {
    FAIL() << broken.what();
  }
}

}  // namespace
}  // namespace bunker::certsidecar
