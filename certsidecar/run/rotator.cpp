#include "certsidecar/run/rotator.h"

#include <algorithm>
#include <utility>

#include "lib/base/encoding.h"
#include "lib/base/sha256.h"

namespace bunker::certsidecar {
namespace {

using std::chrono::seconds;

// The wall clock may be set while nobody looks: it is looked at this often.
constexpr seconds kLongestSleep{10};

}  // namespace

Rotator::Rotator(const Config& config, Stores stores, Delivery* delivery, const Clock& clock,
                 Logger& log, Metrics& metrics)
    : name_(config.name), delivery_(delivery), clock_(clock) {
  for (const AuthorityConfig& one : config.authorities) {
    authorities_.push_back(
        std::make_unique<AuthorityKeeper>(one, std::move(stores.at(one.name)), log, metrics));
  }
  for (const CertificateConfig& one : config.certificates) {
    CertificateKeeper::Authorities authorities{
        authority(one.authority), authority(one.server_authority),
        one.client_authority.empty() ? nullptr : &authority(one.client_authority)};
    certificates_.push_back(std::make_unique<CertificateKeeper>(one, authorities, log, metrics));
    certificates_.back()->take_over();
  }
}

Rotator::~Rotator() = default;

AuthorityKeeper& Rotator::authority(const std::string& name) {
  return **std::ranges::find_if(authorities_, [&](const auto& one) { return one->name() == name; });
}

SystemTime Rotator::step() {
  const SystemTime now = clock_.now();
  SystemTime next = now + std::chrono::minutes(1);  // a sign of life, and a look at the replicas
  for (const auto& one : authorities_) next = std::min(next, one->step(now));
  for (const auto& one : certificates_) next = std::min(next, one->step(now));
  if (delivery_ != nullptr) deliver();
  acknowledge(now);
  ready_ = std::ranges::all_of(certificates_, [&](const auto& one) { return one->usable(now); });
  return std::max(next, now + std::chrono::milliseconds(100));
}

void Rotator::deliver() {
  std::vector<Delivered> all;
  for (const auto& one : certificates_) {
    if (auto delivered = one->delivered()) all.push_back(std::move(*delivered));
  }
  for (const auto& one : authorities_) {
    if (one->set() == nullptr) continue;
    DeliveredTrust trust{bundle_pem(*one->set()), crl_pem(*one->set())};
    std::string version = hex_encode(sha256(trust.bundle + trust.crl));
    all.push_back({one->name() + "-ca", std::move(version), std::move(trust)});
  }
  delivery_->publish(std::move(all));
}

void Rotator::acknowledge(SystemTime now) {
  if (delivery_ != nullptr && !delivery_->settled()) return;
  for (const auto& one : authorities_) {
    const bool runs = std::ranges::all_of(certificates_, [&](const auto& certificate) {
      return !certificate->uses(*one) || certificate->current();
    });
    if (runs) one->acknowledge(name_, now);
  }
}

void Rotator::run(std::stop_token stop) {
  for (const auto& one : authorities_) one->store().watch([this] { notify(); });
  while (!stop.stop_requested()) {
    const SystemTime next = step();
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested() && !notified_) {
      const SystemTime now = clock_.now();
      // A clock that was set back far makes "next" meaningless.
      if (now >= next || next - now > std::chrono::minutes(11)) break;
      const auto sleep = std::min<SystemTime::duration>(next - now, kLongestSleep);
      told_.wait_for(lock, stop, sleep, [this] { return notified_; });
    }
    notified_ = false;
  }
}

void Rotator::notify() {
  const std::lock_guard lock(mutex_);
  notified_ = true;
  told_.notify_all();
}

}  // namespace bunker::certsidecar
