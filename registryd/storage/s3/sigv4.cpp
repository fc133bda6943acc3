#include "registryd/storage/s3/sigv4.h"

#include <algorithm>
#include <ctime>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/hash.h"

namespace bunker::storage::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// Trims, and folds runs of spaces into one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c;
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

struct CanonicalHeaders {
  std::string lines;         // "host:…\n…"
  std::string signed_names;  // "host;x-amz-date"
};

CanonicalHeaders canonical_headers(NameValues headers) {
  std::ranges::sort(headers);
  CanonicalHeaders out;
  for (const auto& [name, value] : headers) {
    if (!out.signed_names.empty()) out.signed_names += ';';
    out.signed_names += name;
    out.lines += name + ':' + canonical_value(value) + '\n';
  }
  return out;
}

std::string credential_scope(const Scope& scope, std::string_view date) {
  std::string out(date.substr(0, 8));
  out += '/' + scope.region + '/' + scope.service + "/aws4_request";
  return out;
}

// Of the canonical request whose query and headers are given in their canonical form.
std::string signature(const SignableRequest& request, std::string_view query,
                      const CanonicalHeaders& headers, const Credentials& who, const Scope& scope,
                      std::string_view date) {
  std::string canonical(request.method);
  canonical += '\n';
  canonical += request.path;
  canonical += '\n';
  canonical += query;
  canonical += '\n' + headers.lines + '\n' + headers.signed_names + '\n';
  canonical += request.payload;

  std::string to_sign(kAlgorithm);
  to_sign += '\n';
  to_sign += date;
  to_sign += '\n' + credential_scope(scope, date) + '\n' + hex_encode(sha256(canonical));

  std::string key = hmac_sha256("AWS4" + who.secret_key, date.substr(0, 8));
  key = hmac_sha256(key, scope.region);
  key = hmac_sha256(key, scope.service);
  key = hmac_sha256(key, "aws4_request");
  return hex_encode(hmac_sha256(key, to_sign));
}

}  // namespace

std::string amz_date(SystemTime now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return {text, size};
}

std::string canonical_query(const NameValues& query) {
  NameValues encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query) {
    encoded.emplace_back(percent_encode(name), percent_encode(value));
  }
  std::ranges::sort(encoded);
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += '&';
    out += name + '=' + value;
  }
  return out;
}

std::string authorization(const SignableRequest& request, const Credentials& who,
                          const Scope& scope, SystemTime now) {
  const std::string date = amz_date(now);
  const CanonicalHeaders headers = canonical_headers(request.headers);
  std::string out(kAlgorithm);
  out += " Credential=" + who.access_key + '/' + credential_scope(scope, date);
  out += ", SignedHeaders=" + headers.signed_names;
  out += ", Signature=" +
         signature(request, canonical_query(request.query), headers, who, scope, date);
  return out;
}

std::string presigned_query(SignableRequest request, const Credentials& who, const Scope& scope,
                            SystemTime now, unsigned seconds) {
  const std::string date = amz_date(now);
  const CanonicalHeaders headers = canonical_headers(request.headers);
  request.payload = kUnsignedPayload;
  request.query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  request.query.emplace_back("X-Amz-Credential",
                             who.access_key + '/' + credential_scope(scope, date));
  request.query.emplace_back("X-Amz-Date", date);
  request.query.emplace_back("X-Amz-Expires", std::to_string(seconds));
  request.query.emplace_back("X-Amz-SignedHeaders", headers.signed_names);
  if (!who.session_token.empty()) {
    request.query.emplace_back("X-Amz-Security-Token", who.session_token);
  }
  std::string query = canonical_query(request.query);
  const std::string proof = signature(request, query, headers, who, scope, date);
  return query + "&X-Amz-Signature=" + proof;
}

}  // namespace bunker::storage::s3
