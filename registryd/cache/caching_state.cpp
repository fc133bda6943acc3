#include "registryd/cache/caching_state.h"

#include "registryd/core/layout.h"

namespace bunker::cache {
namespace {

// Own uploads are as few as clients are quick to push the manifest.
constexpr std::size_t kWrittenEntries = 10'000;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Kind kind_of(std::string_view key) {
  namespace layout = registry::layout;
  const auto location = layout::parse_key(key);
  if (!location) return Kind::other;
  if (std::holds_alternative<layout::BlobData>(*location)) return Kind::data;
  const bool link = std::holds_alternative<layout::LayerLink>(*location) ||
                    std::holds_alternative<layout::RevisionLink>(*location);
  return link ? Kind::link : Kind::other;
}

CachingState::CachingState(storage::ObjectStore& inner_store, SharedFacts* shared_facts,
                           std::size_t entries, Metrics& metrics)
    : inner(inner_store),
      shared_(shared_facts),
      facts_(entries),
      written_(kWrittenEntries),
      requests_metric_(
          metrics.counter("registry_storage_cache_requests_total",
                          "Questions to the store that could be answered from memory.")),
      hits_metric_(metrics.counter("registry_storage_cache_hits_total",
                                   "Questions to the store that were answered from memory.")) {}

std::optional<Fact> CachingState::count_hit(Fact fact) {
  ++hits;
  hits_metric_.add();
  return fact;
}

Task<std::optional<Fact>> CachingState::known(storage::ObjectKey key, Kind kind,
                                              bool with_content) {
  const auto serves = [with_content](const std::optional<Fact>& fact) {
    return fact && (!with_content || fact->content);
  };
  ++requests;
  requests_metric_.add();
  const auto ticket = facts_.ticket(key);
  if (auto fact = facts_.find(key, now()); serves(fact)) co_return count_hit(*std::move(fact));
  if (shared_ == nullptr) co_return std::nullopt;
  auto fact = co_await shared_->find(key);
  if (!serves(fact)) co_return std::nullopt;
  facts_.keep(key, *fact, now() + (kind == Kind::link ? kLinkAge : kDataAge), ticket);
  co_return count_hit(*std::move(fact));
}

CachingState::Asked CachingState::ask(const storage::ObjectKey& key) {
  return {now(), facts_.ticket(key)};
}

Task<void> CachingState::keep(storage::ObjectKey key, Kind kind, Fact fact, Asked asked) {
  if (now() - asked.since > kSlowAnswer) co_return;
  const auto age = kind == Kind::link ? kLinkAge : kDataAge;
  facts_.keep(key, fact, asked.since + age, asked.ticket);
  if (shared_ != nullptr) co_await shared_->keep(std::move(key), std::move(fact));
}

void CachingState::missed(const storage::ObjectKey& key) {
  facts_.drop(key);
  if (written(key)) written_.drop(key);
}

void CachingState::forget_here(const storage::ObjectKey& key) {
  facts_.forget(key);
  written_.forget(key);
  heads.detach(key);
  reads.detach(key);
}

Task<void> CachingState::forget(std::vector<storage::ObjectKey> keys) {
  for (const auto& key : keys) forget_here(key);
  if (shared_ != nullptr && !keys.empty()) co_await shared_->forget(std::move(keys));
}

Task<void> CachingState::clear() {
  facts_.clear();
  written_.clear();
  if (shared_ != nullptr) co_await shared_->clear();
}

void CachingState::wrote(const storage::ObjectKey& key, std::uint64_t size, SteadyTime since,
                         bool visible) {
  const SteadyTime until = since + kMaxPositiveAge;
  written_.keep(key, {size, until, visible}, until, written_.ticket(key));
}

std::optional<std::uint64_t> CachingState::became_visible(const storage::ObjectKey& key) {
  auto found = written_.find(key, now());
  if (!found) return std::nullopt;
  found->visible = true;
  written_.keep(key, *found, found->until, written_.ticket(key));
  return found->size;
}

std::optional<std::uint64_t> CachingState::written(const storage::ObjectKey& key) {
  const auto found = written_.find(key, now());
  if (!found || !found->visible) return std::nullopt;
  return found->size;
}

}  // namespace bunker::cache
