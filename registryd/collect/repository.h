// What of one repository is in use: the mark phase, as a function of what was listed and read.
// Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "registryd/collect/plan.h"
#include "registryd/collect/references.h"
#include "registryd/core/names.h"

namespace bunker::collect {

struct Rules {
  bool delete_untagged = false;
  SystemTime old_before;            // what was written later is in use, whatever refers to it
  const DigestSet* only = nullptr;  // set: what is not in it is in use
};

struct LayerLink {
  PackedDigest digest;
  PackedDigest target;  // where the bytes are; mostly the digest itself
  SystemTime modified;
  std::string key;
};
struct Revision {
  PackedDigest digest;
  SystemTime modified;
  std::string key;
  References references;
};
// A link that is of no use without the revision it names: a tag's history, a referrer's entry.
struct Entry {
  PackedDigest digest;
  SystemTime modified;
  std::string key;
};

struct RepositoryFacts {
  std::string name;
  std::vector<LayerLink> layers;
  std::vector<Revision> revisions;
  std::vector<Entry> entries;
  std::vector<PackedDigest> tagged;  // what the tags point at
  std::string damaged;               // a manifest that is lost or damaged; empty: none is
};

struct Marked {
  std::vector<PackedDigest> used;  // digests whose data is in use
  std::vector<Item> unused;        // revisions, links and entries
};

// What is in use: the tagged manifests (all of them, without delete_untagged), the manifests that
// those hold, their subjects and their referrers, and what all of these refer to. Of a repository
// with a manifest that cannot be read everything is in use: nobody knows what that one refers to.
[[nodiscard]] Marked mark(const RepositoryFacts& facts, const Rules& rules);

}  // namespace bunker::collect
