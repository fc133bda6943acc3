#include "tests/support/memory_api_server.h"

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"

namespace bunker::kube {
namespace {

using nlohmann::json;

// Of the forms name=value, name!=value and name, with commas between.
bool selected(const Object& object, std::string_view selector) {
  while (!selector.empty()) {
    const std::string_view one = selector.substr(0, selector.find(','));
    selector.remove_prefix(std::min(selector.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    const bool negated = equals != std::string_view::npos && one.find("!=") + 1 == equals;
    const auto label = object.label(one.substr(0, negated ? equals - 1 : equals));
    const bool fits =
        equals == std::string_view::npos ? label.has_value() : label == one.substr(equals + 1);
    if (fits == negated) return false;
  }
  return true;
}

bool in_namespace(const Object& object, const std::string& ns) {
  return ns.empty() || object.ns() == ns;
}

}  // namespace

Result<void> MemoryApiServer::begin(const std::string& verb, const Resource& resource) {
  calls_.push_back(verb + " " + resource.plural);
  if (failing_) return fail(*failing_, verb + " was told to fail");
  return {};
}

Object MemoryApiServer::store(const Resource& resource, json value, WatchEvent::Type type) {
  value["metadata"]["resourceVersion"] = std::to_string(++version_);
  Object object(std::move(value));
  auto& collection = objects_[resource.plural];
  if (type == WatchEvent::Type::deleted) {
    collection.erase(object.key());
  } else {
    collection.insert_or_assign(object.key(), object);
  }
  history_.push_back({version_, resource.plural, {type, object}});
  changed_.notify_all();
  return object;
}

Result<Object> MemoryApiServer::get(const Resource& resource, const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  BUNKER_TRY(begin("get", resource));
  const auto& collection = objects_[resource.plural];
  const auto at = collection.find(key);
  if (at == collection.end()) return fail(Code::not_found, to_string(key) + " is not there");
  return at->second;
}

Result<std::string> MemoryApiServer::list(const Resource& resource, const ListOptions& options,
                                          const std::function<void(Object)>& each) {
  std::vector<Object> found;
  std::string version;
  {
    const std::lock_guard lock(mutex_);
    BUNKER_TRY(begin(options.any_version ? "list any" : "list", resource));
    for (const auto& [key, object] : objects_[resource.plural]) {
      if (in_namespace(object, options.ns) && selected(object, options.label_selector)) {
        found.push_back(object);
      }
    }
    version = std::to_string(version_);
  }
  for (Object& object : found) each(std::move(object));
  return version;
}

Result<void> MemoryApiServer::watch(const Resource& resource, const WatchOptions& options,
                                    std::stop_token stop,
                                    const std::function<void(WatchEvent)>& each) {
  std::unique_lock lock(mutex_);
  BUNKER_TRY(begin("watch", resource));
  std::int64_t seen = std::stoll(options.resource_version);
  if (seen < compacted_) return fail(Code::out_of_range, "too old resource version");
  const std::int64_t cuts = cuts_;
  ++open_;
  changed_.notify_all();
  while (!stop.stop_requested() && cuts == cuts_) {
    std::vector<WatchEvent> events;
    for (const Event& event : history_) {
      if (held_) break;
      if (event.version <= seen) continue;
      seen = event.version;
      const Object& object = event.event.object;
      if (event.path == resource.plural && in_namespace(object, options.ns) &&
          selected(object, options.label_selector)) {
        events.push_back(event.event);
      }
    }
    lock.unlock();
    for (WatchEvent& event : events) each(std::move(event));
    lock.lock();
    changed_.wait(lock, stop, [&] { return cuts != cuts_ || (version_ > seen && !held_); });
  }
  --open_;
  if (stop.stop_requested()) return {};
  return fail(Code::retry_later, "the connection broke");
}

Result<Object> MemoryApiServer::create(const Resource& resource, const Object& object) {
  const std::lock_guard lock(mutex_);
  BUNKER_TRY(begin("create", resource));
  if (objects_[resource.plural].contains(object.key())) {
    return fail(Code::already_exists, to_string(object.key()) + " is there already");
  }
  json value = json_of(object);
  value["metadata"]["uid"] = "uid-" + std::to_string(version_ + 1);
  value["metadata"]["generation"] = 1;
  return store(resource, std::move(value), WatchEvent::Type::added);
}

Result<Object> MemoryApiServer::replace(const Resource& resource, const Object& object) {
  const std::lock_guard lock(mutex_);
  BUNKER_TRY(begin("update", resource));
  const auto& collection = objects_[resource.plural];
  const auto at = collection.find(object.key());
  if (at == collection.end()) return fail(Code::not_found, to_string(object.key()));
  if (at->second.resource_version() != object.resource_version()) {
    return fail(Code::conflict, to_string(object.key()) + " has changed");
  }
  return store(resource, json_of(object), WatchEvent::Type::modified);
}

Result<Object> MemoryApiServer::apply(const Resource& resource, const Object& object,
                                      const ApplyOptions& options) {
  const std::lock_guard lock(mutex_);
  BUNKER_TRY(
      begin(options.subresource.empty() ? "apply" : "apply " + options.subresource, resource));
  auto& collection = objects_[resource.plural];
  const auto at = collection.find(object.key());
  const std::string_view version = object.resource_version();
  if (at == collection.end()) {
    if (!options.subresource.empty() || !version.empty()) {
      return fail(Code::not_found, to_string(object.key()));
    }
    json value = json_of(object);
    value["metadata"]["uid"] = "uid-" + std::to_string(version_ + 1);
    return store(resource, std::move(value), WatchEvent::Type::added);
  }
  if (!version.empty() && version != at->second.resource_version()) {
    return fail(Code::conflict, to_string(object.key()) + " has changed");
  }
  json value = json_of(at->second);
  for (const auto& [name, field] : json_of(object).items()) {
    if (name == "metadata") {
      value[name].merge_patch(field);
    } else {
      value[name] = field;
    }
  }
  if (value == json_of(at->second)) return at->second;  // no change, no new version
  return store(resource, std::move(value), WatchEvent::Type::modified);
}

Result<Object> MemoryApiServer::merge(const Resource& resource, const ObjectKey& key,
                                      const Object& patch) {
  const std::lock_guard lock(mutex_);
  BUNKER_TRY(begin("patch", resource));
  auto& collection = objects_[resource.plural];
  const auto at = collection.find(key);
  if (at == collection.end()) return fail(Code::not_found, to_string(key));
  if (!patch.resource_version().empty() &&
      patch.resource_version() != at->second.resource_version()) {
    return fail(Code::conflict, to_string(key) + " has changed");
  }
  json value = json_of(at->second);
  value.merge_patch(json_of(patch));
  return store(resource, std::move(value), WatchEvent::Type::modified);
}

Result<void> MemoryApiServer::remove(const Resource& resource, const ObjectKey& key,
                                     const Preconditions& preconditions) {
  const std::lock_guard lock(mutex_);
  BUNKER_TRY(begin("delete", resource));
  auto& collection = objects_[resource.plural];
  const auto at = collection.find(key);
  if (at == collection.end()) return fail(Code::not_found, to_string(key));
  if ((!preconditions.uid.empty() && preconditions.uid != at->second.uid()) ||
      (!preconditions.resource_version.empty() &&
       preconditions.resource_version != at->second.resource_version())) {
    return fail(Code::conflict, to_string(key) + " is another one");
  }
  store(resource, json_of(at->second), WatchEvent::Type::deleted);
  return {};
}

Result<std::vector<Resource>> MemoryApiServer::discover(std::string_view, std::string_view) {
  return fail(Code::not_found, "only what is built in is served");
}

void MemoryApiServer::cut_watches() {
  const std::lock_guard lock(mutex_);
  ++cuts_;
  changed_.notify_all();
}

void MemoryApiServer::hold_watches(bool hold) {
  const std::lock_guard lock(mutex_);
  held_ = hold;
  changed_.notify_all();
}

void MemoryApiServer::compact() {
  const std::lock_guard lock(mutex_);
  compacted_ = version_;
  history_.clear();
}

void MemoryApiServer::fail_all(Code code) {
  const std::lock_guard lock(mutex_);
  failing_ = code;
}

void MemoryApiServer::stop_failing() {
  const std::lock_guard lock(mutex_);
  failing_.reset();
}

std::vector<std::string> MemoryApiServer::take_calls() {
  const std::lock_guard lock(mutex_);
  return std::exchange(calls_, {});
}

std::size_t MemoryApiServer::open_watches() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace bunker::kube
