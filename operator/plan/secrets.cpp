#include "operator/plan/secrets.h"

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/kube/object_json.h"
#include "operator/api/duration.h"
#include "operator/desired/build.h"

namespace bunker::op {
namespace {

using nlohmann::json;
using What = desired::SecretNeed::What;

constexpr std::size_t kMostEnds = 20'000;

Result<Files> mint_authority(const v1alpha1::Registry& registry, bool clients, const Mint& mint,
                             SystemTime now) {
  BUNKER_TRY_ASSIGN(const pki::PrivateKey key, mint.key(pki::KeyAlgorithm::ecdsa_p256));
  pki::AuthorityRequest request;
  // Common names hold 64 characters.
  request.common_name = registry.name + (clients ? " clients CA" : " CA");
  request.lifetime = std::chrono::duration_cast<std::chrono::seconds>(
      v1alpha1::duration_of(registry.spec.tls.ca_lifetime));
  BUNKER_TRY_ASSIGN(pki::Authority authority, pki::make_authority(key, request, now));
  pki::AuthoritySet set(std::move(authority));
  // A list from the start, for verifiers that want one of each CA.
  BUNKER_TRY_ASSIGN(const bool changed, pki::refresh_crls(set, now));
  static_cast<void>(changed);
  return files_of(set);
}

}  // namespace

const kube::Object* find_secret(const std::vector<kube::Object>& objects, std::string_view ns,
                                std::string_view name) {
  for (const kube::Object& each : objects) {
    if (each.name() == name && each.ns() == ns && each.gvk() == kube::Gvk{"", "v1", "Secret"}) {
      return &each;
    }
  }
  return nullptr;
}

Files files_of(const kube::Object& secret) {
  Files out;
  const json& data = kube::at(secret, "/data");
  if (!data.is_object()) return out;
  for (const auto& [name, value] : data.items()) {
    if (!value.is_string()) continue;
    if (auto bytes = base64_decode(value.get_ref<const std::string&>())) out[name] = *bytes;
  }
  return out;
}

kube::Object make_secret(json frame, const Files& files, std::string_view type) {
  frame["type"] = type;
  for (const auto& [name, bytes] : files) frame["data"][name] = base64_encode(bytes);
  return kube::Object(std::move(frame));
}

Result<pki::AuthoritySet> authority_of(const kube::Object& secret) {
  pki::AuthorityFiles files;
  for (auto& [name, bytes] : files_of(secret)) files.emplace(name, pki::SecretText(bytes));
  return pki::parse_authority(files);
}

Files files_of(const pki::AuthoritySet& set) {
  Files out;
  for (const auto& [name, text] : pki::to_files(set)) out[name] = std::string(text.view());
  return out;
}

std::optional<SystemTime> AuthorityEnds::of(const kube::Object& secret) {
  const std::string digest = desired::digest_of(kube::at(secret, "/data").dump());
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(digest); found != known_.end()) return found->second;
  }
  const Result<pki::AuthoritySet> set = authority_of(secret);
  std::optional<SystemTime> end;
  if (set) end = set->current.certificate().not_after;
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMostEnds) known_.clear();  // most are of contents that are gone
  known_.emplace(digest, end);
  return end;
}

Result<kube::Object> mint_secret(const v1alpha1::Registry& registry,
                                 const desired::SecretNeed& need,
                                 const std::optional<std::string>& shared, const Mint& mint,
                                 SystemTime now) {
  Files files;
  if (need.what == What::http) {
    files["secret"] = shared ? *shared : mint.secret();
  } else if (need.what == What::redis) {
    const std::string password = mint.secret();
    files["password"] = password;
    files["redis.conf"] = "requirepass " + password + "\n";
  } else {
    BUNKER_TRY_ASSIGN(files, mint_authority(registry, need.what == What::client_ca, mint, now));
  }
  return make_secret(desired::object(registry, "v1", "Secret", need.name), files);
}

pki::KeyAlgorithm algorithm_of(v1alpha1::KeyType type) noexcept {
  switch (type) {
    case v1alpha1::KeyType::ecdsa_p256:
      return pki::KeyAlgorithm::ecdsa_p256;
    case v1alpha1::KeyType::ecdsa_p384:
      return pki::KeyAlgorithm::ecdsa_p384;
    case v1alpha1::KeyType::rsa_2048:
      return pki::KeyAlgorithm::rsa_2048;
    case v1alpha1::KeyType::rsa_3072:
      return pki::KeyAlgorithm::rsa_3072;
    case v1alpha1::KeyType::rsa_4096:
      return pki::KeyAlgorithm::rsa_4096;
  }
  return pki::KeyAlgorithm::ecdsa_p256;
}

}  // namespace bunker::op
