#include "registryd/api/urls.h"

#include <string>

#include <gtest/gtest.h>

namespace bunker::api {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

http::Request request_with(const Fields& fields, bool tls = false) {
  http::Request request;
  request.peer.tls = tls;
  for (const auto& [name, value] : fields) request.headers.add(name, value);
  return request;
}

std::string location(const Urls::Options& options, const Fields& fields) {
  return Urls(options).blob(request_with(fields), "a/b", "sha256:0");
}

struct OriginCase {
  std::string name;
  Fields fields;
  std::string_view origin;
  bool tls = false;
};

class ForwardedOrigin : public testing::TestWithParam<OriginCase> {};

TEST_P(ForwardedOrigin, IsWhatTheProxySaysOrNothing) {
  EXPECT_EQ(forwarded_origin(request_with(GetParam().fields, GetParam().tls)), GetParam().origin);
}

std::string case_name(const testing::TestParamInfo<OriginCase>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Honest, ForwardedOrigin,
    testing::Values(
        OriginCase{"Rfc7239",
                   {{"Forwarded", "for=1.2.3.4;proto=https;host=r.example.com"}},
                   "https://r.example.com"},
        OriginCase{"Rfc7239Quoted",
                   {{"Forwarded", "host=\"r.example.com:8443\" ; proto=\"https\""}},
                   "https://r.example.com:8443"},
        OriginCase{"Rfc7239FirstElement",
                   {{"Forwarded", "proto=https;host=a.example, proto=http;host=b.example"}},
                   "https://a.example"},
        OriginCase{"Rfc7239UnquotedPort",
                   {{"forwarded", "Proto=HTTPS;Host=[2001:db8::1]:5000"}},
                   "https://[2001:db8::1]:5000"},
        OriginCase{"Rfc7239Ipv6",
                   {{"forwarded", "Proto=HTTPS;Host=\"[2001:db8::1]:5000\""}},
                   "https://[2001:db8::1]:5000"},
        OriginCase{"Rfc7239BeforeXForwarded",
                   {{"X-Forwarded-Host", "x.example"}, {"Forwarded", "host=f.example"}},
                   "http://f.example"},
        OriginCase{"XForwarded",
                   {{"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "r.example"}},
                   "https://r.example"},
        OriginCase{"XForwardedPort",
                   {{"X-Forwarded-Proto", "https"},
                    {"X-Forwarded-Host", "r.example"},
                    {"X-Forwarded-Port", "8443"}},
                   "https://r.example:8443"},
        OriginCase{"XForwardedDefaultPort",
                   {{"X-Forwarded-Proto", "https"},
                    {"X-Forwarded-Host", "r.example"},
                    {"X-Forwarded-Port", "443"}},
                   "https://r.example"},
        OriginCase{"XForwardedHostHasPort",
                   {{"X-Forwarded-Host", "r.example:9000"}, {"X-Forwarded-Port", "8443"}},
                   "http://r.example:9000"},
        OriginCase{
            "XForwardedList",
            {{"X-Forwarded-Proto", "https,http"}, {"X-Forwarded-Host", "a.example, b.example"}},
            "https://a.example"},
        OriginCase{"SchemeOfTheConnection",
                   {{"X-Forwarded-Host", "r.example"}},
                   "https://r.example",
                   true},
        OriginCase{"ProtoAloneNamesNoHost", {{"X-Forwarded-Proto", "https"}}, ""},
        OriginCase{"Rfc7239WithoutHost", {{"Forwarded", "for=1.2.3.4;proto=https"}}, ""},
        OriginCase{"HostHeaderIsNotUsed", {{"Host", "r.example"}}, ""}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Hostile, ForwardedOrigin,
    testing::Values(
        OriginCase{"Userinfo", {{"X-Forwarded-Host", "good.example@evil.example"}}, ""},
        OriginCase{"Path", {{"X-Forwarded-Host", "evil.example/x"}}, ""},
        OriginCase{"LineBreak", {{"X-Forwarded-Host", "evil.example\r\nSet-Cookie: a=b"}}, ""},
        OriginCase{"Space", {{"X-Forwarded-Host", "evil example"}}, ""},
        OriginCase{"Quote", {{"Forwarded", "host=\"evil\\\".example\""}}, ""},
        OriginCase{"Unterminated", {{"Forwarded", "host=\"evil.example"}}, ""},
        OriginCase{"LoneBackslash", {{"Forwarded", "host=\"evil\\"}}, ""},
        OriginCase{"NoPair", {{"Forwarded", "host"}}, ""},
        OriginCase{
            "Scheme", {{"X-Forwarded-Proto", "javascript"}, {"X-Forwarded-Host", "r.example"}}, ""},
        OriginCase{"PortText", {{"X-Forwarded-Host", "r.example:80x"}}, ""},
        OriginCase{"PortZero", {{"X-Forwarded-Host", "r.example:0"}}, ""},
        OriginCase{"PortTooBig", {{"X-Forwarded-Host", "r.example:65536"}}, ""},
        OriginCase{"PortEmpty", {{"X-Forwarded-Host", "r.example:"}}, ""},
        OriginCase{"XPort", {{"X-Forwarded-Host", "r.example"}, {"X-Forwarded-Port", "1;2"}}, ""},
        OriginCase{"Ipv6Open", {{"X-Forwarded-Host", "[::1"}}, ""},
        OriginCase{"Ipv6Text", {{"X-Forwarded-Host", "[evil.example]"}}, ""},
        OriginCase{"EmptyHost", {{"X-Forwarded-Host", ""}}, ""}),
    case_name);

TEST(Urls, ArePathsByDefault) {
  EXPECT_EQ(location({}, {{"Host", "r.example"}}), "/v2/a/b/blobs/sha256:0");
}

TEST(Urls, FollowTheProxyThatNamesItsHost) {
  EXPECT_EQ(location({}, {{"X-Forwarded-Host", "r.example"}, {"X-Forwarded-Proto", "https"}}),
            "https://r.example/v2/a/b/blobs/sha256:0");
}

TEST(Urls, ConfiguredHostWinsOverProxies) {
  EXPECT_EQ(location({.host = "https://r.example/"}, {{"X-Forwarded-Host", "other.example"}}),
            "https://r.example/v2/a/b/blobs/sha256:0");
}

TEST(Urls, RelativeWinsOverAll) {
  EXPECT_EQ(location({.host = "https://r.example", .relative = true},
                     {{"X-Forwarded-Host", "other.example"}}),
            "/v2/a/b/blobs/sha256:0");
}

TEST(Urls, CarryThePrefix) {
  EXPECT_EQ(location({.prefix = "/reg", .host = "https://r.example"}, {}),
            "https://r.example/reg/v2/a/b/blobs/sha256:0");
}

TEST(Urls, UploadKeepsItsState) {
  EXPECT_EQ(Urls({}).upload(request_with({}), "a", "u-1", "AbC_-"),
            "/v2/a/blobs/uploads/u-1?_state=AbC_-");
}

TEST(Urls, LinkIsAPathWhateverTheRequestSays) {
  const Urls urls({.prefix = "/reg", .host = "https://r.example"});
  EXPECT_EQ(urls.next_tags("a/b", "v1", 2), "</reg/v2/a/b/tags/list?last=v1&n=2>; rel=\"next\"");
  EXPECT_EQ(urls.next_catalog("a/b", 7), "</reg/v2/_catalog?last=a%2Fb&n=7>; rel=\"next\"");
}

}  // namespace
}  // namespace bunker::api
