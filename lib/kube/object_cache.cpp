#include "lib/kube/object_cache.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"
#include "lib/kube/packer.h"

namespace bunker::kube {
namespace {

using Hash = std::uint64_t;

Hash hash_of(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

std::optional<std::uint64_t> number(std::string_view version) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), out);
  if (error != std::errc() || end != version.data() + version.size()) return std::nullopt;
  return out;
}

// What makes an object another one: all but its version.
Hash content_of(const Object& object) {
  nlohmann::json value = json_of(object);
  if (auto metadata = value.find("metadata"); metadata != value.end() && metadata->is_object()) {
    metadata->erase("resourceVersion");
  }
  return hash_of(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Hash owner_of(const Object& object) {
  const std::optional<OwnerReference> owner = object.controller();
  return owner ? hash_of(owner->uid) : 0;
}

}  // namespace

bool newer(std::string_view a, std::string_view b) {
  const auto left = number(a);
  const auto right = number(b);
  return !left || !right || *left > *right;
}

struct ObjectCache::Impl {
  struct Entry {
    std::string packed;
    std::uint64_t version = 0;  // 0: not a number
    Hash content = 0;
    Hash owner = 0;
    unsigned round = 0;
    bool untold = false;  // put() has not told of it yet
  };
  using Entries = std::map<ObjectKey, Entry>;

  Object unpack(const Entry& entry) { return Object::parse(packer.unpack(entry.packed)).value(); }

  // Keeps `object` at `at`; returns whether its content is what it was.
  bool store(Entries::iterator at, const Object& object, std::uint64_t version) {
    Entry& entry = at->second;
    const Hash content = content_of(object);
    const bool same = entry.content == content;
    owners.erase({entry.owner, &at->first});
    bytes -= entry.packed.size();
    entry.packed = packer.pack(object.dump());
    entry.version = version;
    entry.content = content;
    entry.owner = owner_of(object);
    bytes += entry.packed.size();
    owners.insert({entry.owner, &at->first});
    return same;
  }

  bool forget(const ObjectKey& key, std::uint64_t version) {
    const auto at = entries.find(key);
    if (at == entries.end() || at->second.version > version) return false;
    forget(at);
    return true;
  }

  void forget(Entries::iterator at) {
    bytes -= at->second.packed.size();
    owners.erase({at->second.owner, &at->first});
    entries.erase(at);
  }

  std::mutex mutex;
  Packer packer;
  Entries entries;
  std::set<std::pair<Hash, const ObjectKey*>> owners;
  std::size_t bytes = 0;
  unsigned round = 0;
  bool sweeping = false;   // a list names its objects in no order of their versions
  std::uint64_t seen = 0;  // the watch has brought all up to this version
};

ObjectCache::ObjectCache() : impl_(std::make_unique<Impl>()) {}
ObjectCache::~ObjectCache() = default;

ObjectCache::Change ObjectCache::put(const Object& object) {
  const std::uint64_t version = number(object.resource_version()).value_or(0);
  const std::lock_guard lock(impl_->mutex);
  const auto [at, added] = impl_->entries.try_emplace(object.key());
  Impl::Entry& entry = at->second;
  entry.round = impl_->round;
  if (!impl_->sweeping) impl_->seen = std::max(impl_->seen, version);
  if (!added && version != 0 && version < entry.version) return Change::none;
  const bool same = impl_->store(at, object, version);
  if (added || std::exchange(entry.untold, false)) return Change::added;
  return same ? Change::none : Change::changed;
}

bool ObjectCache::erase(const ObjectKey& key, std::string_view resource_version) {
  const std::uint64_t version = number(resource_version).value_or(UINT64_MAX);
  const std::lock_guard lock(impl_->mutex);
  if (version != UINT64_MAX) impl_->seen = std::max(impl_->seen, version);
  return impl_->forget(key, version);
}

void ObjectCache::wrote(const Object& object) {
  const std::uint64_t version = number(object.resource_version()).value_or(0);
  const std::lock_guard lock(impl_->mutex);
  if (version != 0 && version <= impl_->seen) return;
  const auto [at, added] = impl_->entries.try_emplace(object.key());
  if (!added && version != 0 && version < at->second.version) return;
  if (added) {
    at->second.untold = true;
    at->second.round = impl_->round - 1;  // a list under way has not named it
  }
  impl_->store(at, object, version);
}

void ObjectCache::removed(const ObjectKey& key, std::string_view resource_version) {
  const std::lock_guard lock(impl_->mutex);
  impl_->forget(key, number(resource_version).value_or(UINT64_MAX));
}

void ObjectCache::begin_sweep() {
  const std::lock_guard lock(impl_->mutex);
  ++impl_->round;
  impl_->sweeping = true;
}

std::vector<Object> ObjectCache::sweep(std::string_view resource_version) {
  const std::uint64_t listed = number(resource_version).value_or(UINT64_MAX);
  const std::lock_guard lock(impl_->mutex);
  std::vector<Object> gone;
  for (auto at = impl_->entries.begin(); at != impl_->entries.end();) {
    const auto here = at++;
    if (here->second.round == impl_->round || here->second.version > listed) continue;
    gone.push_back(impl_->unpack(here->second));
    impl_->forget(here);
  }
  impl_->sweeping = false;
  if (listed != UINT64_MAX) impl_->seen = std::max(impl_->seen, listed);
  return gone;
}

std::optional<Object> ObjectCache::get(const ObjectKey& key) const {
  const std::lock_guard lock(impl_->mutex);
  const auto at = impl_->entries.find(key);
  if (at == impl_->entries.end()) return std::nullopt;
  return impl_->unpack(at->second);
}

std::vector<Object> ObjectCache::owned_by(std::string_view uid) const {
  const Hash owner = hash_of(uid);
  const std::lock_guard lock(impl_->mutex);
  std::vector<Object> out;
  for (auto at = impl_->owners.lower_bound({owner, nullptr});
       at != impl_->owners.end() && at->first == owner; ++at) {
    Object object = impl_->unpack(impl_->entries.at(*at->second));
    const auto controller = object.controller();
    if (controller && controller->uid == uid) out.push_back(std::move(object));
  }
  std::ranges::sort(out, {}, &Object::key);
  return out;
}

std::vector<ObjectKey> ObjectCache::keys() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<ObjectKey> out;
  out.reserve(impl_->entries.size());
  for (const auto& [key, entry] : impl_->entries) out.push_back(key);
  return out;
}

std::size_t ObjectCache::size() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.size();
}

std::size_t ObjectCache::packed_bytes() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->bytes;
}

}  // namespace bunker::kube
