#include "registryd/api/errors.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "registryd/core/errors.h"

namespace bunker::api {
namespace {

namespace reason = registry::reason;

nlohmann::json entry_of(const http::Response& response) {
  const auto json = nlohmann::json::parse(*std::get<SharedBytes>(response.body.content));
  EXPECT_EQ(json.at("errors").size(), 1);
  return json.at("errors").at(0);
}

TEST(ToWire, ReasonDecidesTheStatus) {
  EXPECT_EQ(to_wire(Error(Code::not_found, "", "", reason::kManifestUnknown)).status, 404);
  EXPECT_EQ(to_wire(Error(Code::unsupported, "", "", reason::kDigestInvalid)).status, 400);
  EXPECT_EQ(to_wire(Error(Code::out_of_range, "", "", reason::kRangeInvalid)).status, 416);
  EXPECT_EQ(to_wire(Error(Code::unsupported, "", "", reason::kUnsupported)).status, 405);
  EXPECT_EQ(to_wire(Error(Code::retry_later, "", "", reason::kTooManyRequests)).status, 429);
}

TEST(ToWire, TooLargeIs413WhateverTheReason) {
  const Wire wire = to_wire(Error(Code::too_large, "", "", reason::kManifestInvalid));
  EXPECT_EQ(wire.status, 413);
  EXPECT_EQ(wire.code, reason::kManifestInvalid);
}

TEST(ToWire, CodeDecidesWithoutReason) {
  EXPECT_EQ(to_wire(Error(Code::unauthenticated, "")).status, 401);
  EXPECT_EQ(to_wire(Error(Code::unauthenticated, "")).code, reason::kUnauthorized);
  EXPECT_EQ(to_wire(Error(Code::forbidden, "")).status, 403);
  EXPECT_EQ(to_wire(Error(Code::retry_later, "")).status, 503);
  EXPECT_EQ(to_wire(Error(Code::invalid, "")).status, 400);
  EXPECT_EQ(to_wire(Error(Code::data_loss, "")).status, 500);
}

TEST(RenderError, SaysWhatWasGivenAndWhatToDo) {
  const Error error(Code::not_found, "no such manifest", "push it", reason::kManifestUnknown);
  const auto response = render_error(error, {Resource::manifest, "a/b", "v1"}, "id");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.get("content-type"), "application/json");
  const auto entry = entry_of(response);
  EXPECT_EQ(entry.at("code"), "MANIFEST_UNKNOWN");
  EXPECT_EQ(entry.at("message"), "no such manifest");
  EXPECT_EQ(entry.at("detail").at("name"), "a/b");
  EXPECT_EQ(entry.at("detail").at("reference"), "v1");
  EXPECT_EQ(entry.at("detail").at("remedy"), "push it");
}

TEST(RenderError, ListsTheMissingDigests) {
  const std::string one = "sha256:" + std::string(64, 'a');
  const std::string two = "sha256:" + std::string(64, 'b');
  const Error error(Code::invalid, "blobs are missing", "push " + one + ", " + two + " first",
                    reason::kManifestBlobUnknown);
  const auto entry = entry_of(render_error(error, {Resource::manifest, "a", "v1"}, "id"));
  EXPECT_EQ(entry.at("detail").at("missing"), nlohmann::json({one, two}));
}

TEST(RenderError, KeepsTheServersFaultsToTheLog) {
  const Error error(Code::internal, "open /secret/path: EIO", "look at the disk");
  const auto response = render_error(error, {Resource::blob, "a", "d"}, "id-7");
  EXPECT_EQ(response.status, 500);
  const auto entry = entry_of(response);
  EXPECT_EQ(entry.at("code"), "UNKNOWN");
  EXPECT_EQ(entry.at("detail").at("request_id"), "id-7");
  EXPECT_EQ(entry.dump().find("secret"), std::string::npos);
}

TEST(RenderError, AsksToComeBack) {
  const auto response = render_error(Error(Code::retry_later, "busy"), {}, "id");
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.headers.has("Retry-After"));
}

TEST(RenderError, SurvivesBytesThatAreNotText) {
  const Error error(Code::invalid, "bad \xff name", "", reason::kNameInvalid);
  const auto response = render_error(error, {Resource::tags, "\xc3\x28", {}}, "id");
  EXPECT_EQ(entry_of(response).at("code"), "NAME_INVALID");
}

}  // namespace
}  // namespace bunker::api
