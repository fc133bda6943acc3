// The registry against a model of it: random pushes, mounts, taggings and deletions through two
// replicas, after each of which both answer as the model says.
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "registryd/core/errors.h"
#include "tests/property/generators.h"
#include "tests/unit/registryd/core/registry_fixture.h"

namespace bunker::registry {
namespace {

using Names = std::vector<std::string>;

struct Repository {
  std::set<std::string> blobs;                   // digests
  std::map<std::string, std::string> manifests;  // digest → bytes
  std::map<std::string, std::string> tags;       // tag → digest
  std::map<std::string, std::string> subjects;   // referrer → subject
};

const Names kRepositoryNames{"a", "a-b", "a/b", "b"};
const Names kTagNames{"v1", "v1-a", "v1.0"};
const Names kBlobs{"", "{}", "layer"};

class Machine {
 public:
  Machine() {
    store_.set_remote(*rc::gen::arbitrary<bool>());
    store_.largest_page = *rc::gen::inRange<std::size_t>(1, 4);
  }

  void step() {
    using Action = void (Machine::*)();
    const Action action =
        *rc::gen::element(&Machine::push_blob, &Machine::push_blob, &Machine::mount,
                          &Machine::push_image, &Machine::push_image, &Machine::push_index,
                          &Machine::delete_blob, &Machine::delete_tag, &Machine::delete_manifest);
    (this->*action)();
    check(one_);
    check(two_);
  }

 private:
  static Registry::Options options() {
    Registry::Options out;
    out.delete_enabled = true;
    out.manifest_cache_bytes = 1 << 14;  // so that entries are dropped
    return out;
  }

  SyncRegistry& replica() { return *rc::gen::arbitrary<bool>() ? one_ : two_; }
  static std::string any(const Names& names) { return *rc::gen::elementOf(names); }

  void push_blob() {
    const std::string name = any(kRepositoryNames);
    const std::string bytes = any(kBlobs);
    RC_ASSERT(replica().push(name, bytes).has_value());
    model_[name].blobs.insert(sha256_of(bytes).str());
    stored_.insert(sha256_of(bytes).str());
  }

  void mount() {
    const std::string name = any(kRepositoryNames);
    const Digest digest = sha256_of(any(kBlobs));
    const bool anonymous = *rc::gen::arbitrary<bool>();
    const std::string from = any(kRepositoryNames);
    const bool expected =
        anonymous ? stored_.contains(digest.str()) : model_[from].blobs.contains(digest.str());
    const auto mounted =
        anonymous ? replica().mount(name, digest) : replica().mount(name, digest, from);
    RC_ASSERT(mounted.has_value());
    RC_ASSERT(*mounted == expected);
    if (expected) model_[name].blobs.insert(digest.str());
  }

  void push_image() {
    Repository& repository = model_[name_ = any(kRepositoryNames)];
    const std::string config = any(kBlobs);
    const std::string layer = any(kBlobs);
    std::string extra = ",\"annotations\":{\"n\":\"" + any({"1", "2"}) + "\"}";
    std::string subject;
    if (*rc::gen::arbitrary<bool>()) {
      subject = sha256_of(any({"x", "y"})).str();
      extra += ",\"subject\":" + descriptor("a/b", *Digest::parse(subject), 1);
    }
    const bool complete = repository.blobs.contains(sha256_of(config).str()) &&
                          repository.blobs.contains(sha256_of(layer).str());
    push(image(blob_descriptor(config), {blob_descriptor(layer)}, extra), subject, complete);
  }

  void push_index() {
    Repository& repository = model_[name_ = any(kRepositoryNames)];
    Names children;
    for (const auto& [digest, bytes] : repository.manifests) {
      if (*rc::gen::arbitrary<bool>()) {
        children.push_back(descriptor(media_type::kOciImage, *Digest::parse(digest), bytes.size()));
      }
    }
    const bool complete = *rc::gen::arbitrary<bool>();
    if (!complete) children.push_back(descriptor(media_type::kOciImage, sha256_of("missing"), 7));
    push(index_of(children), {}, complete);
  }

  void push(const std::string& bytes, const std::string& subject, bool complete) {
    const std::string digest = sha256_of(bytes).str();
    const bool by_tag = *rc::gen::arbitrary<bool>();
    Names tags = *rc::gen::container<Names>(rc::gen::elementOf(kTagNames));
    const std::string reference = by_tag ? any(kTagNames) : digest;
    const auto pushed = replica().put(name_, reference, bytes, {}, tags);
    RC_ASSERT(pushed.has_value() == complete);
    if (!complete) {
      RC_ASSERT(pushed.error().reason == reason::kManifestBlobUnknown);
      return;
    }
    if (by_tag) tags.push_back(reference);
    Repository& repository = model_[name_];
    repository.manifests[digest] = bytes;
    if (!subject.empty()) repository.subjects[digest] = subject;
    for (const std::string& tag : tags) repository.tags[tag] = digest;
  }

