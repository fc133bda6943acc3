#include "operator/controller/world.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <utility>

#include "lib/kube/informer.h"
#include "lib/kube/object_cache.h"
#include "operator/controller/relations.h"
#include "operator/controller/strip.h"

namespace bunker::op {
namespace {

using kube::Gvk;
using kube::Object;
using kube::ObjectCache;
using kube::ObjectKey;
using kube::Priority;
using kube::Resource;

// One kind in one namespace, or in all.
struct Watched {
  Resource resource;
  std::string ns;
  bool given = false;  // Secrets of people, labelled for a Registry
  ObjectCache cache;
  std::unique_ptr<kube::Informer> informer;
  std::jthread thread;
};

const Gvk kSecrets{"", "v1", "Secret"};

std::string selector_of(const Watched& watched) {
  const std::string managed_by(kManagedByLabel);
  if (watched.given) return std::string(kGivenLabel) + "," + managed_by + "!=" + kManagedBy;
  return managed_by + "=" + kManagedBy;
}

bool is_subject(const Gvk& gvk) {
  return gvk == kRegistries.gvk || gvk == kUsers.gvk;
}

const Resource& subject_of(std::string_view kind) {
  return kind == kUsers.gvk.kind ? kUsers : kRegistries;
}

}  // namespace

struct World::Impl {
  Impl(kube::Client& server, Options chosen, Logger& logger, Metrics& sink)
      : client(server), options(std::move(chosen)), log(logger), metrics(sink) {}

  // Begins to watch `resource`. Under the lock.
  void add(const Resource& resource, bool given = false) {
    std::vector<std::string> scopes = options.namespaces;
    if (scopes.empty()) scopes.emplace_back();
    for (std::string& ns : scopes) {
      Watched& watched = kinds.emplace_back();
      watched.resource = resource;
      watched.ns = std::move(ns);
      watched.given = given;
      kube::Informer::Options how;
      how.resource = resource;
      how.ns = watched.ns;
      how.idle = options.idle;
      how.strip = strip;
      if (!is_subject(resource.gvk)) how.label_selector = selector_of(watched);
      how.on_synced = [this] {
        const std::lock_guard lock(sync_mutex);
        sync_changed.notify_all();
      };
      how.on_change = [this, given](const kube::Change& change) {
        given ? given_changed(change) : changed(change);
      };
      watched.informer =
          std::make_unique<kube::Informer>(client, std::move(how), watched.cache, log, metrics);
      watched.thread = std::jthread([informer = watched.informer.get()](std::stop_token stop) {
        informer->run(std::move(stop));
      });
    }
  }

  // On an informer's thread.
  void changed(const kube::Change& change) {
    const Priority priority = change.initial ? Priority::low : Priority::normal;
    const Object& object = change.object;
    if (is_subject(object.gvk())) {
      const SubjectKey self{object.gvk().kind, object.key()};
      const auto names = change.gone ? std::vector<std::string>() : relations(object);
      for (const SubjectKey& other : related.set(self, names)) want(other, priority);
      want(self, priority);
      return;
    }
    const std::optional<kube::OwnerReference> owner = object.controller();
    if (!owner || (owner->kind != kRegistries.gvk.kind && owner->kind != kUsers.gvk.kind)) return;
    const SubjectKey self{owner->kind, {std::string(object.ns()), owner->name}};
    want(self, priority);
    if (object.gvk() != kSecrets) return;
    for (const SubjectKey& other : related.of(self)) want(other, priority);
  }

  void given_changed(const kube::Change& change) {
    const Priority priority = change.initial ? Priority::low : Priority::normal;
    const auto name = change.object.label(kGivenLabel);
    if (!name) return;
    const SubjectKey self{kRegistries.gvk.kind,
                          {std::string(change.object.ns()), std::string(*name)}};
    want(self, priority);
    for (const SubjectKey& other : related.of(self)) want(other, priority);
  }

  void want(const SubjectKey& subject, Priority priority) const {
    options.wanted(subject_of(subject.first), subject.second, priority);
  }

  // The cache that has what is of `gvk` in `ns`; null: none has.
  ObjectCache* cache_of(const Gvk& gvk, std::string_view ns, bool given = false) {
    for (Watched& watched : kinds) {
      if (watched.resource.gvk == gvk && watched.given == given &&
          (watched.ns.empty() || watched.ns == ns)) {
        return &watched.cache;
      }
    }
    return nullptr;
  }

  // The cache that has `object`, or would.
  ObjectCache* cache_for(const Object& object) {
    const bool given = object.gvk() == kSecrets && object.label(kManagedByLabel) != kManagedBy;
    return cache_of(object.gvk(), object.ns(), given);
  }

  // Adds the Secrets of people that `registry` names and that are labelled for it.
  void add_given(const Object& registry, std::vector<Object>& out) {
    if (registry.gvk() != kRegistries.gvk) return;
    const ObjectCache* cache = cache_of(kSecrets, registry.ns(), true);
    if (cache == nullptr) return;
    for (const std::string& name : given_secrets(registry)) {
      std::optional<Object> secret = cache->get({std::string(registry.ns()), name});
      if (secret && secret->label(kGivenLabel) == registry.name()) {
        out.push_back(*std::move(secret));
      }
    }
  }

