// Carries a plan out: its writes in order, each followed by telling the World. Decides nothing.
// A write over something that was observed names the version that it was decided on: what somebody
// else changed meanwhile is a conflict, and planned anew, never covered up by this program's write.
// What was not observed is looked up first: an object of somebody else is never taken over.
// Thread rule: any thread. Owner: run.cpp.
#pragma once

#include "lib/base/result.h"
#include "lib/kube/client.h"
#include "lib/kube/event_recorder.h"
#include "operator/controller/world.h"
#include "operator/plan/plan.h"

namespace bunker::op {

inline constexpr const char* kFieldManager = "bunker-operator";

class Executor {
 public:
  // All arguments outlive it.
  Executor(kube::Client& client, World& world, kube::EventRecorder& events)
      : client_(client), world_(world), events_(events) {}

  // Everything in the plan for what was `observed`. The first write that fails ends it; conflict:
  // something is not as it was observed any more; already_exists: a name is taken.
  Result<void> carry_out(const Plan& plan, const Observed& observed);
  // Status and events alone, for when the rest failed.
  Result<void> report(const Plan& plan, const kube::Object& subject);

 private:
  Result<kube::Resource> resource_of(const kube::Object& object) const;
  Result<void> create(const kube::Object& object);
  // Goes on with what is there under the name of `wanted`, and keeps its content. conflict: nothing
  // planned holds, since what it is derived from is another value than the one that is there.
  Result<void> take(const kube::Resource& resource, const kube::Object& wanted);
  // `version`: of what it is written over; empty: it was not there.
  Result<void> apply(kube::Object object, std::string_view version, const char* subresource);
  Result<void> remove(const kube::Object& object);
  // Returns the subject as it is then.
  Result<kube::Object> set_finalizers(const kube::Object& subject,
                                      const std::vector<std::string>& finalizers);

  kube::Client& client_;
  World& world_;
  kube::EventRecorder& events_;
};

}  // namespace bunker::op
