#include "certsidecar/run/certificate_keeper.h"

#include <algorithm>
#include <utility>

#include "lib/base/encoding.h"
#include "lib/pki/rotation_policy.h"

namespace bunker::certsidecar {
namespace {

double unix_seconds(SystemTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

CertificateKeeper::CertificateKeeper(CertificateConfig config, Authorities authorities, Logger& log,
                                     Metrics& metrics)
    : config_(std::move(config)), authorities_(authorities), log_(log), metrics_(metrics) {}

bool CertificateKeeper::uses(const AuthorityKeeper& authority) const {
  return &authority == &authorities_.issuer || &authority == &authorities_.servers ||
         &authority == authorities_.clients;
}

bool CertificateKeeper::usable(SystemTime now) const {
  return leaf_ && now < leaf_->certificate.not_after;
}

std::vector<std::string> CertificateKeeper::folders() const {
  std::vector<std::string> out;
  if (!config_.folder.empty()) out.push_back(config_.folder);
  for (const std::string& host : config_.hosts) out.push_back(config_.certs_d + '/' + host);
  return out;
}

void CertificateKeeper::take_over() {
  for (const std::string& folder : folders()) {
    auto found = read_certificate_folder(folder);
    if (found) {
      leaf_ = std::move(found->leaf);
      trust_ = std::move(found->trust);
      log_.info("certificate taken over",
                {{"name", config_.name},
                 {"folder", folder},
                 {"not_after", format_rfc3339(leaf_->certificate.not_after)}});
      break;
    }
    if (found.error().code != Code::not_found) {
      log_.warn("what is in the folder is of no use, and will be replaced",
                {{"name", config_.name}, {"error", found.error().message}});
    }
  }
  show();
}

// Somebody may have issued it anew by hand, as after a revocation: that one is kept from then on.
void CertificateKeeper::adopt_newer(const pki::LeafTarget& target, SystemTime now) {
  if (!leaf_) return;
  for (const std::string& folder : folders()) {
    auto found = read_certificate_folder(folder);
    if (!found || found->leaf->certificate == leaf_->certificate) continue;
    const pki::Certificate& other = found->leaf->certificate;
    const bool newer = other.not_before > leaf_->certificate.not_before;
    if (!newer || pki::renewal_reason({&other, &found->leaf->key}, target, config_.policy, now)) {
      continue;
    }
    leaf_ = std::move(found->leaf);
    log_.info("certificate that was issued by hand is kept from now on",
              {{"name", config_.name},
               {"folder", folder},
               {"serial", leaf_->certificate.serial},
               {"not_after", format_rfc3339(leaf_->certificate.not_after)}});
    show();
  }
}

SystemTime CertificateKeeper::step(SystemTime now) {
  current_ = false;
  if (!backoff_.ready(now)) return backoff_.retry_at();
  const pki::AuthoritySet* set = authorities_.issuer.set();
  const pki::LeafTarget target{config_.request, config_.algorithm,
                               set == nullptr ? nullptr : &set->current.certificate()};
  adopt_newer(target, now);
  const pki::LeafState state{leaf_ ? &leaf_->certificate : nullptr, leaf_ ? &leaf_->key : nullptr};
  const auto reason = pki::renewal_reason(state, target, config_.policy, now);
  if (reason && set != nullptr) {
    if (const auto renewed = renew(*reason, now); !renewed) {
      fail_with("certificate cannot be issued: the last one stays in use", renewed.error(), now);
    }
  }
  const bool trust_is_current = collect_trust();
  if (!leaf_ || trust_.bundle.empty()) {
    return backoff_.failing() ? backoff_.retry_at() : now + std::chrono::minutes(1);
  }
  if (const auto published = publish(); !published) {
    fail_with("certificate cannot be written: the last one stays in use", published.error(), now);
    return backoff_.retry_at();
  }
  if (reason && backoff_.failing()) return backoff_.retry_at();
  backoff_.succeeded();
  current_ = trust_is_current && set != nullptr;
  const SystemTime due = pki::renewal_time(leaf_->certificate, config_.policy);
  return due > now ? due : now + std::chrono::minutes(1);
}

Result<void> CertificateKeeper::renew(const pki::RenewalReason& reason, SystemTime now) {
  BUNKER_TRY_ASSIGN(
      Leaf leaf, issue_leaf(*authorities_.issuer.set(), config_.request, config_.algorithm, now));
  if (config_.request.for_clients) {
    // On record before it is handed out, so that it holds its CA in place.
    BUNKER_TRY(
        authorities_.issuer.record(config_.request.subject.common_name, leaf.certificate, now));
  }
  leaf_ = std::move(leaf);
  log_.info("certificate issued", {{"name", config_.name},
                                   {"reason", reason.reason},
                                   {"because", reason.message},
                                   {"serial", leaf_->certificate.serial},
                                   {"issuer", leaf_->certificate.issuer.text},
                                   {"not_after", format_rfc3339(leaf_->certificate.not_after)}});
  metrics_
      .counter("bunker_certificate_renewals_total", "Certificates issued.",
               {{"name", config_.name}, {"reason", std::string(reason.reason)}})
      .add();
  show();
  return {};
}

// Whether all of it is what the authorities say today.
bool CertificateKeeper::collect_trust() {
  const pki::AuthoritySet* servers = authorities_.servers.set();
  if (servers != nullptr) trust_.bundle = bundle_pem(*servers);
  if (authorities_.clients == nullptr) {
    trust_.client_bundle.reset();
    trust_.client_crl.reset();
    return servers != nullptr;
  }
  const pki::AuthoritySet* clients = authorities_.clients->set();
  if (clients == nullptr) return false;
  trust_.client_bundle = bundle_pem(*clients);
  trust_.client_crl = crl_pem(*clients);
  if (trust_.client_crl->empty()) trust_.client_crl.reset();
  return servers != nullptr;
}

Result<void> CertificateKeeper::publish() {
  const auto write = [this](const std::string& folder, Layout layout) -> Result<void> {
    BUNKER_TRY(write_folder(folder, certificate_files(*leaf_, trust_, layout, config_.key_mode),
                            is_certificate_file, 0755));
    return {};
  };
  if (!config_.folder.empty()) BUNKER_TRY(write(config_.folder, Layout::pair));
  for (const std::string& host : config_.hosts) {
    BUNKER_TRY(write(config_.certs_d + '/' + host, Layout::certs_d));
  }
  return {};
}

void CertificateKeeper::fail_with(std::string_view what, const Error& error, SystemTime now) {
  const SystemTime again = backoff_.failed(now);
  log_.error(what, {{"name", config_.name},
                    {"error", error.message},
                    {"remedy", error.detail},
                    {"retry_at", format_rfc3339(again)}});
  metrics_
      .counter("bunker_certificate_renewal_failures_total",
               "Certificates that could not be issued or written.", {{"name", config_.name}})
      .add();
}

std::optional<Delivered> CertificateKeeper::delivered() const {
  if (!leaf_) return std::nullopt;
  return Delivered{config_.name, leaf_->certificate.fingerprint,
                   DeliveredPair{leaf_->chain_pem(), leaf_->key.to_pem()}};
}

void CertificateKeeper::show() const {
  if (!leaf_) return;
  const pki::Certificate& one = leaf_->certificate;
  const Labels labels = {{"name", config_.name}};
  metrics_
      .gauge("bunker_certificate_not_before_timestamp_seconds", "When the certificate begins.",
             labels)
      .set(unix_seconds(one.not_before));
  metrics_
      .gauge("bunker_certificate_not_after_timestamp_seconds", "When the certificate expires.",
             labels)
      .set(unix_seconds(one.not_after));
  metrics_.gauge("bunker_certificate_renewal_timestamp_seconds", "When its renewal is due.", labels)
      .set(unix_seconds(pki::renewal_time(one, config_.policy)));
}

}  // namespace bunker::certsidecar
