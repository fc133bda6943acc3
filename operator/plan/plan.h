// What to do about one Registry or RegistryUser, as values: what was observed goes in, what is to
// be written comes out. The seam between operator/plan, which decides and does nothing, and
// operator/controller, which observes, carries out and decides nothing.
// Thread rule: plain values; the planners are pure, any thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/kube/object.h"

namespace bunker::op {

// All as the API server had it last, without metadata.managedFields.
struct Observed {
  kube::Object subject;               // the Registry or RegistryUser itself
  std::vector<kube::Object> owned;    // of every owned kind, those that the subject controls
  std::vector<kube::Object> related;  // other Registries and RegistryUsers that share a relation
  // Secrets with the operator's label that `related` control, and those of people that are labelled
  // for the subject or a related Registry, where its spec names them (see given_secrets()).
  std::vector<kube::Object> secrets;
  std::set<kube::Gvk> served;  // which of optional_kinds() the API server has
  // Why the plan before could not be carried out; nullopt: it could, or there was none.
  std::optional<std::string> failure;
  SystemTime now;
};

// Names for what a subject has to do with others, such as "registry/NS/NAME" or "storage/BUCKET".
// Subjects with a name in common see each other, and are planned again when the other one changes.
[[nodiscard]] std::vector<std::string> relations(const kube::Object& subject);

// The Secrets of people that a Registry's spec names and the operator has a use for. It sees those
// that carry the label bunker.dev/registry with the Registry's name: which of all the Secrets in a
// cluster an operator reads is for people to say.
[[nodiscard]] std::vector<std::string> given_secrets(const kube::Object& registry);

struct Happening {
  bool warning = false;
  std::string reason;
  std::string action;
  std::string note;
  bool operator==(const Happening&) const = default;
};

// Carried out in the order of its fields; what fails ends it, and it is planned anew.
struct Plan {
  // Made once and never overwritten (Secrets): one that was left or restored, with the operator's
  // label and nobody's, is adopted as it is.
  std::vector<kube::Object> create;
  // Server-side apply with force: all fields that the operator wants to own. Only what differs.
  std::vector<kube::Object> apply;
  // Observed objects to delete, if they are still that version.
  std::vector<kube::Object> remove;
  // Server-side apply of the subject's status: apiVersion, kind, name, namespace and the whole
  // status. Only where it differs.
  std::optional<kube::Object> status;
  // The finalizers that the subject shall have; nullopt: as it is.
  std::optional<std::vector<std::string>> finalizers;
  std::vector<Happening> events;
  // When to look again although nothing changes.
  std::optional<std::chrono::seconds> again;

  [[nodiscard]] bool nothing_to_write() const {
    return create.empty() && apply.empty() && remove.empty() && !status && !finalizers &&
           events.empty();
  }
};

// Total: what is wrong with a subject is said in its status.
class Planner {
 public:
  virtual ~Planner() = default;
  [[nodiscard]] virtual Plan plan(const Observed& observed) const = 0;
};

// The kinds that planners make, always served; and those that are made only where they are served.
[[nodiscard]] std::vector<kube::Gvk> owned_kinds();
[[nodiscard]] std::vector<kube::Gvk> optional_kinds();

// On all that is made, so that nothing else need be watched.
inline constexpr const char* kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr const char* kManagedBy = "bunker-operator";

// On a Secret of a person: the Registry that it is for.
inline constexpr const char* kGivenLabel = "bunker.dev/registry";

}  // namespace bunker::op
