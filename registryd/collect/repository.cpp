#include "registryd/collect/repository.h"

#include <algorithm>
#include <utility>

namespace bunker::collect {
namespace {

class Marker {
 public:
  Marker(const RepositoryFacts& facts, const Rules& rules) : facts_(facts), rules_(rules) {
    for (std::size_t i = 0; i < facts.revisions.size(); ++i) {
      const Revision& revision = facts.revisions[i];
      by_digest_[revision.digest] = i;
      if (revision.references.subject) referrers_[*revision.references.subject].push_back(i);
    }
    live_.resize(facts.revisions.size(), false);
  }

  Marked run() {
    find_roots();
    while (!pending_.empty()) {
      const std::size_t next = pending_.back();
      pending_.pop_back();
      follow(facts_.revisions[next]);
    }
    referenced_.seal();
    Marked out;
    sort_out_layers(out);
    sort_out_revisions(out);
    sort_out_entries(out);
    for (const PackedDigest& digest : referenced_) out.used.push_back(digest);
    return out;
  }

 private:
  // Whether it is spared, though nothing refers to it.
  [[nodiscard]] bool spared(const PackedDigest& digest, SystemTime modified) const {
    return !facts_.damaged.empty() || modified >= rules_.old_before ||
           (rules_.only != nullptr && !rules_.only->contains(digest));
  }

  void enliven(const PackedDigest& digest) {
    const auto found = by_digest_.find(digest);
    if (found != by_digest_.end()) enliven(found->second);
  }
  void enliven(std::size_t revision) {
    if (live_[revision]) return;
    live_[revision] = true;
    pending_.push_back(revision);
  }

  void find_roots() {
    for (const PackedDigest& digest : facts_.tagged) enliven(digest);
    for (std::size_t i = 0; i < facts_.revisions.size(); ++i) {
      const Revision& revision = facts_.revisions[i];
      if (!rules_.delete_untagged || spared(revision.digest, revision.modified)) enliven(i);
    }
  }

  void follow(const Revision& revision) {
    referenced_.add(revision.digest);
    for (const PackedDigest& held : revision.references.holds) {
      referenced_.add(held);
      enliven(held);
    }
    if (revision.references.subject) {
      referenced_.add(*revision.references.subject);
      enliven(*revision.references.subject);
    }
    const auto found = referrers_.find(revision.digest);
    if (found == referrers_.end()) return;
    for (const std::size_t referrer : found->second) enliven(referrer);
  }

  void sort_out_layers(Marked& out) const {
    for (const LayerLink& link : facts_.layers) {
      if (referenced_.contains(link.digest) || spared(link.digest, link.modified)) {
        out.used.push_back(link.target);
        continue;
      }
      Item item{.kind = Kind::layer, .digest = link.digest, .key = link.key};
      if (link.target != link.digest) item.target = link.target;
      out.unused.push_back(std::move(item));
    }
  }

  // How many doomed indexes lead to each doomed manifest, at most: digests cannot form a circle.
  [[nodiscard]] std::vector<std::uint32_t> levels() const {
    std::vector<std::uint32_t> out(facts_.revisions.size(), 0);
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < facts_.revisions.size(); ++i) {
        if (live_[i]) continue;
        for (const PackedDigest& held : facts_.revisions[i].references.holds) {
          const auto child = by_digest_.find(held);
          if (child == by_digest_.end() || out[child->second] > out[i] || live_[child->second]) {
            continue;
          }
          out[child->second] = out[i] + 1;
          changed = true;
        }
      }
    }
    return out;
  }

  void sort_out_revisions(Marked& out) const {
    const auto level = levels();
    for (std::size_t i = 0; i < facts_.revisions.size(); ++i) {
      if (live_[i]) continue;
      const Revision& revision = facts_.revisions[i];
      out.unused.push_back({.kind = Kind::revision,
                            .level = level[i],
                            .digest = revision.digest,
                            .key = revision.key});
    }
  }

  void sort_out_entries(Marked& out) const {
    for (const Entry& entry : facts_.entries) {
      const auto found = by_digest_.find(entry.digest);
      if (found != by_digest_.end() && live_[found->second]) continue;
      if (spared(entry.digest, entry.modified)) continue;
      out.unused.push_back({.kind = Kind::entry, .digest = entry.digest, .key = entry.key});
    }
  }

  const RepositoryFacts& facts_;
  const Rules& rules_;
  std::map<PackedDigest, std::size_t> by_digest_;
  std::map<PackedDigest, std::vector<std::size_t>> referrers_;
  std::vector<bool> live_;
  std::vector<std::size_t> pending_;
  DigestSet referenced_;
};

}  // namespace

Marked mark(const RepositoryFacts& facts, const Rules& rules) {
  return Marker(facts, rules).run();
}

}  // namespace bunker::collect
