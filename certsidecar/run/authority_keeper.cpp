#include "certsidecar/run/authority_keeper.h"

#include <algorithm>
#include <array>
#include <utility>

#include "certsidecar/authority/make.h"

namespace bunker::certsidecar {
namespace {

using std::chrono::minutes;

constexpr std::chrono::seconds kReplicasPause{5};
constexpr int kMostSteps = 4;  // of a rotation, in one go

double unix_seconds(SystemTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

AuthorityKeeper::AuthorityKeeper(AuthorityConfig config, std::unique_ptr<AuthorityStore> store,
                                 Logger& log, Metrics& metrics)
    : config_(std::move(config)), store_(std::move(store)), log_(log), metrics_(metrics) {}

SystemTime AuthorityKeeper::step(SystemTime now) {
  if (!backoff_.ready(now)) return backoff_.retry_at();
  const Result<void> looked = look(now);
  if (looked) {
    if (backoff_.failing()) log_.info("authority is back", {{"authority", config_.name}});
    backoff_.succeeded();
    warn();
  } else {
    next_look_ = backoff_.failed(now);
    log_.warn("authority is out of reach or broken: the last good one stays in use",
              {{"authority", config_.name},
               {"error", looked.error().message},
               {"remedy", looked.error().detail}});
  }
  show(now);
  return next_look_;
}

Result<void> AuthorityKeeper::look(SystemTime now) {
  // Nothing is looked at for longer than this, whatever is due.
  next_look_ = now + minutes(10);
  auto read = read_authority(*store_);
  if (!read && read.error().code == Code::not_found && config_.create) {
    auto created = create_authority(*store_, config_.settings, config_.crl_lifetime, now);
    if (created) {
      log_.info("authority made", {{"authority", config_.name},
                                   {"subject", created->current.certificate().subject.text}});
    } else if (created.error().code != Code::already_exists &&
               created.error().code != Code::conflict) {
      return fail(std::move(created).error());
    }
    read = read_authority(*store_);  // somebody else's, where that was first
  }
  if (!read) return fail(std::move(read).error());
  if (store_->writable() && store_->lead()) {
    read = update_authority(*store_, [&](pki::AuthoritySet& set) { return drive(set, now); });
    if (!read) return fail(std::move(read).error());
  }
  set_ = std::move(*read);
  return {};
}

// What the one that leads does: the lists, and the steps of a rotation. Whether anything changed.
Result<bool> AuthorityKeeper::drive(pki::AuthoritySet& set, SystemTime now) {
  bool changed = set.crl_lifetime != config_.crl_lifetime;
  set.crl_lifetime = config_.crl_lifetime;
  if (config_.rotate) {
    std::vector<pki::Replica> replicas;
    if (set.next || !set.previous.empty()) {
      BUNKER_TRY_ASSIGN(replicas, store_->replicas());
      next_look_ = now + kReplicasPause;  // the next step may wait for one of them
    }
    for (int i = 0; i < kMostSteps; ++i) {
      const pki::RotationStep step = pki::next_step(set, config_.policy, replicas, now);
      next_look_ = std::min(next_look_, std::max(step.next_look, now + std::chrono::seconds(1)));
      if (step.action == pki::RotationAction::none) break;
      BUNKER_TRY(take(set, step, now));
      changed = true;
    }
  }
  BUNKER_TRY_ASSIGN(const bool signed_anew, pki::refresh_crls(set, now));
  return changed || signed_anew;
}

Result<void> AuthorityKeeper::take(pki::AuthoritySet& set, const pki::RotationStep& step,
                                   SystemTime now) {
  std::string_view what;
  switch (step.action) {
    case pki::RotationAction::none:
      return {};
    case pki::RotationAction::prepare: {
      what = "prepare";
      AuthoritySettings settings = settings_like(set.current.certificate());
      settings.lifetime = config_.settings.lifetime;
      settings.algorithm = config_.settings.algorithm;
      BUNKER_TRY_ASSIGN(auto next, new_authority(settings, now));
      pki::prepare(set, std::move(next), now);
      break;
    }
    case pki::RotationAction::activate:
      what = "activate";
      BUNKER_TRY(pki::activate(set, now));
      break;
    case pki::RotationAction::retire:
      what = "retire";
      BUNKER_TRY(pki::retire(set, step.fingerprint));
      break;
  }
  log_.info("authority rotates", {{"authority", config_.name},
                                  {"step", what},
                                  {"reason", step.reason},
                                  {"because", step.message},
                                  {"generation", set.generation}});
  metrics_
      .counter("bunker_authority_rotation_steps_total", "Steps of CA rotations.",
               {{"authority", config_.name}, {"step", std::string(what)}})
      .add();
  return {};
}

Result<void> AuthorityKeeper::record(const std::string& name, const pki::Certificate& certificate,
                                     SystemTime now) {
  if (!store_->writable()) return {};  // whoever writes the Secret keeps its books
  BUNKER_TRY_ASSIGN(auto set,
                    update_authority(*store_, [&](pki::AuthoritySet& one) -> Result<bool> {
                      pki::record_issued(one, name, certificate, now);
                      return true;
                    }));
  set_ = std::move(set);
  return {};
}

void AuthorityKeeper::acknowledge(const std::string& replica, SystemTime now) {
  if (!set_) return;
  const bool recent = now >= acknowledged_at_ && now < acknowledged_at_ + minutes(2);
  if (recent && acknowledged_ == set_->generation) return;
  if (const auto told = store_->acknowledge(replica, set_->generation); !told) {
    log_.warn("cannot publish the generation that this replica runs",
              {{"authority", config_.name}, {"error", told.error().message}});
    return;
  }
  acknowledged_ = set_->generation;
  acknowledged_at_ = now;
  metrics_
      .gauge("bunker_authority_generation", "Generation of the authority that this replica runs.",
             {{"authority", config_.name}})
      .set(static_cast<double>(acknowledged_));
}

// Each warning once, until it is another.
void AuthorityKeeper::warn() {
  std::string warning = store_->warning();
  if (warning != warned_ && !warning.empty()) {
    log_.warn("authority is used all the same",
              {{"authority", config_.name},
               {"warning", warning},
               {"remedy", "chmod 600, or defaultMode: 0400 in the volume of a Secret"}});
  }
  warned_ = std::move(warning);
}

void AuthorityKeeper::show(SystemTime now) {
  const pki::Certificate* ca = set_ ? &set_->current.certificate() : nullptr;
  std::string_view state = "unavailable";
  if (ca != nullptr && now < ca->not_after) {
    state = set_->next ? "distributing" : set_->previous.empty() ? "steady" : "overlapping";
  }
  for (const std::string_view one : {"steady", "distributing", "overlapping", "unavailable"}) {
    metrics_
        .gauge("bunker_authority_state", "1 for the state that the authority is in.",
               {{"authority", config_.name}, {"state", std::string(one)}})
        .set(one == state ? 1 : 0);
  }
  if (ca == nullptr) return;
  metrics_
      .gauge("bunker_authority_not_after_timestamp_seconds", "When the CA that signs expires.",
             {{"authority", config_.name}})
      .set(unix_seconds(ca->not_after));
  if (set_->crls.empty()) return;
  const auto first = std::ranges::min(set_->crls, {}, &pki::Crl::next_update);
  metrics_
      .gauge("bunker_crl_next_update_timestamp_seconds",
             "When the first of the authority's revocation lists runs out.",
             {{"authority", config_.name}})
      .set(unix_seconds(first.next_update));
}

}  // namespace bunker::certsidecar
