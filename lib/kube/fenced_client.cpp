#include "lib/kube/fenced_client.h"

namespace bunker::kube {

Result<void> FencedClient::check() const {
  if (may_write_()) return {};
  return fail(Code::cancelled, "not written: this program does not lead any more");
}

Result<Object> FencedClient::create(const Resource& resource, const Object& object) {
  BUNKER_TRY(check());
  return inner_.create(resource, object);
}

Result<Object> FencedClient::replace(const Resource& resource, const Object& object) {
  BUNKER_TRY(check());
  return inner_.replace(resource, object);
}

Result<Object> FencedClient::apply(const Resource& resource, const Object& object,
                                   const ApplyOptions& options) {
  BUNKER_TRY(check());
  return inner_.apply(resource, object, options);
}

Result<Object> FencedClient::merge(const Resource& resource, const ObjectKey& key,
                                   const Object& patch) {
  BUNKER_TRY(check());
  return inner_.merge(resource, key, patch);
}

Result<void> FencedClient::remove(const Resource& resource, const ObjectKey& key,
                                  const Preconditions& preconditions) {
  BUNKER_TRY(check());
  return inner_.remove(resource, key, preconditions);
}

}  // namespace bunker::kube
