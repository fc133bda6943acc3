#include "registryd/access/policy.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bunker::access {
namespace {

constexpr std::array<std::pair<std::string_view, Action>, 3> kActions = {
    {{"pull", Action::pull}, {"push", Action::push}, {"delete", Action::remove}}};

constexpr std::uint8_t bit(Action action) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(action));
}

bool any_matches(const std::vector<RepositoryPattern>& patterns, std::string_view name) noexcept {
  return std::ranges::any_of(
      patterns, [name](const RepositoryPattern& pattern) { return pattern.matches(name); });
}

Result<std::vector<RepositoryPattern>> parse_repositories(const std::vector<std::string>& texts) {
  if (texts.empty()) return fail(Code::invalid, "it names no repositories", "\"**\" means all");
  std::vector<RepositoryPattern> out;
  for (const std::string& text : texts) {
    BUNKER_TRY_ASSIGN(auto pattern, RepositoryPattern::parse(text));
    out.push_back(std::move(pattern));
  }
  return out;
}

// "rule 2: …", counted from 1 as people do.
Error in_list(std::string_view what, std::size_t index, Error error) {
  error.message = std::string(what) + ' ' + std::to_string(index + 1) + ": " + error.message;
  return error;
}

}  // namespace

std::string_view to_string(Action action) noexcept {
  return kActions[static_cast<std::size_t>(action)].first;
}

Result<Action> parse_action(std::string_view text) {
  for (const auto& [name, action] : kActions) {
    if (name == text) return action;
  }
  return fail(Code::invalid, '"' + std::string(text) + "\" is no action",
              "use pull, push or delete");
}

Result<IdentityPattern> IdentityPattern::parse(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Kind>, 5> kPrefixes = {{{"user:", Kind::user},
                                                                           {"cn:", Kind::cn},
                                                                           {"ou:", Kind::ou},
                                                                           {"o:", Kind::o},
                                                                           {"san:", Kind::san}}};
  IdentityPattern out;
  if (text == "anonymous") return out;
  if (text == "authenticated") {
    out.kind_ = Kind::authenticated;
    return out;
  }
  for (const auto& [prefix, kind] : kPrefixes) {
    if (!text.starts_with(prefix) || text.size() == prefix.size()) continue;
    out.kind_ = kind;
    out.text_ = text.substr(prefix.size());
    return out;
  }
  return fail(Code::invalid, '"' + std::string(text) + "\" names no identity",
              "use anonymous, authenticated, user:NAME, cn:TEXT, ou:TEXT, o:TEXT or san:TEXT");
}

bool Policy::means(const IdentityPattern& pattern, const Subject& subject) noexcept {
  using Kind = IdentityPattern::Kind;
  const net::PeerCertificate* const certificate = subject.certificate;
  const auto matches = [&pattern](std::string_view text) {
    return !text.empty() && matches_text(pattern.text_, text);
  };
  const auto any = [&matches](const std::vector<std::string>& texts) {
    return std::ranges::any_of(texts, matches);
  };
  switch (pattern.kind_) {
    case Kind::anonymous:
      return true;  // what everybody may, those with a name may too
    case Kind::authenticated:
      return !subject.user.empty() || certificate != nullptr;
    case Kind::user:
      return matches(subject.user);
    case Kind::cn:
      return certificate != nullptr && matches(certificate->common_name);
    case Kind::ou:
      return certificate != nullptr && any(certificate->organizational_units);
    case Kind::o:
      return certificate != nullptr && any(certificate->organizations);
    case Kind::san:
      return certificate != nullptr && (any(certificate->dns_names) || any(certificate->emails) ||
                                        any(certificate->uris) || any(certificate->ip_addresses));
  }
  return false;
}

bool Policy::means(const Rule& rule, const Subject& subject) noexcept {
  return std::ranges::any_of(rule.identities, [&subject](const IdentityPattern& pattern) {
    return means(pattern, subject);
  });
}

