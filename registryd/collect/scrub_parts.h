// The parts of scrub(): bytes (scrub.cpp) and links (scrub_links.cpp). For those files alone.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/runtime/io_threads.h"
#include "registryd/collect/plan.h"
#include "registryd/collect/references.h"
#include "registryd/collect/scrub.h"
#include "registryd/core/layout.h"

namespace bunker::collect {

class Scrubber {
 public:
  Scrubber(Context& context, storage::ObjectStore& store, ScrubOptions options,
           const ScrubHooks& hooks)
      : context_(context), store_(store), options_(options), hooks_(hooks), reader_(store) {}
  Task<Result<ScrubReport>> run();

 private:
  using Entries = std::vector<storage::ListEntry>;
  using Page = std::function<Task<Result<void>>(Entries)>;
  enum class State { good, damaged, gone };

  // A link, and what it names; nullopt where it names nothing.
  struct Link {
    std::string key;
    registry::layout::Location at;
    std::optional<Digest> target;
  };
  struct Repository {
    std::string name;
    std::vector<Link> links;
    std::set<std::string> uploads;
  };

  void found(Fault fault, std::string key, std::string detail, bool repaired);
  Task<Result<void>> each_page(std::string prefix, Page take);

  Task<Result<void>> blobs();
  Task<Result<void>> check_blobs(Entries entries);
  Task<Result<void>> check_blob(std::string key, Digest digest);
  Task<Result<State>> state_of(std::string key, Digest digest, storage::UploadWriter* copy);
  Task<Result<bool>> quarantine(std::string key, Digest digest);

  Task<Result<void>> repositories();
  Task<Result<void>> take_keys(Entries entries);
  Task<Result<void>> finish_repository();
  Task<Result<std::optional<Digest>>> read_link(std::string key);
  Task<Result<void>> read_links();
  Task<Result<void>> check_content_links();
  Task<Result<void>> check_names();
  Task<Result<void>> check_manifests();
  Task<Result<void>> check_referrer(const Digest& subject, const Digest& referrer);
  // Reports a link that leads to nothing, and with repair removes it; it is written again where
  // what lies at `needs` turns out to be there after all.
  Task<Result<void>> drop(Fault fault, const Link& link, storage::ObjectKey needs,
                          std::string detail);
  Task<Result<void>> add(storage::ObjectKey key, const Digest& target, std::string detail);

  Context& context_;
  storage::ObjectStore& store_;
  const ScrubOptions options_;
  const ScrubHooks& hooks_;
  ReferenceReader reader_;
  ScrubReport report_;
  DigestSet good_;  // whose bytes are there and right

  Repository repository_;
  std::set<PackedDigest> layers_;     // of it, with good bytes
  std::set<PackedDigest> revisions_;  // the same
};

}  // namespace bunker::collect