  void delete_blob() {
    const std::string name = any(kRepositoryNames);
    const Digest digest = sha256_of(any(kBlobs));
    const bool present = model_[name].blobs.erase(digest.str()) > 0;
    RC_ASSERT(replica().remove_blob(name, digest).has_value() == present);
  }

  void delete_tag() {
    const std::string name = any(kRepositoryNames);
    const std::string tag = any(kTagNames);
    const bool present = model_[name].tags.erase(tag) > 0;
    RC_ASSERT(replica().remove(name, tag).has_value() == present);
  }

  void delete_manifest() {
    const std::string name = any(kRepositoryNames);
    Repository& repository = model_[name];
    if (repository.manifests.empty()) {
      RC_ASSERT(!replica().remove(name, sha256_of("missing").str()).has_value());
      return;
    }
    Names digests;
    for (const auto& [digest, bytes] : repository.manifests) digests.push_back(digest);
    const std::string digest = any(digests);
    RC_ASSERT(replica().remove(name, digest).has_value());
    repository.manifests.erase(digest);
    repository.subjects.erase(digest);
    std::erase_if(repository.tags, [&](const auto& tag) { return tag.second == digest; });
  }

  void check(SyncRegistry& registry) {
    Names with_manifests;
    for (const std::string& name : kRepositoryNames) {
      Repository& repository = model_[name];
      if (!repository.manifests.empty()) with_manifests.push_back(name);
      check_blobs(registry, name, repository);
      check_manifests(registry, name, repository);
      check_referrers(registry, name, repository);
    }
    RC_ASSERT(registry.catalog()->names == with_manifests);
  }

  static void check_blobs(SyncRegistry& registry, const std::string& name,
                          const Repository& repository) {
    for (const std::string& bytes : kBlobs) {
      const Digest digest = sha256_of(bytes);
      const bool present = repository.blobs.contains(digest.str());
      RC_ASSERT(registry.stat(name, digest).has_value() == present);
      if (present) RC_ASSERT(*registry.blob(name, digest) == bytes);
    }
  }

  static void check_manifests(SyncRegistry& registry, const std::string& name,
                              const Repository& repository) {
    for (const auto& [digest, bytes] : repository.manifests) {
      const auto manifest = registry.get(name, digest);
      RC_ASSERT(manifest.has_value());
      RC_ASSERT(*manifest->bytes == bytes);
    }
    Names listed;
    for (const auto& [tag, digest] : repository.tags) listed.push_back(tag);
    const auto page = registry.tags(name);
    const bool known = !repository.manifests.empty() || !repository.blobs.empty();
    RC_ASSERT(page.has_value() == known);
    if (page) RC_ASSERT(page->names == listed);
    for (const std::string& tag : kTagNames) {
      const auto manifest = registry.get(name, tag);
      const auto expected = repository.tags.find(tag);
      RC_ASSERT(manifest.has_value() == (expected != repository.tags.end()));
      if (manifest) RC_ASSERT(manifest->digest.str() == expected->second);
    }
  }

  static void check_referrers(SyncRegistry& registry, const std::string& name,
                              const Repository& repository) {
    for (const std::string& text : {"x", "y"}) {
      const Digest subject = sha256_of(text);
      Names expected;
      for (const auto& [referrer, of] : repository.subjects) {
        if (of == subject.str()) expected.push_back(referrer);
      }
      Names found;
      const auto index = nlohmann::json::parse(*registry.referrers(name, subject));
      for (const auto& entry : index["manifests"]) found.push_back(entry["digest"]);
      RC_ASSERT(found == expected);
    }
  }

  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store();
  CountingStore store_{*memory_};
  ManualClock clock_;
  SyncRegistry one_{store_, clock_, options()};
  SyncRegistry two_{store_, clock_, options()};
  std::map<std::string, Repository> model_;
  std::set<std::string> stored_;  // every blob that any repository ever had
  std::string name_;
};

RC_GTEST_PROP(RegistryProperty, AnswersAsItsModel, ()) {
  Machine machine;
  const int steps = *rc::gen::inRange(0, 30);
  for (int i = 0; i < steps; ++i) machine.step();
}

}  // namespace
}  // namespace bunker::registry