  // Looks for optional kinds that were not served yet; returns whether any is still missing.
  bool discover() {
    bool missing = false;
    for (const Gvk& gvk : optional_kinds()) {
      {
        const std::shared_lock lock(mutex);
        if (served.contains(gvk)) continue;
      }
      const auto found = client.discover(gvk.group, gvk.version);
      const Resource* resource = nullptr;
      if (found) {
        const auto at = std::ranges::find(*found, gvk, &Resource::gvk);
        if (at != found->end()) resource = &*at;
      }
      if (resource == nullptr) {
        missing = true;
        continue;
      }
      const std::unique_lock lock(mutex);
      served.emplace(gvk, *resource);
      add(*resource);
    }
    return missing;
  }

  void rediscover(std::stop_token stop) {
    while (discover() && !stop.stop_requested()) {
      std::mutex alone;
      std::unique_lock lock(alone);
      std::condition_variable_any wake;
      wake.wait_for(lock, stop, options.rediscover, [] { return false; });
    }
  }

  kube::Client& client;
  const Options options;
  Logger& log;
  Metrics& metrics;
  mutable std::shared_mutex mutex;  // of what follows; a cache has its own
  std::list<Watched> kinds;
  std::map<Gvk, Resource> served;  // of the optional ones
  Relations related;
  std::jthread discoverer;
  std::mutex sync_mutex;
  std::condition_variable_any sync_changed;
};

World::World(kube::Client& client, Options options, Logger& log, Metrics& metrics)
    : impl_(std::make_unique<Impl>(client, std::move(options), log, metrics)) {}

World::~World() {
  stop();
}

void World::start() {
  {
    const std::unique_lock lock(impl_->mutex);
    // What is owned first: a subject that is looked at before its objects are known would only be
    // looked at again.
    for (const Gvk& gvk : owned_kinds()) {
      if (const auto resource = kube::builtin_resource(gvk)) impl_->add(*resource);
    }
    if (const auto secrets = kube::builtin_resource(kSecrets)) impl_->add(*secrets, true);
    impl_->add(kUsers);
    impl_->add(kRegistries);
  }
  impl_->discoverer = std::jthread(
      [impl = impl_.get()](std::stop_token stop) { impl->rediscover(std::move(stop)); });
}

void World::stop() {
  impl_->discoverer = {};
  for (Watched& watched : impl_->kinds) watched.thread.request_stop();
  for (Watched& watched : impl_->kinds) watched.thread = {};
}

bool World::synced() const {
  const std::shared_lock lock(impl_->mutex);
  return !impl_->kinds.empty() && std::ranges::all_of(impl_->kinds, [](const Watched& watched) {
    return watched.informer->synced();
  });
}

bool World::wait_until_synced(std::stop_token stop) const {
  std::unique_lock lock(impl_->sync_mutex);
  impl_->sync_changed.wait(lock, stop, [this] { return synced(); });
  return !stop.stop_requested();
}

std::optional<Observed> World::observe(const Resource& kind, const ObjectKey& key) const {
  const std::shared_lock lock(impl_->mutex);
  const ObjectCache* subjects = impl_->cache_of(kind.gvk, key.ns);
  std::optional<Object> subject = subjects == nullptr ? std::nullopt : subjects->get(key);
  if (!subject) return std::nullopt;
  Observed out;
  out.subject = std::move(*subject);
  for (const Watched& watched : impl_->kinds) {
    if (is_subject(watched.resource.gvk) || watched.given) continue;
    if (!watched.ns.empty() && watched.ns != key.ns) continue;
    std::vector<Object> owned = watched.cache.owned_by(out.subject.uid());
    std::ranges::move(owned, std::back_inserter(out.owned));
  }
  impl_->add_given(out.subject, out.secrets);
  for (const SubjectKey& other : impl_->related.of({kind.gvk.kind, key})) {
    const ObjectCache* cache = impl_->cache_of(subject_of(other.first).gvk, other.second.ns);
    std::optional<Object> object = cache == nullptr ? std::nullopt : cache->get(other.second);
    if (!object) continue;
    if (const ObjectCache* secrets = impl_->cache_of(kSecrets, object->ns())) {
      std::ranges::move(secrets->owned_by(object->uid()), std::back_inserter(out.secrets));
    }
    impl_->add_given(*object, out.secrets);
    out.related.push_back(std::move(*object));
  }
  for (const auto& [gvk, resource] : impl_->served) out.served.insert(gvk);
  return out;
}

std::optional<Resource> World::resource_of(const Gvk& gvk) const {
  if (gvk == kRegistries.gvk) return kRegistries;
  if (gvk == kUsers.gvk) return kUsers;
  if (auto builtin = kube::builtin_resource(gvk)) return builtin;
  const std::shared_lock lock(impl_->mutex);
  const auto at = impl_->served.find(gvk);
  if (at == impl_->served.end()) return std::nullopt;
  return at->second;
}

void World::wrote(const Object& object) {
  const std::shared_lock lock(impl_->mutex);
  ObjectCache* cache = impl_->cache_for(object);
  if (cache != nullptr) cache->wrote(strip(object));
}

void World::deleted(const Object& object) {
  const std::shared_lock lock(impl_->mutex);
  ObjectCache* cache = impl_->cache_for(object);
  if (cache != nullptr) cache->removed(object.key(), object.resource_version());
}

}  // namespace bunker::op
