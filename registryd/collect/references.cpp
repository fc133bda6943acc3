#include "registryd/collect/references.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/runtime/io_threads.h"
#include "registryd/core/layout.h"
#include "registryd/core/manifest.h"

namespace bunker::collect {
namespace {

constexpr std::size_t kParallelReads = 32;
constexpr std::size_t kMaxManifest = 64u << 20;      // accepted by whatever wrote it
constexpr std::size_t kMaxKnownDigests = 1'000'000;  // 65 MB

void add(std::vector<PackedDigest>& out, const std::vector<registry::Descriptor>& descriptors) {
  for (const auto& descriptor : descriptors) out.emplace_back(descriptor.digest);
}

bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// Every "sha256:…" and "sha512:…" in `text`.
std::vector<PackedDigest> digests_named(std::string_view text) {
  std::vector<PackedDigest> out;
  for (const std::string_view start : {"sha256:", "sha512:"}) {
    for (std::size_t at = text.find(start); at != std::string_view::npos;
         at = text.find(start, at + 1)) {
      std::size_t end = at + start.size();
      while (end < text.size() && is_hex(text[end])) ++end;
      if (const auto digest = Digest::parse(text.substr(at, end - at))) out.emplace_back(*digest);
    }
  }
  return out;
}

}  // namespace

References references_of(std::string_view bytes) {
  References out;
  const auto content = registry::parse_manifest(bytes, {});
  if (!content) {
    out.holds = digests_named(bytes);
    return out;
  }
  if (content->config) out.holds.emplace_back(content->config->digest);
  add(out.holds, content->layers);
  add(out.holds, content->children);
  if (content->subject) out.subject.emplace(content->subject->digest);
  return out;
}

std::size_t ReferenceReader::Hash::operator()(const PackedDigest& digest) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, digest.bytes.data(), sizeof out);
  return out;
}

Task<Result<References>> ReferenceReader::read_one(Context& context, Digest digest) {
  const PackedDigest packed(digest);
  if (const auto known = known_.find(packed); known != known_.end()) co_return known->second;
  const auto bytes =
      co_await store_.read(context, registry::layout::blob_data(digest), kMaxManifest);
  References out;
  if (!bytes && bytes.error().code == Code::not_found) {
    out.state = References::State::missing;
    co_return out;
  }
  if (!bytes && bytes.error().code != Code::too_large) co_return fail(bytes.error());
  if (!bytes || Digest::of(digest.algorithm(), *bytes) != digest) {
    out.state = References::State::damaged;
    co_return out;
  }
  out = references_of(*bytes);
  if (known_digests_ < kMaxKnownDigests && known_.emplace(packed, out).second) {
    known_digests_ += out.holds.size() + 2;
  }
  co_return out;
}

Task<Result<std::vector<References>>> ReferenceReader::read(Context& context,
                                                            std::vector<Digest> digests) {
  std::vector<Task<Result<References>>> reads;
  reads.reserve(digests.size());
  for (Digest& digest : digests) reads.push_back(read_one(context, std::move(digest)));
  auto results = co_await when_all(std::move(reads), kParallelReads);
  std::vector<References> out;
  out.reserve(results.size());
  for (auto& result : results) {
    BUNKER_CO_TRY_ASSIGN(References references, std::move(result));
    out.push_back(std::move(references));
  }
  co_return out;
}

}  // namespace bunker::collect
