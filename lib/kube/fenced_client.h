// A Client whose writes are refused while something does not hold, such as leading: what a worker
// began before it lost the lease does not reach the API server after that. A decorator.
// Thread rule: as Client. Owner: the composition root.
#pragma once

#include <functional>

#include "lib/kube/client.h"

namespace bunker::kube {

class FencedClient final : public Client {
 public:
  // `inner` outlives it. `may_write` is asked before every write, on the caller's thread.
  FencedClient(Client& inner, std::function<bool()> may_write)
      : inner_(inner), may_write_(std::move(may_write)) {}

  Result<Object> get(const Resource& resource, const ObjectKey& key) override {
    return inner_.get(resource, key);
  }
  Result<std::string> list(const Resource& resource, const ListOptions& options,
                           const std::function<void(Object)>& each) override {
    return inner_.list(resource, options, each);
  }
  Result<void> watch(const Resource& resource, const WatchOptions& options, std::stop_token stop,
                     const std::function<void(WatchEvent)>& each) override {
    return inner_.watch(resource, options, std::move(stop), each);
  }
  // Writes: cancelled where they may not be.
  Result<Object> create(const Resource& resource, const Object& object) override;
  Result<Object> replace(const Resource& resource, const Object& object) override;
  Result<Object> apply(const Resource& resource, const Object& object,
                       const ApplyOptions& options) override;
  Result<Object> merge(const Resource& resource, const ObjectKey& key,
                       const Object& patch) override;
  Result<void> remove(const Resource& resource, const ObjectKey& key,
                      const Preconditions& preconditions) override;
  Result<std::vector<Resource>> discover(std::string_view group,
                                         std::string_view version) override {
    return inner_.discover(group, version);
  }

 private:
  Result<void> check() const;

  Client& inner_;
  std::function<bool()> may_write_;
};

}  // namespace bunker::kube
