// A certsidecar of a pod on folders of a test and a clock that the test moves, and what the tests
// of it share.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "certsidecar/authority/folder_store.h"
#include "certsidecar/files/posix.h"
#include "certsidecar/run/rotator.h"
#include "lib/pki/bundle.h"
#include "lib/pki/verify.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/certsidecar/manual_clock.h"

namespace bunker::certsidecar {

// A pod: a sidecar with its folder.
class Pod {
 public:
  // `delivery` may be null, and outlives the pod.
  Pod(Config config, const Clock& clock, Delivery* delivery = nullptr)
      : config_(std::move(config)), clock_(clock), delivery_(delivery) {
    start();
  }

  void start() {
    rotator_.reset();
    Rotator::Stores stores;
    for (const AuthorityConfig& one : config_.authorities) {
      stores[one.name] = one.source == AuthorityConfig::Source::mounted
                             ? make_mounted_store(one.folder)
                             : make_folder_store(one.folder, clock_);
    }
    rotator_ =
        std::make_unique<Rotator>(config_, std::move(stores), delivery_, clock_, log_, metrics_);
  }

  void step() { next_ = rotator_->step(); }
  Config& config() { return config_; }
  [[nodiscard]] SystemTime next() const { return next_; }
  [[nodiscard]] bool ready() const { return rotator_->ready(); }
  [[nodiscard]] std::string metrics() const { return metrics_.expose("").body; }

  [[nodiscard]] std::string log() const {
    return std::string(read_file(logs_ / "log").value().view());
  }
  // Whether the log says so; it is written by a thread of its own.
  [[nodiscard]] bool says(const std::string& text) const {
    for (int i = 0; i < 2000; ++i) {
      if (log().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  [[nodiscard]] CertificateFolder folder(std::size_t certificate = 0) const {
    return read_certificate_folder(config_.certificates[certificate].folder).value();
  }
  [[nodiscard]] pki::Certificate leaf(std::size_t certificate = 0) const {
    return folder(certificate).leaf->certificate;
  }

 private:
  Config config_;
  const Clock& clock_;
  Delivery* const delivery_;
  TempFolder logs_;
  Logger log_{Logger::Options{
      .fd = ::open((logs_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)}};
  Metrics metrics_;
  std::unique_ptr<Rotator> rotator_;
  SystemTime next_;
};

class PodTest : public testing::Test {
 protected:
  Config config_of(const std::string& pod) {
    auto config = parse_config(R"(
authorities:
  ca: {folder: )" + ca_ + R"(, create: true, lifetime: 1000d,
       rotation: {before: 100d, distribution: 7d}}
certificates:
  - {name: server, usage: server, authority: ca, clientAuthority: ca, dnsNames: [registry],
     folder: )" + (folder_ / pod) + R"(/server}
  - {name: ci, usage: client, authority: ca, commonName: ci, folder: )" +
                                   (folder_ / pod) + R"(/ci}
)",
                               pod);
    EXPECT_TRUE(config.has_value()) << to_string(config.error());
    return std::move(config).value();
  }

  pki::AuthoritySet set() { return read_authority(*make_folder_store(ca_, clock_)).value(); }

  static Result<void> accepts(const CertificateFolder& server, const pki::Certificate& client,
                              SystemTime now) {
    const auto roots = pki::parse_bundle(*server.trust.client_bundle).value();
    const auto crls = pki::parse_crls(*server.trust.client_crl).value();
    return pki::verify(client, {.roots = roots, .crls = crls}, pki::Purpose::client, now);
  }

  TempFolder folder_;
  std::string ca_ = folder_ / "ca";
  ManualClock clock_;
};

}  // namespace bunker::certsidecar
