// The objects of one kind as they were last seen, in little memory: packed (packer.h), found by
// name and by owner. Kept by an Informer (put, erase, the sweeps); who writes an object tells, too
// (wrote, removed), so that a writer sees its own writes before the watch brings them back.
// Thread rule: any thread. Owner: the composition root.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/kube/object.h"

namespace bunker::kube {

class ObjectCache {
 public:
  ObjectCache();
  ~ObjectCache();
  ObjectCache(const ObjectCache&) = delete;
  ObjectCache& operator=(const ObjectCache&) = delete;

  enum class Change {
    none,  // nothing but its version is new, or a newer version is here already
    added,
    changed,
  };
  // What a watch or a list brings: takes in `object`, unless a newer version of it is here.
  Change put(const Object& object);
  // What a watch says is gone: forgets `key`, unless a newer version than `resource_version` is
  // here; true: it was here.
  bool erase(const ObjectKey& key, std::string_view resource_version);

  // What a write was answered with, unless the watch is there or further already: it may know that
  // the object is gone. A write over a version that is here hides nothing, if it named that version
  // to the API server; what was not here may be the work of others, so put() still tells of it.
  void wrote(const Object& object);
  // The writer has deleted `key` as it was at `resource_version`.
  void removed(const ObjectKey& key, std::string_view resource_version);

  // A list in progress: what put() does not name until sweep() is gone by then.
  void begin_sweep();
  // Forgets what was not put since begin_sweep() and is not newer than `resource_version`; returns
  // the objects that are gone.
  std::vector<Object> sweep(std::string_view resource_version);

  [[nodiscard]] std::optional<Object> get(const ObjectKey& key) const;
  // Those whose controlling owner has `uid`, in order of their keys.
  [[nodiscard]] std::vector<Object> owned_by(std::string_view uid) const;
  [[nodiscard]] std::vector<ObjectKey> keys() const;
  [[nodiscard]] std::size_t size() const;
  // Bytes of packed objects.
  [[nodiscard]] std::size_t packed_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether version `a` is newer than `b`. Versions are numbers (Kubernetes 1.35 made that part of
// the API, and all before kept to it); what is none counts as newer.
[[nodiscard]] bool newer(std::string_view a, std::string_view b);

}  // namespace bunker::kube
