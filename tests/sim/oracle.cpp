#include "tests/sim/oracle.h"

#include <variant>

#include "registryd/core/layout.h"
#include "registryd/core/manifest.h"
#include "tests/sim/world.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::sim {

using registry::Digest;
using registry::name_of;

std::string repository_of(std::size_t client) {
  return "repo/r" + std::to_string(client);
}

bool Oracle::there(const std::string& key) {
  Context context;
  return run_task(store_.head(context, key)).has_value();
}

std::optional<std::string> Oracle::read(const std::string& key) {
  Context context;
  auto text = run_task(store_.read(context, key, 1 << 20));
  if (!text) return std::nullopt;
  return *std::move(text);
}

void Oracle::lost(const std::string& what) {
  if (strict_ && report_.loss.empty())
    report_.loss = "seed " + std::to_string(options_.seed) + ": " + what;
}

void Oracle::check(const OracleTag& where) {
  const auto& [client, tag] = where;
  const auto name = name_of(repository_of(client));
  const auto digest = read(registry::layout::tag_current(name, *registry::Tag::parse(tag)));
  if (!digest) return lost(repository_of(client) + ":" + tag + " is gone");
  check_manifest(client, *Digest::parse(*digest), tag);
}

void Oracle::check_manifest(std::size_t client, const Digest& digest, const std::string& tag) {
  const auto name = name_of(repository_of(client));
  const std::string what = repository_of(client) + ":" + tag + " lacks ";
  // What a manifest names is kept, also where a push that gave up has left it unlinked.
  used_.insert(digest);
  if (!there(registry::layout::revision_link(name, digest))) {
    return lost(what + "the link of manifest " + digest.str());
  }
  const auto bytes = read(registry::layout::blob_data(digest));
  if (!bytes) return lost(what + "manifest " + digest.str());
  const auto content = *registry::parse_manifest(*bytes, {});
  std::vector<registry::Descriptor> blobs = content.layers;
  if (content.config) blobs.push_back(*content.config);
  for (const auto& blob : blobs) {
    used_.insert(blob.digest);
    if (!there(registry::layout::layer_link(name, blob.digest))) {
      lost(what + "the link of blob " + blob.digest.str());
    }
    if (!there(registry::layout::blob_data(blob.digest))) lost(what + "blob " + blob.digest.str());
  }
  for (const auto& child : content.children) check_manifest(client, child.digest, tag);
}

void Oracle::check_all(const std::set<OracleTag>& tags) {
  used_.clear();
  for (const OracleTag& tag : tags) check(tag);
}

void Oracle::check_waste(std::size_t clients, bool damaged) {
  strict_ = false;  // what was never acknowledged need not be whole
  for (std::size_t client = 0; client < clients; ++client) {
    for (const std::string& key :
         keys(registry::layout::manifests_prefix(name_of(repository_of(client))))) {
      const auto location = registry::layout::parse_key(key);
      if (const auto* at = std::get_if<registry::layout::TagCurrent>(&*location)) {
        check({client, at->tag.str()});
      }
      const auto* at = std::get_if<registry::layout::RevisionLink>(&*location);
      if (at != nullptr && !options_.delete_untagged)
        check_manifest(client, at->digest, "a digest");
    }
  }
  for (const std::string& key : keys(registry::layout::kBlobs)) {
    const auto location = registry::layout::parse_key(key);
    const auto& blob = std::get<registry::layout::BlobData>(*location);
    // A repository with a manifest that is broken, as a push that gave up may leave one, is left
    // alone as a whole.
    if (!used_.contains(blob.digest) && !damaged) report_.waste += key + "\n";
  }
  for (const std::string& key : keys("docker/registry/bunker/")) report_.waste += key + "\n";
}

std::vector<std::string> Oracle::keys(std::string_view prefix) {
  Context context;
  storage::ListOptions all;
  all.limit = 1'000'000;
  const auto page = run_task(store_.list(context, std::string(prefix), all));
  std::vector<std::string> out;
  for (const auto& entry : page->entries) out.push_back(entry.key);
  return out;
}

}  // namespace bunker::sim
