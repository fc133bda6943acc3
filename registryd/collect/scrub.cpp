#include "registryd/collect/scrub.h"

#include <array>
#include <optional>
#include <utility>

#include "lib/base/random.h"
#include "registryd/collect/scrub_parts.h"

namespace bunker::collect {

namespace layout = registry::layout;

std::string_view to_string(Fault fault) noexcept {
  constexpr std::array<std::string_view, 9> kNames = {
      "damaged-data", "damaged-link",  "dangling-layer",   "dangling-revision", "dangling-tag",
      "stale-entry",  "missing-entry", "incomplete-image", "foreign-key"};
  return kNames.at(static_cast<std::size_t>(fault));
}

std::uint64_t ScrubReport::unrepaired() const {
  std::uint64_t out = 0;
  for (const auto& [fault, count] : found) {
    const auto mended = repaired.find(fault);
    if (fault != Fault::foreign_key) out += count - (mended == repaired.end() ? 0 : mended->second);
  }
  return out;
}

Task<Result<ScrubReport>> Scrubber::run() {
  BUNKER_CO_TRY(co_await blobs());
  good_.seal();
  BUNKER_CO_TRY(co_await repositories());
  hooks_.progress(report_);
  co_return report_;
}

void Scrubber::found(Fault fault, std::string key, std::string detail, bool repaired) {
  ++report_.found[fault];
  if (repaired) ++report_.repaired[fault];
  hooks_.damage({fault, std::move(key), std::move(detail), repaired});
}

Task<Result<void>> Scrubber::each_page(std::string prefix, Page take) {
  storage::ListOptions options;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(auto page, co_await store_.list(context_, prefix, options));
    const bool more = page.truncated && !page.entries.empty();
    if (more) options.start_after = page.entries.back().key;
    BUNKER_CO_TRY(co_await take(std::move(page.entries)));
    hooks_.progress(report_);
    if (!more) co_return Result<void>();
  }
}

// --- Bytes
// ------------------------------------------------------------------------------------------

Task<Result<void>> Scrubber::blobs() {
  return each_page(std::string(layout::kBlobs),
                   [this](Entries entries) { return check_blobs(std::move(entries)); });
}

Task<Result<void>> Scrubber::check_blobs(Entries entries) {
  std::vector<Task<Result<void>>> checks;
  for (const auto& entry : entries) {
    const auto location = layout::parse_key(entry.key);
    const auto* blob = location ? std::get_if<layout::BlobData>(&*location) : nullptr;
    if (blob == nullptr) {
      found(Fault::foreign_key, entry.key, "not a blob", false);
      continue;
    }
    ++report_.blobs;
    report_.bytes += entry.info.size;
    checks.push_back(check_blob(entry.key, blob->digest));
  }
  auto results = co_await when_all(std::move(checks), options_.parallel);
  for (auto& result : results) BUNKER_CO_TRY(std::move(result));
  co_return Result<void>();
}

Task<Result<Scrubber::State>> Scrubber::state_of(std::string key, Digest digest,
                                                 storage::UploadWriter* copy) {
  auto object = co_await store_.get(context_, std::move(key), {});
  if (!object && object.error().code == Code::not_found) co_return State::gone;
  if (!object) co_return fail(std::move(object).error());
  registry::Hasher hasher(digest.algorithm());
  const auto source = make_source(std::move(object->body));
  for (std::size_t step = 0;; ++step) {
    BUNKER_CO_TRY_ASSIGN(const auto piece, co_await source->read());
    if (piece.empty()) break;
    hasher.update(piece);
    if (copy != nullptr) BUNKER_CO_TRY(co_await copy->write(piece));
    if (step % 64 == 63) co_await sleep_for(std::chrono::nanoseconds(0));
  }
  co_return hasher.digest() == digest ? State::good : State::damaged;
}

Task<Result<void>> Scrubber::check_blob(std::string key, Digest digest) {
  BUNKER_CO_TRY_ASSIGN(const State state, co_await state_of(key, digest, nullptr));
  if (state == State::good) good_.add(digest);
  if (state != State::damaged) co_return Result<void>();
  bool repaired = false;
  if (options_.repair) {
    BUNKER_CO_TRY_ASSIGN(repaired, co_await quarantine(key, digest));
    if (!repaired) {  // good bytes came meanwhile
      good_.add(digest);
      co_return Result<void>();
    }
  }
  found(Fault::damaged_data, key, "its bytes do not have the digest " + digest.str(), repaired);
  co_return Result<void>();
}

// False where the bytes turn out to be good.
Task<Result<bool>> Scrubber::quarantine(std::string key, Digest digest) {
  const std::string aside = std::string(kQuarantine) + std::string(to_string(digest.algorithm())) +
                            "/" + std::string(digest.hex());
  const std::string scratch = aside + ".unfinished-" + random_uuid();
  BUNKER_CO_TRY_ASSIGN(const auto writer,
                       co_await store_.open_upload(context_, scratch, {}, 0, std::nullopt));
  BUNKER_CO_TRY_ASSIGN(const State state, co_await state_of(key, digest, writer.get()));
  if (state != State::damaged) co_return false;
  BUNKER_CO_TRY(co_await writer->commit(aside));
  BUNKER_CO_TRY(co_await store_.remove(context_, {key}));
  co_return true;
}

Task<Result<ScrubReport>> scrub(Context& context, storage::ObjectStore& store, ScrubOptions options,
                                const ScrubHooks& hooks) {
  Scrubber scrubber(context, store, options, hooks);
  co_return co_await scrubber.run();
}

}  // namespace bunker::collect
