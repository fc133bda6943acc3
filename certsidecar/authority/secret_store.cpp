#include "certsidecar/authority/secret_store.h"

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/kube/object_json.h"
#include "lib/kube/resource.h"

namespace bunker::certsidecar {
namespace {

using kube::Object;
using nlohmann::json;

constexpr std::chrono::seconds kPauseBetweenLooks{1};

const kube::Resource kSecrets{{"", "v1", "Secret"}, "secrets", true};
const kube::Resource kPods{{"", "v1", "Pod"}, "pods", true};

bool is_wanted(std::string_view name) {
  return pki::is_authority_file(name) || name == "tls.crt" || name == "tls.key";
}

// Reads `data`; what is not base64 is left out, and missed by who parses the files.
pki::AuthorityFiles files_of(const Object& secret) {
  pki::AuthorityFiles out;
  const json& data = kube::at(secret, "/data");
  if (!data.is_object()) return out;
  for (const auto& [name, value] : data.items()) {
    if (!is_wanted(name) || !value.is_string()) continue;
    auto bytes = base64_decode(value.get_ref<const std::string&>());
    if (!bytes) continue;
    if (!bytes->empty()) out.emplace(name, pki::SecretText(*bytes));
    pki::wipe(*bytes);
  }
  return out;
}

// A pod that may serve: it is waited for.
bool is_alive(const Object& pod) {
  const json& phase = kube::at(pod, "/status/phase");
  return phase != "Succeeded" && phase != "Failed";
}

class SecretStore final : public AuthorityStore {
 public:
  SecretStore(kube::Client& client, SecretPlace place)
      : client_(client), place_(std::move(place)), key_{place_.ns, place_.name} {}

  Result<StoredFiles> read() override {
    BUNKER_TRY_ASSIGN(const Object secret, client_.get(kSecrets, key_));
    pki::AuthorityFiles files = files_of(secret);
    if (files.empty()) {
      return fail(Code::not_found, "there is no authority in " + description());
    }
    names_.clear();
    for (const auto& [name, ignored] : files) names_.insert(name);
    return StoredFiles{std::move(files), std::string(secret.resource_version())};
  }

  Result<void> write(const pki::AuthorityFiles& files, const std::string& version) override {
    json data = json::object();
    for (const auto& [name, text] : files) data[name] = base64_encode(text.view());
    if (version.empty()) return create(std::move(data));
    for (const std::string& name : names_) {
      if (pki::is_authority_file(name) && !files.contains(name)) data[name] = nullptr;
    }
    return patch(std::move(data), version);
  }

  [[nodiscard]] bool writable() const override { return true; }
  bool lead() override { return place_.lead(); }

  Result<void> acknowledge(const std::string& name, std::uint64_t generation) override {
    json patch = {{"metadata",
                   {{"annotations",
                     {{generation_annotation(place_.authority), std::to_string(generation)}}}}}};
    const auto done = client_.merge(kPods, {place_.ns, name}, Object(std::move(patch)));
    if (!done) return fail(done.error());
    return {};
  }

  Result<std::vector<pki::Replica>> replicas() override {
    std::vector<pki::Replica> out;
    kube::ListOptions options;
    options.ns = place_.ns;
    const std::string annotation = generation_annotation(place_.authority);
    const auto listed = client_.list(kPods, options, [&](const Object& pod) {
      const auto text = pod.annotation(annotation);
      if (!text || !is_alive(pod)) return;
      pki::Replica one{std::string(pod.name()), 0};
      (void)std::from_chars(text->data(), text->data() + text->size(), one.generation);
      out.push_back(std::move(one));
    });
    if (!listed) return fail(listed.error());
    return out;
  }

  void watch(std::function<void()> changed) override {
    watch_ = std::jthread([this, told = std::move(changed)](const std::stop_token& stop) {
      keep_watching(stop, told);
    });
  }

  [[nodiscard]] std::string description() const override {
    return "the Secret " + place_.ns + '/' + place_.name;
  }

 private:
  Result<void> create(json data) {
    json secret = {{"apiVersion", "v1"},
                   {"kind", "Secret"},
                   {"metadata", {{"name", place_.name}, {"namespace", place_.ns}}},
                   {"type", "Opaque"},
                   {"data", data}};
    const auto created = client_.create(kSecrets, Object(std::move(secret)));
    if (created) return {};
    if (created.error().code != Code::already_exists) return fail(created.error());
    // It may be there, and empty.
    BUNKER_TRY_ASSIGN(const Object present, client_.get(kSecrets, key_));
    if (!files_of(present).empty()) {
      return fail(Code::conflict, description() + " was made meanwhile");
    }
    return patch(std::move(data), std::string(present.resource_version()));
  }

  // Where the Secret is still that of `version`. Keys of others stay.
  Result<void> patch(json data, const std::string& version) {
    json change = {{"metadata", {{"resourceVersion", version}}}, {"data", std::move(data)}};
    const auto done = client_.merge(kSecrets, key_, Object(std::move(change)));
    if (!done) return fail(done.error());
    return {};
  }

  // By looking: one small request a second needs no more rights than reading it does, and misses
  // nothing.
  void keep_watching(const std::stop_token& stop, const std::function<void()>& told) {
    std::mutex mutex;
    std::condition_variable_any pause;
    std::string seen;
    while (!stop.stop_requested()) {
      const auto secret = client_.get(kSecrets, key_);
      if (secret && secret->resource_version() != seen) {
        seen = secret->resource_version();
        told();
      }
      std::unique_lock lock(mutex);
      pause.wait_for(lock, stop, kPauseBetweenLooks, [] { return false; });
    }
  }

  kube::Client& client_;
  const SecretPlace place_;
  const kube::ObjectKey key_;
  std::set<std::string> names_;  // of the files that were read last
  std::jthread watch_;           // ends first
};

}  // namespace

std::string generation_annotation(const std::string& authority) {
  return "certificates.bunker.dev/" + authority;
}

std::unique_ptr<AuthorityStore> make_secret_store(kube::Client& client, SecretPlace place) {
  return std::make_unique<SecretStore>(client, std::move(place));
}

}  // namespace bunker::certsidecar
