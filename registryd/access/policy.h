// Who may do what, and which tags stay what they are: the rules of bunker.access, ready to be
// asked. Not for finding out who somebody is: see registryd/auth. Pure values; immutable once made,
// so any thread may ask.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/net/peer_certificate.h"
#include "registryd/access/pattern.h"

namespace bunker::access {

enum class Action : std::uint8_t { pull, push, remove };

// "pull", "push" and "delete".
[[nodiscard]] std::string_view to_string(Action action) noexcept;
[[nodiscard]] Result<Action> parse_action(std::string_view text);

// Whom a rule means: "anonymous", "authenticated", or "user:", "cn:", "ou:", "o:", "san:" and a
// text in which '*' stands for any characters.
class IdentityPattern {
 public:
  [[nodiscard]] static Result<IdentityPattern> parse(std::string_view text);

 private:
  friend class Policy;
  enum class Kind : std::uint8_t { anonymous, authenticated, user, cn, ou, o, san };
  Kind kind_ = Kind::anonymous;
  std::string text_;
};

// A policy as it is written down.
struct RuleText {
  std::vector<std::string> identities, repositories, actions;
  bool operator==(const RuleText&) const = default;
};
struct ImmutableText {
  std::vector<std::string> repositories, tags;
  bool operator==(const ImmutableText&) const = default;
};
struct PolicyText {
  // Without it everybody who gets in may do everything; with it, even where it is empty, all that
  // no rule allows is denied.
  bool has_rules = false;
  std::vector<RuleText> rules;
  std::vector<ImmutableText> immutable;
};

// Who asks, as far as rules look at it. What it refers to outlives the call that it is passed to.
struct Subject {
  std::string_view user;  // of a password or a token; empty: none
  const net::PeerCertificate* certificate = nullptr;
};

class Policy {
 public:
  // invalid: names the rule and what is wrong with it.
  [[nodiscard]] static Result<Policy> make(const PolicyText& text);

  [[nodiscard]] bool has_rules() const noexcept { return has_rules_; }
  // What follows is about rules, and false where there are none.
  [[nodiscard]] bool allows(const Subject& subject, std::string_view repository,
                            Action action) const noexcept;
  [[nodiscard]] bool allows_everywhere(const Subject& subject, Action action) const noexcept;
  // Whether any rule means `subject`.
  [[nodiscard]] bool knows(const Subject& subject) const noexcept;
  // The patterns of what `subject` may pull. They live as long as the policy.
  [[nodiscard]] std::vector<const RepositoryPattern*> pullable(const Subject& subject) const;

  // Whether the tag, once it exists, must keep pointing at the same manifest.
  [[nodiscard]] bool is_immutable(std::string_view repository, std::string_view tag) const noexcept;

 private:
  struct Rule {
    std::vector<IdentityPattern> identities;
    std::vector<RepositoryPattern> repositories;
    std::uint8_t actions = 0;  // bit n: Action n
  };
  struct Immutable {
    std::vector<RepositoryPattern> repositories;
    std::vector<std::string> tags;
  };

  [[nodiscard]] static Result<Rule> make_rule(const RuleText& text);
  [[nodiscard]] static Result<Immutable> make_immutable(const ImmutableText& text);
  [[nodiscard]] static bool means(const IdentityPattern& pattern, const Subject& subject) noexcept;
  [[nodiscard]] static bool means(const Rule& rule, const Subject& subject) noexcept;

  bool has_rules_ = false;
  std::vector<Rule> rules_;
  std::vector<Immutable> immutable_;
};

// What a subject sees of the catalog.
class View {
 public:
  View(std::shared_ptr<const Policy> policy, const Subject& subject);

  [[nodiscard]] bool includes(std::string_view repository) const noexcept;
  // Whether the folder may hold repositories that are included: what does not is not looked into.
  [[nodiscard]] bool enters(std::string_view folder) const noexcept;

 private:
  std::shared_ptr<const Policy> policy_;
  std::vector<const RepositoryPattern*> patterns_;
};

}  // namespace bunker::access
