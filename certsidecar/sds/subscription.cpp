#include "certsidecar/sds/subscription.h"

#include <algorithm>
#include <utility>

#include "lib/base/encoding.h"
#include "lib/base/sha256.h"

namespace bunker::certsidecar {
namespace {

std::string sum_of(const std::string& text) {
  return hex_encode(sha256(text).substr(0, 16));
}

std::string version_of(const SecretVersions& versions) {
  std::string text;
  for (const auto& [name, version] : versions) text += name + '\n' + version + '\n';
  return sum_of(text);
}

}  // namespace

// --- State of the world ------------------------------------------------------------------------

Answer FullSubscription::on_request(const Request& request) {
  const bool first = !began_;
  // A nonce is good for its stream alone: one in a first request is of a stream that is gone.
  if (!first && request.nonce != nonce_) return Answer::stale;
  const std::set<std::string, std::less<>> wanted(request.names.begin(), request.names.end());
  if (!first && !std::ranges::includes(names_, wanted)) asked_ = true;
  names_ = wanted;
  if (first) {
    began_ = true;
    resumed_ = request.version;
    return Answer::request;
  }
  if (!awaiting_) return Answer::request;
  awaiting_ = false;
  taken_ = !request.refuses;
  return request.refuses ? Answer::refused : Answer::accepted;
}

SecretVersions FullSubscription::wanted_of(const SecretVersions& all) const {
  SecretVersions out;
  for (const std::string& name : names_) {
    if (const auto at = all.find(name); at != all.end()) out.insert(*at);
  }
  return out;
}

std::optional<SecretsToSend> FullSubscription::next(const SecretVersions& all) {
  if (!began_ || awaiting_) return std::nullopt;
  SecretVersions now = wanted_of(all);
  if (now.empty()) return std::nullopt;  // there may be some later
  std::string version = version_of(now);
  if (std::exchange(resumed_, "") == version) {
    told_ = std::move(now);  // the client has it all from an earlier stream
    taken_ = true;
    return std::nullopt;
  }
  // What the client did not ask for any more is no news.
  std::erase_if(told_, [&](const auto& one) { return !names_.contains(one.first); });
  if (now == told_ && !asked_) return std::nullopt;
  asked_ = false;
  awaiting_ = true;
  taken_ = false;
  nonce_ = std::to_string(++responses_);
  SecretsToSend out{std::move(version), nonce_, {}, {}};
  for (const auto& [name, ignored] : now) out.names.push_back(name);
  told_ = std::move(now);
  return out;
}

bool FullSubscription::settled(const SecretVersions& all) const {
  const SecretVersions now = wanted_of(all);
  return std::ranges::all_of(now, [&](const auto& one) {
    const auto told = told_.find(one.first);
    return taken_ && told != told_.end() && told->second == one.second;
  });
}

// --- Incremental -------------------------------------------------------------------------------

Answer DeltaSubscription::on_request(const Request& request) {
  if (!began_) {
    began_ = true;
    sent_ = request.initial;
  }
  for (const std::string& name : request.subscribe) {
    // Asked for again, it is sent again.
    if (!names_.insert(name).second) sent_.erase(name);
  }
  for (const std::string& name : request.unsubscribe) {
    names_.erase(name);
    sent_.erase(name);
  }
  if (request.nonce.empty()) return Answer::request;
  if (!awaiting_ || request.nonce != nonce_) return Answer::stale;
  awaiting_ = false;
  taken_ = !request.refuses;
  return request.refuses ? Answer::refused : Answer::accepted;
}

std::optional<SecretsToSend> DeltaSubscription::next(const SecretVersions& all) {
  if (!began_ || awaiting_) return std::nullopt;
  SecretsToSend out;
  for (const std::string& name : names_) {
    const auto now = all.find(name);
    const auto had = sent_.find(name);
    if (now == all.end()) {
      if (had == sent_.end()) continue;
      out.removed.push_back(name);
      sent_.erase(had);
    } else if (had == sent_.end() || had->second != now->second) {
      out.names.push_back(name);
      sent_[name] = now->second;
    }
  }
  if (out.names.empty() && out.removed.empty()) return std::nullopt;
  awaiting_ = true;
  taken_ = false;
  nonce_ = std::to_string(++responses_);
  out.nonce = nonce_;
  out.version = nonce_;
  return out;
}

bool DeltaSubscription::settled(const SecretVersions& all) const {
  if (!taken_) return false;
  return std::ranges::all_of(names_, [&](const std::string& name) {
    const auto now = all.find(name);
    const auto had = sent_.find(name);
    return now == all.end() || (had != sent_.end() && had->second == now->second);
  });
}

}  // namespace bunker::certsidecar
