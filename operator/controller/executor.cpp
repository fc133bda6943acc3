#include "operator/controller/executor.h"

#include <nlohmann/json.hpp>

#include "lib/kube/object_json.h"

namespace bunker::op {

using kube::Object;

namespace {

std::string_view version_of(const Object& object, const std::vector<Object>& observed) {
  for (const Object& each : observed) {
    if (each.gvk() == object.gvk() && each.key() == object.key()) return each.resource_version();
  }
  return {};
}

// Whether `found` is what `wanted` stands for, by whom controls it.
bool is_ours(const Object& found, const Object& wanted) {
  const auto mine = wanted.controller();
  if (!mine) return true;
  const auto theirs = found.controller();
  // The same name under another uid: what a deleted one left, before the garbage is collected.
  if (theirs) return theirs->kind == mine->kind && theirs->name == mine->name;
  return found.label(kManagedByLabel) == kManagedBy;  // left by kubectl delete --cascade=orphan
}

Error taken(const Object& object) {
  return {Code::already_exists,
          object.gvk().kind + " " + to_string(object.key()) +
              " is there already and belongs to somebody else: delete it, or choose another name "
              "for this resource"};
}

// Makes `found`, which nobody controls, what `wanted` is but for its content. Bound to its version.
Object adoption(const Object& found, const Object& wanted) {
  const nlohmann::json& metadata = kube::at(wanted, "/metadata");
  nlohmann::json patch = {{"resourceVersion", std::string(found.resource_version())}};
  for (const char* field : {"labels", "ownerReferences"}) {
    if (metadata.contains(field)) patch[field] = metadata[field];
  }
  return Object(nlohmann::json{{"metadata", std::move(patch)}});
}

}  // namespace

Result<void> Executor::carry_out(const Plan& plan, const Observed& observed) {
  Object subject = observed.subject;
  // A finalizer that is added must be there before what it is for; one that is removed ends it all.
  const bool leaving = subject.deleting();
  if (plan.finalizers && !leaving) {
    BUNKER_TRY_ASSIGN(subject, set_finalizers(subject, *plan.finalizers));
  }
  for (const Object& object : plan.create) BUNKER_TRY(create(object));
  for (const Object& object : plan.apply) {
    BUNKER_TRY(apply(object, version_of(object, observed.owned), ""));
  }
  for (const Object& object : plan.remove) BUNKER_TRY(remove(object));
  BUNKER_TRY(report(plan, subject));
  if (plan.finalizers && leaving) BUNKER_TRY(set_finalizers(subject, *plan.finalizers));
  return {};
}

Result<void> Executor::report(const Plan& plan, const Object& subject) {
  if (plan.status) BUNKER_TRY(apply(*plan.status, subject.resource_version(), "status"));
  for (const Happening& each : plan.events) {
    events_.record(subject, {each.warning, each.reason, each.action, each.note});
  }
  return {};
}

Result<kube::Resource> Executor::resource_of(const Object& object) const {
  const auto resource = world_.resource_of(object.gvk());
  if (resource) return *resource;
  return fail(Code::unsupported, "the API server does not serve " + object.gvk().kind + " (" +
                                     object.gvk().api_version() + ")");
}

Result<void> Executor::create(const Object& object) {
  BUNKER_TRY_ASSIGN(const kube::Resource resource, resource_of(object));
  const Result<Object> done = client_.create(resource, object);
  if (done) {
    world_.wrote(*done);
    return {};
  }
  if (done.error().code != Code::already_exists) return fail(done.error());
  return take(resource, object);
}

Result<void> Executor::take(const kube::Resource& resource, const Object& wanted) {
  BUNKER_TRY_ASSIGN(const Object found, client_.get(resource, wanted.key()));
  if (!is_ours(found, wanted)) return fail(taken(found));
  const auto mine = wanted.controller();
  const auto theirs = found.controller();
  const std::string what = found.gvk().kind + " " + to_string(found.key());
  if (mine && theirs && theirs->uid != mine->uid) {
    return fail(Code::conflict, what + " is of a deleted " + theirs->kind + ": it will be gone");
  }
  if (!mine || theirs) {
    world_.wrote(found);  // by this operator, before its cache knew
    return {};
  }
  BUNKER_TRY_ASSIGN(const Object adopted,
                    client_.merge(resource, wanted.key(), adoption(found, wanted)));
  world_.wrote(adopted);
  return fail(Code::conflict, what + " was there and is adopted: planned anew");
}

Result<void> Executor::apply(Object object, std::string_view version, const char* subresource) {
  BUNKER_TRY_ASSIGN(const kube::Resource resource, resource_of(object));
  Object found;
  if (version.empty() && object.resource_version().empty()) {
    // What the caches do not know may be there all the same, and somebody else's.
    Result<Object> there = client_.get(resource, object.key());
    if (!there && there.error().code != Code::not_found) return fail(there.error());
    if (there && !is_ours(*there, object)) return fail(taken(object));
    if (there) found = *std::move(there);
    version = found.resource_version();
  }
  if (!version.empty() && object.resource_version().empty()) {
    nlohmann::json value = take_json(std::move(object));
    value["metadata"]["resourceVersion"] = version;
    object = Object(std::move(value));
  }
  kube::ApplyOptions options;
  options.field_manager = kFieldManager;
  options.subresource = subresource;
  const Result<Object> now = client_.apply(resource, object, options);
  if (now) {
    world_.wrote(*now);
    return {};
  }
  Error error = now.error();
  // It was there when this was planned: the watch will tell that it is gone.
  const bool was_there = !object.resource_version().empty();
  if (error.code == Code::not_found && was_there) error.code = Code::conflict;
  return fail(std::move(error));
}

Result<void> Executor::remove(const Object& object) {
  BUNKER_TRY_ASSIGN(const kube::Resource resource, resource_of(object));
  const Result<void> done = client_.remove(
      resource, object.key(), {std::string(object.uid()), std::string(object.resource_version())});
  if (!done && done.error().code != Code::not_found) return fail(done.error());
  world_.deleted(object);
  return {};
}

Result<Object> Executor::set_finalizers(const Object& subject,
                                        const std::vector<std::string>& finalizers) {
  BUNKER_TRY_ASSIGN(const kube::Resource resource, resource_of(subject));
  // With its version, so that nobody else's finalizer is lost.
  const nlohmann::json patch = {
      {"metadata",
       {{"finalizers", finalizers}, {"resourceVersion", std::string(subject.resource_version())}}}};
  const Result<Object> done = client_.merge(resource, subject.key(), Object(patch));
  if (!done && done.error().code != Code::not_found) return fail(done.error());
  if (!done && !subject.deleting()) {
    // Nothing is to be made for it, least of all a certificate that nobody would revoke.
    return fail(Code::conflict,
                subject.gvk().kind + " " + to_string(subject.key()) + " is gone meanwhile");
  }
  if (!done) return subject;
  // Without a finalizer it may be gone now: the watch tells.
  if (!subject.deleting()) world_.wrote(*done);
  return *done;
}

}  // namespace bunker::op
