// A kube::Client whose API server is in memory: versions, conflicts, watches from any version,
// compaction, and failures where a test asks for them. Apply replaces top-level fields, which is
// all that its users need; what server-side apply really does is tested against a real server.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lib/kube/client.h"

namespace bunker::kube {

class MemoryApiServer final : public Client {
 public:
  Result<Object> get(const Resource& resource, const ObjectKey& key) override;
  Result<std::string> list(const Resource& resource, const ListOptions& options,
                           const std::function<void(Object)>& each) override;
  Result<void> watch(const Resource& resource, const WatchOptions& options, std::stop_token stop,
                     const std::function<void(WatchEvent)>& each) override;
  Result<Object> create(const Resource& resource, const Object& object) override;
  Result<Object> replace(const Resource& resource, const Object& object) override;
  Result<Object> apply(const Resource& resource, const Object& object,
                       const ApplyOptions& options) override;
  Result<Object> merge(const Resource& resource, const ObjectKey& key,
                       const Object& patch) override;
  Result<void> remove(const Resource& resource, const ObjectKey& key,
                      const Preconditions& preconditions) override;
  Result<std::vector<Resource>> discover(std::string_view group, std::string_view version) override;

  // Ends all watches as a broken connection does.
  void cut_watches();
  // Keeps what happens from the watches, as a slow network does, until told otherwise.
  void hold_watches(bool hold);
  // Forgets history: to watch from before now is refused with out_of_range.
  void compact();
  // Every call from now on fails with `code`, until stop_failing().
  void fail_all(Code code);
  void stop_failing();
  // Calls that were made, "list configmaps" and so on, since the last time this was asked.
  std::vector<std::string> take_calls();
  [[nodiscard]] std::size_t open_watches() const;

 private:
  struct Event {
    std::int64_t version;
    std::string path;  // of the object's collection
    WatchEvent event;
  };
  using Path = std::string;

  Result<void> begin(const std::string& verb, const Resource& resource);
  Object store(const Resource& resource, nlohmann::json value, WatchEvent::Type type);

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<Path, std::map<ObjectKey, Object>> objects_;
  std::deque<Event> history_;
  std::vector<std::string> calls_;
  std::int64_t version_ = 100;
  std::int64_t compacted_ = 0;
  std::int64_t cuts_ = 0;
  std::size_t open_ = 0;
  bool held_ = false;
  std::optional<Code> failing_;
};

}  // namespace bunker::kube
