#include "registryd/auth/jwt.h"

#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/base/strict_json.h"

namespace bunker::auth {
namespace {

using nlohmann::json;

constexpr std::size_t kMostCertificates = 10;
constexpr std::size_t kMostAccess = 1000;

std::unexpected<Error> wrong(std::string why) {
  return fail(Code::invalid, "the token is malformed: " + std::move(why));
}

// base64url without padding, and nothing but (RFC 7515 §2).
std::optional<std::string> decode_part(std::string_view part) {
  if (part.empty() || part.ends_with('=')) return std::nullopt;
  return base64url_decode(part);
}

Result<json> parse_part(std::string_view part, std::string_view what) {
  const auto text = decode_part(part);
  if (!text) return wrong(std::string(what) + " is not base64url");
  auto document = parse_strict_json(*text);
  if (!document) return wrong(std::string(what) + ": " + document.error().message);
  if (!document->is_object()) return wrong(std::string(what) + " is no JSON object");
  return document;
}

// A member that is text; "" where there is none.
Result<std::string> text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return wrong(std::string(name) + " is not text");
  return found->get<std::string>();
}

// A NumericDate (RFC 7519 §2); 0 where there is none.
Result<std::int64_t> time_member(const json& object, const char* name) {
  constexpr double kFarFuture = 1e11;
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return 0;
  if (!found->is_number()) return wrong(std::string(name) + " is not a time");
  const double seconds = found->get<double>();
  if (!(std::abs(seconds) < kFarFuture)) return wrong(std::string(name) + " is not a time");
  return static_cast<std::int64_t>(std::floor(seconds));
}

// One text or a list of them.
Result<std::vector<std::string>> texts_member(const json& object, const char* name) {
  std::vector<std::string> out;
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return out;
  if (found->is_string()) {
    out.push_back(found->get<std::string>());
    return out;
  }
  if (!found->is_array()) return wrong(std::string(name) + " is no list of texts");
  for (const json& item : *found) {
    if (!item.is_string()) return wrong(std::string(name) + " is no list of texts");
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<std::vector<std::string>> chain_member(const json& object) {
  std::vector<std::string> out;
  const auto found = object.find("x5c");
  if (found == object.end()) return out;
  if (!found->is_array() || found->empty() || found->size() > kMostCertificates) {
    return wrong("x5c is no list of 1 to 10 certificates");
  }
  for (const json& item : *found) {
    if (!item.is_string()) return wrong("x5c is no list of certificates");
    auto der = base64_decode(item.get_ref<const std::string&>());
    if (!der) return wrong("x5c is not base64");
    out.push_back(*std::move(der));
  }
  return out;
}

Result<void> read_header(const json& header, Jwt& out) {
  if (header.contains("crit")) return wrong("it demands extensions that are not there");
  BUNKER_TRY_ASSIGN(const std::string algorithm, text_member(header, "alg"));
  const auto known = parse_signing(algorithm);
  if (!known) {
    return fail(Code::invalid, "the token is signed by no algorithm that is accepted",
                "sign with RS256, PS256, ES256 or EdDSA");
  }
  out.algorithm = *known;
  BUNKER_TRY_ASSIGN(out.key_id, text_member(header, "kid"));
  BUNKER_TRY_ASSIGN(out.chain, chain_member(header));
  if (const auto jwk = header.find("jwk"); jwk != header.end()) {
    auto key = PublicKey::from_jwk(*jwk);
    if (!key) return wrong("jwk: " + key.error().message);
    out.key = *std::move(key);
    BUNKER_TRY_ASSIGN(auto chain, chain_member(*jwk));
    if (!chain.empty()) out.chain = std::move(chain);
  }
  return {};
}

Result<void> read_access(const json& claims, Jwt& out) {
  const auto found = claims.find("access");
  if (found == claims.end() || found->is_null()) return {};
  if (!found->is_array() || found->size() > kMostAccess) return wrong("access is no list");
  for (const json& item : *found) {
    if (!item.is_object()) return wrong("access is no list of objects");
    TokenAccess access;
    BUNKER_TRY_ASSIGN(access.type, text_member(item, "type"));
    BUNKER_TRY_ASSIGN(access.name, text_member(item, "name"));
    BUNKER_TRY_ASSIGN(access.actions, texts_member(item, "actions"));
    out.access.push_back(std::move(access));
  }
  return {};
}

}  // namespace

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return wrong("it is longer than 16 KiB");
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return wrong("it does not have three parts");
  }
  Jwt out;
  out.signed_text = token.substr(0, second);
  auto signature = decode_part(token.substr(second + 1));
  if (!signature) return wrong("the signature is not base64url");
  out.signature = *std::move(signature);
  BUNKER_TRY_ASSIGN(const json header, parse_part(token.substr(0, first), "the header"));
  BUNKER_TRY(read_header(header, out));
  BUNKER_TRY_ASSIGN(const json claims,
                    parse_part(token.substr(first + 1, second - first - 1), "the payload"));
  BUNKER_TRY_ASSIGN(out.issuer, text_member(claims, "iss"));
  BUNKER_TRY_ASSIGN(out.subject, text_member(claims, "sub"));
  BUNKER_TRY_ASSIGN(out.audience, texts_member(claims, "aud"));
  BUNKER_TRY_ASSIGN(out.expires, time_member(claims, "exp"));
  BUNKER_TRY_ASSIGN(out.not_before, time_member(claims, "nbf"));
  BUNKER_TRY(read_access(claims, out));
  return out;
}

}  // namespace bunker::auth
