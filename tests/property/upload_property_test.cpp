// Uploads against a model: whatever is sent, broken off, repeated or mixed up, an upload holds
// exactly the chunks that were acknowledged, and only its latest state can go on.
#include "registryd/core/errors.h"
#include "registryd/core/layout.h"
#include "tests/property/generators.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

struct Model {
  std::string bytes;             // what was acknowledged
  std::vector<Upload> old;       // states that were superseded
  std::optional<Upload> latest;  // nullopt once the upload is over
};

class Uploads {
 public:
  Uploads() {
    store_.set_remote(*rc::gen::arbitrary<bool>());
    algorithm_ = *rc::gen::element(Algorithm::sha256, Algorithm::sha512);
    model_.latest = *replica().start("repo", algorithm_);
  }

  void append_chunk() {
    const std::string chunk = *rc::gen::scale(3, rc::gen::arbitrary<std::string>());
    const bool tell = *rc::gen::arbitrary<bool>();
    PiecesSource body(chunk, *rc::gen::inRange<std::size_t>(1, 40));
    std::optional<std::uint64_t> announced;
    if (tell) announced = chunk.size();
    const auto next = replica().append(*model_.latest, body, announced);
    RC_ASSERT(next.has_value());
    model_.bytes += chunk;
    RC_ASSERT(next->offset == model_.bytes.size());
    if (!chunk.empty()) model_.old.push_back(*model_.latest);
    model_.latest = *next;
  }

  void append_wrongly() {
    const std::uint64_t start = model_.latest->offset + *rc::gen::inRange<std::uint64_t>(1, 9);
    RC_ASSERT(replica().append(*model_.latest, "chunk", start).error().reason ==
              reason::kRangeInvalid);
    RC_ASSERT(replica().append(*model_.latest, "chunk", std::nullopt, 4).error().reason ==
              reason::kSizeInvalid);
    PiecesSource broken("chunk", 2, Error(Code::cancelled, "gone"));
    RC_ASSERT(replica().append(*model_.latest, broken).error().code == Code::cancelled);
  }

  void use_old_state() {
    if (model_.old.empty()) return;
    const Upload old = *rc::gen::elementOf(model_.old);
    if (old.store_token.empty()) return;  // the state of POST can begin any number of uploads
    RC_ASSERT(replica().append(old, "chunk").error().reason == reason::kBlobUploadUnknown);
    RC_ASSERT(replica().status(old).error().reason == reason::kBlobUploadUnknown);
  }

  void ask() {
    const auto status = replica().status(*model_.latest);
    RC_ASSERT(status.has_value());
    RC_ASSERT(status->offset == model_.bytes.size());
  }

  void finish() {
    const Algorithm algorithm = *rc::gen::element(Algorithm::sha256, Algorithm::sha512);
    const std::string rest = *rc::gen::scale(3, rc::gen::arbitrary<std::string>());
    const std::string whole = model_.bytes + rest;
    const Digest digest = Digest::of(algorithm, whole);
    PiecesSource body(rest, *rc::gen::inRange<std::size_t>(1, 40));
    const auto info = replica().finish(*model_.latest, digest, body);
    RC_ASSERT(info.has_value());
    RC_ASSERT(info->size == whole.size());
    RC_ASSERT(*replica().blob("repo", digest) == whole);
    leftovers_are_gone();
  }

  void finish_wrongly() {
    RC_ASSERT(replica().finish(*model_.latest, sha256_of("never sent")).error().reason ==
              reason::kDigestInvalid);
    RC_ASSERT(!replica().stat("repo", sha256_of("never sent")).has_value());
    leftovers_are_gone();
  }

  void cancel() {
    RC_ASSERT(replica().cancel(*model_.latest).has_value());
    leftovers_are_gone();
  }

 private:
  SyncRegistry& replica() { return *rc::gen::arbitrary<bool>() ? one_ : two_; }

  void leftovers_are_gone() {
    Context context;
    storage::ListOptions options;
    const auto page = run_task(memory_->list(
        context, layout::upload_prefix(name_of("repo"), model_.latest->uuid), std::move(options)));
    RC_ASSERT(page->entries.empty());
  }

  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store();
  CountingStore store_{*memory_};
  ManualClock clock_;
  SyncRegistry one_{store_, clock_, Registry::Options()};
  SyncRegistry two_{store_, clock_, Registry::Options()};
  Algorithm algorithm_ = Algorithm::sha256;
  Model model_;
};

RC_GTEST_PROP(UploadProperty, HoldsWhatWasAcknowledged, ()) {
  Uploads uploads;
  const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6));
  for (const int step : steps) {
    if (step <= 2) uploads.append_chunk();
    if (step == 3) uploads.append_wrongly();
    if (step == 4) uploads.use_old_state();
    if (step == 5) uploads.ask();
  }
  const int end = *rc::gen::inRange(0, 4);
  if (end <= 1) uploads.finish();
  if (end == 2) uploads.finish_wrongly();
  if (end == 3) uploads.cancel();
}

}  // namespace
}  // namespace bunker::registry
