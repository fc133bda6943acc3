#include "registryd/api/call.h"

#include <array>
#include <utility>

#include "lib/base/encoding.h"
#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

// What follows the last '/': digests arrive as "sha256%3A…" from clients that escape all they can.
Result<std::string> decoded_item(const Target& target, std::string_view reason) {
  if (target.item.find('%') == std::string_view::npos) return std::string(target.item);
  std::optional<std::string> text = percent_decode(target.item);
  if (text) return *std::move(text);
  return fail(Code::invalid, "the path ends in malformed percent-encoding",
              "a '%' in a path is followed by two hexadecimal digits", reason);
}

}  // namespace

Result<registry::RepositoryName> Call::name() const {
  // No valid name needs escaping, so '%' is refused with every other foreign character.
  return registry::RepositoryName::parse(target.name);
}

Result<registry::Reference> Call::reference() const {
  BUNKER_TRY_ASSIGN(const std::string text,
                    decoded_item(target, registry::reason::kManifestInvalid));
  return registry::parse_reference(text);
}

Result<registry::Digest> Call::digest() const {
  BUNKER_TRY_ASSIGN(const std::string text, decoded_item(target, registry::reason::kDigestInvalid));
  return registry::Digest::parse(text);
}

bool Call::may_pull(const std::optional<registry::RepositoryName>& repository) const {
  if (services.guard == nullptr) return true;
  auth::Access access;
  access.action = auth::Action::pull;
  if (repository) {
    access.repository = repository->str();
  } else {
    access.to = auth::Access::To::every_repository;
  }
  return services.guard->may(identity, access);
}

http::Response json_response(std::string json, std::string_view type) {
  http::Response response(200);
  response.headers.reserve(8);
  response.headers.add("Content-Type", type);
  response.body = Body(std::move(json));
  return response;
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_json_strings(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (const std::string& text : texts) {
    if (out.back() != '[') out += ',';
    append_json_string(out, text);
  }
  out += ']';
}

}  // namespace bunker::api
