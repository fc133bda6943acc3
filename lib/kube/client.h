// What a controller asks of an API server. RestClient is the real one; a decorator or an in-memory
// one can stand in for it. Every call blocks, so never on an I/O thread.
// Thread rule: any thread, calls run side by side. Owner: the composition root.
//
// Errors carry the code of the caller's next step:
//   not_found        there is no such object (or kind)
//   already_exists   create(): it is there already
//   conflict         it changed since, or a precondition does not hold: look again
//   out_of_range     410: the version or continue token is too old: list again
//   invalid          the object is refused: a retry will not help
//   unauthenticated, forbidden, too_large, unsupported
//   retry_later      overloaded, broken or unreachable, retries included
//   cancelled        the client was stopped
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/kube/object.h"
#include "lib/kube/resource.h"
#include "lib/kube/watch.h"

namespace bunker::kube {

struct ListOptions {
  std::string ns;              // empty: all namespaces
  std::string label_selector;  // empty: every object
  unsigned page = 500;         // objects a request, but for any_version
  // Whatever the server has in memory will do, in one answer and at a fraction of the cost: it may
  // be behind, never wrong. Otherwise all that was written before is in the list.
  bool any_version = false;
};

struct WatchOptions {
  std::string ns;
  std::string label_selector;
  std::string resource_version;  // the version to go on from
  // The server ends the watch after this long; who watches asks again.
  std::chrono::seconds timeout{300};
  // A watch on which nothing arrives for so long is taken for dead (servers send a bookmark about
  // every minute, so this only costs a request where one does not).
  std::chrono::milliseconds idle{150'000};
};

struct ApplyOptions {
  std::string field_manager;
  bool force = true;        // take over fields that somebody else manages
  std::string subresource;  // "status"; empty: the object itself
};

struct Preconditions {
  std::string uid;               // empty: any
  std::string resource_version;  // empty: any
};

class Client {
 public:
  virtual ~Client() = default;

  // All that is read comes without metadata.managedFields.
  virtual Result<Object> get(const Resource& resource, const ObjectKey& key) = 0;

  // Hands over every object as it arrives; returns the version to watch from. All are of that
  // version. After an error some may have been handed over, and may be gone by the next list.
  virtual Result<std::string> list(const Resource& resource, const ListOptions& options,
                                   const std::function<void(Object)>& each) = 0;

  // Hands over what changes, bookmarks included, on the caller's thread, until the server ends the
  // watch or `stop` is asked for (both are no error), or it breaks. Does not retry.
  virtual Result<void> watch(const Resource& resource, const WatchOptions& options,
                             std::stop_token stop, const std::function<void(WatchEvent)>& each) = 0;

  // Returns the object as the server has it now.
  virtual Result<Object> create(const Resource& resource, const Object& object) = 0;
  // Needs its resourceVersion.
  virtual Result<Object> replace(const Resource& resource, const Object& object) = 0;
  // Server-side apply: `object` is the whole set of fields that the manager wants.
  virtual Result<Object> apply(const Resource& resource, const Object& object,
                               const ApplyOptions& options) = 0;
  // A JSON merge patch (RFC 7396).
  virtual Result<Object> merge(const Resource& resource, const ObjectKey& key,
                               const Object& patch) = 0;
  // Dependents are deleted in the background.
  virtual Result<void> remove(const Resource& resource, const ObjectKey& key,
                              const Preconditions& preconditions) = 0;

  // The kinds of a group and version; not_found where the server does not serve it.
  virtual Result<std::vector<Resource>> discover(std::string_view group,
                                                 std::string_view version) = 0;
};

}  // namespace bunker::kube
