#include "registryd/collect/scan.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "lib/runtime/io_threads.h"
#include "registryd/core/layout.h"

namespace bunker::collect {
namespace {

namespace layout = registry::layout;

constexpr std::size_t kPage = 10'000;
constexpr std::size_t kParallelReads = 32;
constexpr std::size_t kMaxLink = 512;
constexpr std::size_t kManifestsAtOnce = 512;
constexpr std::size_t kMaxWarnings = 20;

// A link that names its own digest holds exactly its text; others are read.
bool names_itself(const Digest& digest, std::uint64_t size) {
  return size == digest.str().size();
}

class Scanner {
 public:
  Scanner(Context& context, storage::ObjectStore& store, ReferenceReader& reader, Rules rules,
          const ScanHooks& hooks)
      : context_(context), store_(store), reader_(reader), rules_(rules), hooks_(hooks) {}

  Task<Result<ScanResult>> run() {
    BUNKER_CO_TRY(co_await list_repositories());
    used_.seal();
    BUNKER_CO_TRY(co_await list_blobs());
    sort_for_deletion(result_.unused);
    co_return std::move(result_);
  }

 private:
  Task<Result<void>> list_repositories() {
    storage::ListOptions options;
    options.limit = kPage;
    while (true) {
      BUNKER_CO_TRY(co_await hooks_.tick(result_.counts));
      BUNKER_CO_TRY_ASSIGN(
          const auto page,
          co_await store_.list(context_, std::string(layout::kRepositories), options));
      for (const auto& entry : page.entries) BUNKER_CO_TRY(co_await take(entry));
      if (!page.truncated || page.entries.empty()) break;
      options.start_after = page.entries.back().key;
    }
    co_return co_await finish_repository();
  }

  // A repository's keys come one after the other: they share what is before "/_".
  Task<Result<void>> take(const storage::ListEntry& entry) {
    auto location = layout::parse_key(entry.key);
    if (!location) co_return Result<void>();
    const std::string name = std::visit([](const auto& at) { return name_at(at); }, *location);
    if (name != facts_.name) {
      BUNKER_CO_TRY(co_await finish_repository());
      facts_.name = name;
    }
    std::visit([&](const auto& at) { add(at, entry); }, *location);
    co_return Result<void>();
  }

  template <class T>
  static std::string name_at(const T& at) {
    if constexpr (requires { at.name; }) return at.name.str();
    return {};  // data is not listed here
  }

  void add(const layout::LayerLink& at, const storage::ListEntry& entry) {
    const PackedDigest digest(at.digest);
    if (!names_itself(at.digest, entry.info.size)) to_read_.push_back(facts_.layers.size());
    facts_.layers.push_back({digest, digest, entry.info.modified, entry.key});
  }
  void add(const layout::RevisionLink& at, const storage::ListEntry& entry) {
    facts_.revisions.push_back({PackedDigest(at.digest), entry.info.modified, entry.key, {}});
  }
  void add(const layout::TagCurrent&, const storage::ListEntry& entry) {
    if (rules_.delete_untagged) tags_.push_back(entry.key);
  }
  void add(const layout::TagIndex& at, const storage::ListEntry& entry) {
    facts_.entries.push_back({PackedDigest(at.digest), entry.info.modified, entry.key});
  }
  void add(const layout::ReferrerLink& at, const storage::ListEntry& entry) {
    facts_.entries.push_back({PackedDigest(at.referrer), entry.info.modified, entry.key});
  }
  void add(const layout::UploadFile& at, const storage::ListEntry& entry) {
    // registryd keeps an upload's start in the upload's URL.
    const bool foreign = at.file == "startedat" && entry.info.modified > hooks_.foreign_after;
    if (foreign) result_.foreign_upload = entry.key;
  }
  void add(const layout::BlobData&, const storage::ListEntry&) {}

  // nullopt: the link is gone, or damaged.
  Task<Result<std::optional<Digest>>> read_link(storage::ObjectKey key) {
    const auto text = co_await store_.read(context_, std::move(key), kMaxLink);
    if (!text && text.error().code != Code::not_found && text.error().code != Code::too_large) {
      co_return fail(text.error());
    }
    if (!text) co_return std::nullopt;
    co_return layout::parse_link(*text);
  }

  Task<Result<std::vector<std::optional<Digest>>>> read_links(std::vector<std::string> keys) {
    std::vector<Task<Result<std::optional<Digest>>>> reads;
    reads.reserve(keys.size());
    for (std::string& key : keys) reads.push_back(read_link(std::move(key)));
    auto results = co_await when_all(std::move(reads), kParallelReads);
    std::vector<std::optional<Digest>> out;
    out.reserve(results.size());
    for (auto& result : results) {
      BUNKER_CO_TRY_ASSIGN(auto digest, std::move(result));
      out.push_back(std::move(digest));
    }
    co_return out;
  }