Result<Policy::Rule> Policy::make_rule(const RuleText& text) {
  Rule rule;
  if (text.identities.empty()) {
    return fail(Code::invalid, "it names no identities", "\"anonymous\" means everybody");
  }
  if (text.actions.empty()) {
    return fail(Code::invalid, "it names no actions", "use pull, push or delete");
  }
  for (const std::string& identity : text.identities) {
    BUNKER_TRY_ASSIGN(auto pattern, IdentityPattern::parse(identity));
    rule.identities.push_back(std::move(pattern));
  }
  BUNKER_TRY_ASSIGN(rule.repositories, parse_repositories(text.repositories));
  for (const std::string& name : text.actions) {
    BUNKER_TRY_ASSIGN(const Action action, parse_action(name));
    rule.actions |= bit(action);
  }
  return rule;
}

Result<Policy::Immutable> Policy::make_immutable(const ImmutableText& text) {
  Immutable immutable;
  BUNKER_TRY_ASSIGN(immutable.repositories, parse_repositories(text.repositories));
  if (text.tags.empty()) return fail(Code::invalid, "it names no tags", "\"*\" means all");
  for (const std::string& tag : text.tags) {
    BUNKER_TRY_ASSIGN(auto pattern, parse_tag_pattern(tag));
    immutable.tags.push_back(std::move(pattern));
  }
  return immutable;
}

Result<Policy> Policy::make(const PolicyText& text) {
  Policy policy;
  policy.has_rules_ = text.has_rules || !text.rules.empty();
  for (std::size_t i = 0; i < text.rules.size(); ++i) {
    auto rule = make_rule(text.rules[i]);
    if (!rule) return fail(in_list("rule", i, std::move(rule.error())));
    policy.rules_.push_back(*std::move(rule));
  }
  for (std::size_t i = 0; i < text.immutable.size(); ++i) {
    auto immutable = make_immutable(text.immutable[i]);
    if (!immutable) return fail(in_list("immutable entry", i, std::move(immutable.error())));
    policy.immutable_.push_back(*std::move(immutable));
  }
  return policy;
}

bool Policy::allows(const Subject& subject, std::string_view repository,
                    Action action) const noexcept {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return (rule.actions & bit(action)) != 0 && means(rule, subject) &&
           any_matches(rule.repositories, repository);
  });
}

bool Policy::allows_everywhere(const Subject& subject, Action action) const noexcept {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return (rule.actions & bit(action)) != 0 && means(rule, subject) &&
           std::ranges::any_of(rule.repositories, &RepositoryPattern::matches_all);
  });
}

bool Policy::knows(const Subject& subject) const noexcept {
  return std::ranges::any_of(rules_, [&](const Rule& rule) { return means(rule, subject); });
}

std::vector<const RepositoryPattern*> Policy::pullable(const Subject& subject) const {
  std::vector<const RepositoryPattern*> out;
  for (const Rule& rule : rules_) {
    if ((rule.actions & bit(Action::pull)) == 0 || !means(rule, subject)) continue;
    for (const RepositoryPattern& pattern : rule.repositories) out.push_back(&pattern);
  }
  return out;
}

bool Policy::is_immutable(std::string_view repository, std::string_view tag) const noexcept {
  return std::ranges::any_of(immutable_, [&](const Immutable& entry) {
    return any_matches(entry.repositories, repository) &&
           std::ranges::any_of(entry.tags, [tag](const std::string& pattern) {
             return matches_text(pattern, tag);
           });
  });
}

View::View(std::shared_ptr<const Policy> policy, const Subject& subject)
    : policy_(std::move(policy)), patterns_(policy_->pullable(subject)) {}

bool View::includes(std::string_view repository) const noexcept {
  return std::ranges::any_of(patterns_, [repository](const RepositoryPattern* pattern) {
    return pattern->matches(repository);
  });
}

bool View::enters(std::string_view folder) const noexcept {
  return std::ranges::any_of(patterns_, [folder](const RepositoryPattern* pattern) {
    return pattern->may_match_below(folder);
  });
}

}  // namespace bunker::access
