// The files of an authority: authority_set.h.
#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/pki/authority_set.h"
#include "lib/pki/bundle.h"

namespace bunker::pki {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 7> kFixedNames = {
    "ca.crt", "ca.key", "ca.crl", "bundle.crt", "next.crt", "next.key", "state.json"};
constexpr std::size_t kMaxPrevious = 100;

std::optional<std::string_view> text_of(const AuthorityFiles& files, std::string_view name) {
  const auto at = files.find(name);
  if (at == files.end() || at->second.empty()) return std::nullopt;
  return at->second.view();
}

// The error, with the name of the file in front.
Error within(std::string_view name, Error error) {
  error.message = std::string(name) + ": " + error.message;
  return error;
}

Result<Authority> read_authority(const AuthorityFiles& files, const std::string& certificates,
                                 const std::string& key) {
  const auto chain = text_of(files, certificates);
  const auto secret = text_of(files, key);
  if (!chain) return fail(Code::not_found, "there is no " + certificates);
  if (!secret) return fail(Code::not_found, "there is no " + key + " beside " + certificates);
  auto authority = Authority::from_pem(*chain, *secret);
  if (!authority) return fail(within(certificates + " and " + key, std::move(authority).error()));
  return authority;
}

// --- state.json -----------------------------------------------------------------------------

std::string text_at(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::uint64_t number_at(const json& object, const char* key, std::uint64_t fallback) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : fallback;
}

SystemTime time_at(const json& object, const char* key, SystemTime fallback) {
  return parse_rfc3339(text_at(object, key)).value_or(fallback);
}

json item_at(const json& list, std::size_t index) {
  return list.is_array() && index < list.size() && list[index].is_object() ? list[index]
                                                                           : json::object();
}

Result<json> read_state(const AuthorityFiles& files) {
  const auto text = text_of(files, "state.json");
  if (!text) return json::object();
  json state = json::parse(*text, nullptr, false);
  if (!state.is_object()) {
    return fail(Code::invalid, "state.json is not a JSON object",
                "remove it: the CA stays, and what it knew of issued certificates is lost");
  }
  return state;
}

void read_issued(const json& state, AuthoritySet& set) {
  const auto list = state.find("issued");
  if (list == state.end() || !list->is_array()) return;
  for (const json& item : *list) {
    if (!item.is_object()) continue;
    IssuedClient one{text_at(item, "name"), text_at(item, "serial"), text_at(item, "authority"),
                     time_at(item, "notAfter", SystemTime::max()),
                     parse_rfc3339(text_at(item, "replaced"))};
    set.issued.push_back(std::move(one));
  }
}

std::string write_state(const AuthoritySet& set) {
  json state = {{"version", 1}, {"generation", set.generation}};
  if (set.next) {
    state["next"] = {{"since", format_rfc3339(set.next->since)},
                     {"generation", set.next->generation}};
  }
  state["previous"] = json::array();
  for (const PreviousAuthority& one : set.previous) {
    state["previous"].push_back({{"since", format_rfc3339(one.since)},
                                 {"generation", one.generation},
                                 {"tainted", one.tainted}});
  }
  state["issued"] = json::array();
  for (const IssuedClient& one : set.issued) {
    json item = {{"name", one.name},
                 {"serial", one.serial},
                 {"authority", one.authority},
                 {"notAfter", format_rfc3339(one.not_after)}};
    if (one.replaced) item["replaced"] = format_rfc3339(*one.replaced);
    state["issued"].push_back(std::move(item));
  }
  state["crlLifetimeSeconds"] = set.crl_lifetime.count();
  return state.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

// --- The CAs around the one that signs -------------------------------------------------------

Result<void> read_next(const AuthorityFiles& files, const json& state, AuthoritySet& set) {
  if (!text_of(files, "next.crt")) return {};
  BUNKER_TRY_ASSIGN(Authority authority, read_authority(files, "next.crt", "next.key"));
  const auto at = state.find("next");
  const json about = at != state.end() && at->is_object() ? *at : json::object();
  // Without a note of when it was prepared, the certificate's own beginning must do.
  const SystemTime since = time_at(about, "since", authority.certificate().not_before);
  set.next = PreparedAuthority{std::move(authority), since,
                               number_at(about, "generation", set.generation)};
  return {};
}

Result<void> read_previous(const AuthorityFiles& files, const json& state, AuthoritySet& set) {
  const auto list = state.find("previous");
  for (std::size_t i = 0; i < kMaxPrevious; ++i) {
    const std::string stem = "previous-" + std::to_string(i);
    const auto text = text_of(files, stem + ".crt");
    if (!text) break;
    auto certificates = parse_bundle(*text);
    if (!certificates) return fail(within(stem + ".crt", std::move(certificates).error()));
    const json about = item_at(list == state.end() ? json() : *list, i);
    PreviousAuthority one{std::move(certificates->front()), std::nullopt, {}, 0, false};
    one.since = time_at(about, "since", one.certificate.not_before);
    one.generation = number_at(about, "generation", set.generation);
    one.tainted = about.value("tainted", json()) == true;
    if (const auto key = text_of(files, stem + ".key")) {
      auto read = PrivateKey::from_pem(*key);
      if (!read) return fail(within(stem + ".key", std::move(read).error()));
      one.key = std::move(*read);
    }
    set.previous.push_back(std::move(one));
  }
  return {};
}

SecretText public_text(const std::string& text) {
  return SecretText(text);
}

}  // namespace

bool is_authority_file(std::string_view name) {
  if (std::ranges::find(kFixedNames, name) != kFixedNames.end()) return true;
  if (!name.starts_with("previous-")) return false;
  return name.ends_with(".crt") || name.ends_with(".key");
}

Result<AuthoritySet> parse_authority(const AuthorityFiles& files) {
  const bool foreign = !text_of(files, "ca.key") && text_of(files, "tls.key");
  BUNKER_TRY_ASSIGN(Authority current, foreign ? read_authority(files, "tls.crt", "tls.key")
                                               : read_authority(files, "ca.crt", "ca.key"));
  BUNKER_TRY_ASSIGN(const json state, read_state(files));
  AuthoritySet set(std::move(current));
  set.generation = number_at(state, "generation", 1);
  set.crl_lifetime = std::chrono::seconds(
      std::min<std::uint64_t>(number_at(state, "crlLifetimeSeconds", 0), 400'000'000));
  BUNKER_TRY(read_next(files, state, set));
  BUNKER_TRY(read_previous(files, state, set));
  if (const auto text = text_of(files, "ca.crl")) {
    auto crls = parse_crls(*text);
    if (!crls) return fail(within("ca.crl", std::move(crls).error()));
    set.crls = std::move(*crls);
  }
  read_issued(state, set);
  return set;
}

AuthorityFiles to_files(const AuthoritySet& set) {
  AuthorityFiles out;
  out["ca.crt"] = public_text(to_pem(set.current.chain()));
  out["ca.key"] = set.current.key().to_pem();
  out["bundle.crt"] = public_text(to_pem(set.trusted()));
  if (!set.crls.empty()) out["ca.crl"] = public_text(to_pem(set.crls));
  if (set.next) {
    out["next.crt"] = public_text(to_pem(set.next->authority.chain()));
    out["next.key"] = set.next->authority.key().to_pem();
  }
  for (std::size_t i = 0; i < set.previous.size(); ++i) {
    const std::string stem = "previous-" + std::to_string(i);
    out[stem + ".crt"] = public_text(to_pem(set.previous[i].certificate));
    if (set.previous[i].key) out[stem + ".key"] = set.previous[i].key->to_pem();
  }
  out["state.json"] = public_text(write_state(set));
  return out;
}

}  // namespace bunker::pki
