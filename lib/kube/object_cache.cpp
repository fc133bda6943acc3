#include "lib/kube/object_cache.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <mutex>
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

// JSON of `members` without `left_out`.
std::string text_of(const nlohmann::json& members, std::string_view left_out) {
  std::string out = "{";
  for (const auto& [name, value] : members.items()) {
    if (name == left_out) continue;
    if (out.size() > 1) out += ',';
    out += nlohmann::json(name).dump() + ":";
    out += value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return out + "}";
}

// JSON of what makes an object another one: all but its version.
std::string content_of(const Object& object) {
  const nlohmann::json& value = json_of(object);
  const auto metadata = value.find("metadata");
  if (metadata == value.end() || !metadata->is_object()) return object.dump();
  std::string out = text_of(value, "metadata");
  out.back() = out.size() > 2 ? ',' : ' ';
  return out + R"("metadata":)" + text_of(*metadata, "resourceVersion") + "}";
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

// Everything lies in four flat arrays: thousands of small pieces of memory would be scattered among
// what the lists that brought them took and gave back, and would keep its pages.
struct ObjectCache::Impl {
  using Slot = std::uint32_t;  // an index of `entries`; an object keeps its own
  using KeyView = std::pair<std::string_view, std::string_view>;

  struct Entry {
    std::uint64_t version = 0;  // 0: not a number, and within the content
    Hash content = 0;
    Hash owner = 0;
    std::size_t at = 0;        // in `texts`: namespace, name and packed content
    std::uint32_t packed = 0;  // 0: nothing is kept yet
    std::uint16_t ns = 0;      // Kubernetes' names have at most 253 characters
    std::uint16_t name = 0;
    std::uint32_t round = 0;
    bool untold = false;  // put() has not told of it yet

    [[nodiscard]] std::size_t size() const { return std::size_t{ns} + name + packed; }
  };

  static KeyView view(const ObjectKey& key) { return {key.ns, key.name}; }

  std::string_view text(const Entry& entry) const {
    return std::string_view(texts).substr(entry.at, entry.size());
  }
  KeyView key(Slot slot) const {
    const Entry& entry = entries[slot];
    return {text(entry).substr(0, entry.ns), text(entry).substr(entry.ns, entry.name)};
  }
  std::string_view packed(const Entry& entry) const {
    return text(entry).substr(std::size_t{entry.ns} + entry.name);
  }

  // How the two indices are ordered.
  auto key_order() const {
    return [this](Slot slot) { return key(slot); };
  }
  auto owner_order() const {
    return [this](Slot slot) { return std::pair(entries[slot].owner, key(slot)); };
  }
  auto owner() const {
    return [this](Slot slot) { return entries[slot].owner; };
  }

  std::optional<Slot> find(const ObjectKey& wanted) const {
    const auto at = std::ranges::lower_bound(by_key, view(wanted), {}, key_order());
    if (at == by_key.end() || key(*at) != view(wanted)) return std::nullopt;
    return *at;
  }

  // The slot of `wanted`, taken where it had none, and whether it was.
  std::pair<Slot, bool> find_or_add(const ObjectKey& wanted) {
    const auto at = std::ranges::lower_bound(by_key, view(wanted), {}, key_order());
    if (at != by_key.end() && key(*at) == view(wanted)) return {*at, false};
    auto slot = static_cast<Slot>(entries.size());
    if (free.empty()) {
      entries.emplace_back();
    } else {
      slot = free.back();
      free.pop_back();
    }
    Entry entry;
    entry.at = texts.size();
    entry.ns = static_cast<std::uint16_t>(wanted.ns.size());
    entry.name = static_cast<std::uint16_t>(wanted.name.size());
    texts.append(wanted.ns).append(wanted.name);
    entries[slot] = entry;
    by_key.insert(at, slot);
    return {slot, true};
  }

  Object unpack(const Entry& entry) const {
    Object object = Object::parse(packer.unpack(packed(entry))).value();
    if (entry.version == 0) return object;
    nlohmann::json value = take_json(std::move(object));
    value["metadata"]["resourceVersion"] = std::to_string(entry.version);
    return Object(std::move(value));
  }

  // Keeps `object` in `slot`; returns whether its content is what it was.
  bool store(Slot slot, const Object& object, std::uint64_t version) {
    const std::string content = version == 0 ? object.dump() : content_of(object);
    const Hash hash = hash_of(content);
    Entry& entry = entries[slot];
    entry.version = version;
    if (entry.content == hash && entry.packed > 0) return true;
    disown(slot);
    const std::string names(text(entry).substr(0, entry.size() - entry.packed));
    const std::string text = packer.pack(content);
    unused += entry.size();
    bytes += text.size() - entry.packed;
    entry.at = texts.size();
    entry.packed = static_cast<std::uint32_t>(text.size());
    texts.append(names).append(text);
    entry.content = hash;
    entry.owner = owner_of(object);
    by_owner.insert(std::ranges::lower_bound(by_owner, owner_order()(slot), {}, owner_order()),
                    slot);
    if (unused > texts.size() / 2) compact();
    return false;
  }

  // Takes `slot` out of the owners' index, if it is there.
  void disown(Slot slot) {
    const auto at = std::ranges::lower_bound(by_owner, owner_order()(slot), {}, owner_order());
    if (at != by_owner.end() && *at == slot) by_owner.erase(at);
  }

  bool forget(const ObjectKey& wanted, std::uint64_t version) {
    const std::optional<Slot> slot = find(wanted);
    if (!slot || entries[*slot].version > version) return false;
    forget(*slot);
    return true;
  }

  void forget(Slot slot) {
    disown(slot);
    by_key.erase(std::ranges::lower_bound(by_key, key(slot), {}, key_order()));
    bytes -= entries[slot].packed;
    unused += entries[slot].size();
    free.push_back(slot);
  }

  // Leaves nothing in `texts` that nobody refers to, and no array longer than it is.
  void compact() {
    std::string kept;
    kept.reserve(texts.size() - unused);
    for (const Slot slot : by_key) {
      const std::string_view old = text(entries[slot]);
      entries[slot].at = kept.size();
      kept += old;
    }
    texts = std::move(kept);
    unused = 0;
    entries.shrink_to_fit();
    by_key.shrink_to_fit();
    by_owner.shrink_to_fit();
  }

  std::mutex mutex;
  Packer packer;
  std::vector<Entry> entries;
  std::vector<Slot> free;      // of `entries`
  std::vector<Slot> by_key;    // in order of their keys
  std::vector<Slot> by_owner;  // in order of owner and key
  std::string texts;
  std::size_t unused = 0;  // bytes of `texts` that nobody refers to
  std::size_t bytes = 0;   // of packed content
  unsigned round = 0;
  bool sweeping = false;   // a list names its objects in no order of their versions
  std::uint64_t seen = 0;  // the watch has brought all up to this version
};

ObjectCache::ObjectCache() : impl_(std::make_unique<Impl>()) {}
ObjectCache::~ObjectCache() = default;

ObjectCache::Change ObjectCache::put(const Object& object) {
  const std::uint64_t version = number(object.resource_version()).value_or(0);
  const std::lock_guard lock(impl_->mutex);
  const auto [slot, added] = impl_->find_or_add(object.key());
  Impl::Entry& entry = impl_->entries[slot];
  entry.round = impl_->round;
  if (!impl_->sweeping) impl_->seen = std::max(impl_->seen, version);
  if (!added && version != 0 && version < entry.version) return Change::none;
  const bool same = impl_->store(slot, object, version);
  if (added || std::exchange(impl_->entries[slot].untold, false)) return Change::added;
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
  const auto [slot, added] = impl_->find_or_add(object.key());
  Impl::Entry& entry = impl_->entries[slot];
  if (!added && version != 0 && version < entry.version) return;
  if (added) {
    entry.untold = true;
    entry.round = impl_->round - 1;  // a list under way has not named it
  }
  impl_->store(slot, object, version);
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
  const std::vector<Impl::Slot> all = impl_->by_key;
  for (const Impl::Slot slot : all) {
    const Impl::Entry& entry = impl_->entries[slot];
    if (entry.round == impl_->round || entry.version > listed) continue;
    gone.push_back(impl_->unpack(entry));
    impl_->forget(slot);
  }
  impl_->compact();
  impl_->sweeping = false;
  if (listed != UINT64_MAX) impl_->seen = std::max(impl_->seen, listed);
  return gone;
}

std::optional<Object> ObjectCache::get(const ObjectKey& key) const {
  const std::lock_guard lock(impl_->mutex);
  const std::optional<Impl::Slot> slot = impl_->find(key);
  if (!slot) return std::nullopt;
  return impl_->unpack(impl_->entries[*slot]);
}

std::vector<Object> ObjectCache::owned_by(std::string_view uid) const {
  const Hash owner = hash_of(uid);
  const std::lock_guard lock(impl_->mutex);
  std::vector<Object> out;
  for (const Impl::Slot slot :
       std::ranges::equal_range(impl_->by_owner, owner, {}, impl_->owner())) {
    Object object = impl_->unpack(impl_->entries[slot]);
    const auto controller = object.controller();
    if (controller && controller->uid == uid) out.push_back(std::move(object));
  }
  return out;
}

std::vector<ObjectKey> ObjectCache::keys() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<ObjectKey> out;
  out.reserve(impl_->by_key.size());
  for (const Impl::Slot slot : impl_->by_key) {
    const auto [ns, name] = impl_->key(slot);
    out.push_back({std::string(ns), std::string(name)});
  }
  return out;
}

std::size_t ObjectCache::size() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->by_key.size();
}

std::size_t ObjectCache::packed_bytes() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->bytes;
}

}  // namespace bunker::kube