  Task<Result<void>> read_targets() {
    std::vector<std::string> keys;
    for (const std::size_t index : to_read_) keys.push_back(facts_.layers[index].key);
    BUNKER_CO_TRY_ASSIGN(const auto targets, co_await read_links(std::move(keys)));
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (targets[i]) facts_.layers[to_read_[i]].target = PackedDigest(*targets[i]);
    }
    BUNKER_CO_TRY_ASSIGN(const auto tagged, co_await read_links(std::move(tags_)));
    for (const auto& digest : tagged) {
      if (digest) facts_.tagged.emplace_back(*digest);
    }
    co_return Result<void>();
  }

  Task<Result<void>> read_manifests() {
    for (std::size_t from = 0; from < facts_.revisions.size(); from += kManifestsAtOnce) {
      BUNKER_CO_TRY(co_await hooks_.tick(result_.counts));
      const std::size_t to = std::min(from + kManifestsAtOnce, facts_.revisions.size());
      std::vector<Digest> digests;
      for (std::size_t i = from; i < to; ++i)
        digests.push_back(facts_.revisions[i].digest.unpack());
      BUNKER_CO_TRY_ASSIGN(auto references, co_await reader_.read(context_, std::move(digests)));
      for (std::size_t i = from; i < to; ++i) {
        facts_.revisions[i].references = std::move(references[i - from]);
        if (facts_.revisions[i].references.state != References::State::read) {
          facts_.damaged = facts_.revisions[i].digest.unpack().str();
        }
      }
      result_.counts.manifests += to - from;
    }
    co_return Result<void>();
  }

  Task<Result<void>> finish_repository() {
    if (!facts_.name.empty()) {
      BUNKER_CO_TRY(co_await read_targets());
      BUNKER_CO_TRY(co_await read_manifests());
      ++result_.counts.repositories;
      if (!facts_.damaged.empty()) warn_of_damage();
      Marked marked = mark(facts_, rules_);
      for (const PackedDigest& digest : marked.used) used_.add(digest);
      std::ranges::move(marked.unused, std::back_inserter(result_.unused));
    }
    facts_ = {};
    to_read_.clear();
    tags_.clear();
    co_return Result<void>();
  }

  void warn_of_damage() {
    ++result_.counts.damaged_repositories;
    if (result_.warnings.size() >= kMaxWarnings) return;
    result_.warnings.push_back("the manifest " + facts_.damaged + " of repository " + facts_.name +
                               " is lost or damaged, so nothing of that repository is collected; "
                               "see registryd verify-storage");
  }

  Task<Result<void>> list_blobs() {
    storage::ListOptions options;
    options.limit = kPage;
    while (true) {
      BUNKER_CO_TRY(co_await hooks_.tick(result_.counts));
      BUNKER_CO_TRY_ASSIGN(const auto page,
                           co_await store_.list(context_, std::string(layout::kBlobs), options));
      for (const auto& entry : page.entries) take_blob(entry);
      if (!page.truncated || page.entries.empty()) co_return Result<void>();
      options.start_after = page.entries.back().key;
    }
  }

  void take_blob(const storage::ListEntry& entry) {
    const auto location = layout::parse_key(entry.key);
    const auto* blob = location ? std::get_if<layout::BlobData>(&*location) : nullptr;
    if (blob == nullptr) return;
    ++result_.counts.blobs;
    result_.counts.bytes += entry.info.size;
    const PackedDigest digest(blob->digest);
    if (entry.info.modified >= rules_.old_before || used_.contains(digest)) return;
    if (rules_.only != nullptr && !rules_.only->contains(digest)) return;
    result_.unused.push_back({.kind = Kind::data, .digest = digest, .size = entry.info.size});
  }

  Context& context_;
  storage::ObjectStore& store_;
  ReferenceReader& reader_;
  const Rules rules_;
  const ScanHooks& hooks_;
  ScanResult result_;
  DigestSet used_;
  RepositoryFacts facts_;
  std::vector<std::size_t> to_read_;  // of facts_.layers
  std::vector<std::string> tags_;     // keys of their links
};

}  // namespace

Task<Result<ScanResult>> scan(Context& context, storage::ObjectStore& store,
                              ReferenceReader& reader, Rules rules, const ScanHooks& hooks) {
  Scanner scanner(context, store, reader, rules, hooks);
  co_return co_await scanner.run();
}

}  // namespace bunker::collect
