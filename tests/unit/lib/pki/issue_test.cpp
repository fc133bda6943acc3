#include "lib/pki/issue.h"

#include "lib/pki/bundle.h"
#include "lib/pki/verify.h"
#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

Certificate issued(const Authority& ca, const LeafRequest& request, SystemTime now = kNow) {
  auto leaf = issue(ca, new_key().public_key(), request, now);
  EXPECT_TRUE(leaf.has_value()) << to_string(leaf.error());
  return std::move(leaf).value();
}

std::string problem(const LeafRequest& request) {
  const auto checked = check(request);
  return checked ? "" : checked.error().message;
}

TEST(Issue, AServersCertificateHoldsAllItsNames) {
  const Authority ca = new_authority();
  LeafRequest request = server_request();
  request.names.dns.emplace_back("*.cluster.local");
  request.names.ips = {"192.0.2.1", "2001:db8::1"};
  request.names.uris = {"spiffe://cluster/ns/registry"};
  request.names.emails = {"ops@example.com"};
  const Certificate leaf = issued(ca, request);
  EXPECT_EQ(leaf.names, request.names);
  EXPECT_TRUE(leaf.for_servers);
  EXPECT_FALSE(leaf.for_clients);
  EXPECT_FALSE(leaf.is_ca);
  EXPECT_EQ(leaf.not_before, kNow - minutes(5));
  EXPECT_EQ(leaf.not_after, kNow + days(90));
  EXPECT_EQ(leaf.authority_key_id, ca.certificate().subject_key_id);
  const Trust trust{.roots = {&ca.certificate(), 1}};
  EXPECT_TRUE(verify(leaf, trust, Purpose::server, kNow).has_value());
  EXPECT_THAT(verify(leaf, trust, Purpose::client, kNow).error().message,
              HasSubstr("cannot be trusted"));
  for (const auto* host : {"registry.example.com", "a.cluster.local", "192.0.2.1", "2001:db8::1"}) {
    EXPECT_TRUE(names_host(leaf, host)) << host;
  }
  for (const auto* host : {"example.com", "a.b.cluster.local", "192.0.2.2", ""}) {
    EXPECT_FALSE(names_host(leaf, host)) << host;
  }
}

TEST(Issue, AClientsCertificateHoldsWhoItIs) {
  const Authority ca = new_authority();
  LeafRequest request = client_request("alice, \"the\" builder");
  request.subject.organizations = {"build", "ops"};
  request.subject.organizational_units = {"ci"};
  const Certificate leaf = issued(ca, request);
  EXPECT_EQ(leaf.subject.common_name, "alice, \"the\" builder");
  EXPECT_THAT(leaf.subject.organizations, ElementsAre("build", "ops"));
  EXPECT_THAT(leaf.subject.organizational_units, ElementsAre("ci"));
  EXPECT_TRUE(verify(leaf, {.roots = {&ca.certificate(), 1}}, Purpose::client, kNow).has_value());
}

TEST(Issue, NeverOutlivesTheAuthority) {
  const Authority ca = new_authority("short", kNow, days(30));
  const Certificate leaf = issued(ca, server_request());
  EXPECT_EQ(leaf.not_after, ca.certificate().not_after);
  EXPECT_EQ(leaf.not_before, ca.certificate().not_before);
  const auto late = issue(ca, new_key().public_key(), server_request(), kNow + days(30));
  EXPECT_EQ(late.error().code, Code::out_of_range);
  EXPECT_THAT(late.error().message, HasSubstr("to 2026-12-24T12:00:00Z, and it is 2026-12-24"));
  EXPECT_EQ(issue(ca, new_key().public_key(), server_request(), kNow - days(1)).error().code,
            Code::out_of_range);
}

TEST(Issue, SerialsDiffer) {
  const Authority ca = new_authority();
  EXPECT_NE(issued(ca, client_request()).serial, issued(ca, client_request()).serial);
}

TEST(Issue, RefusesNamesThatAreNone) {
  LeafRequest request = server_request();
  for (const auto* name : {"", "a..b", ".a", "-a", "a-", "a b", "a\nb", "*", "a.*", "ex/ample",
                           "1.2.3.4", "a\xc3\xa9"}) {
    request.names.dns = {name};
    EXPECT_THAT(problem(request), HasSubstr("the DNS name")) << name;
  }
  request.names.dns = {std::string("a\0b", 3)};
  EXPECT_THAT(problem(request), HasSubstr("the DNS name is malformed"));
  request.names.dns = {std::string(64, 'a') + ".b"};
  EXPECT_THAT(problem(request), HasSubstr("the DNS name"));
  request = server_request();
  request.names.ips = {"1.2.3"};
  EXPECT_THAT(problem(request), HasSubstr("the IP address \"1.2.3\" is malformed"));
  request = server_request();
  request.names.uris = {"no scheme"};
  EXPECT_THAT(problem(request), HasSubstr("the URI"));
  request = server_request();
  request.names.emails = {"nobody"};
  EXPECT_THAT(problem(request), HasSubstr("the e-mail address"));
}

TEST(Issue, RefusesWhatMakesNoSense) {
  LeafRequest request = server_request();
  request.names = {};
  EXPECT_THAT(problem(request), HasSubstr("needs a DNS name or an IP address"));
  request = client_request("");
  EXPECT_THAT(problem(request), HasSubstr("needs a name"));
  request = client_request();
  request.for_clients = false;
  EXPECT_THAT(problem(request), HasSubstr("for servers, for clients"));
  request = client_request();
  request.lifetime = seconds(9);
  EXPECT_THAT(problem(request), HasSubstr("10 seconds"));
  request = client_request(std::string(65, 'x'));
  EXPECT_THAT(problem(request), HasSubstr("longer than 64"));
}

TEST(Verify, DatesComeWithTheReason) {
  const Authority ca = new_authority();
  const Certificate leaf = issued(ca, server_request());
  const Trust trust{.roots = {&ca.certificate(), 1}};
  EXPECT_THAT(verify(leaf, trust, Purpose::server, kNow + days(91)).error().message,
              HasSubstr("to 2027-02-22T12:00:00Z, now 2027-02-23T12:00:00Z"));
  EXPECT_FALSE(verify(leaf, trust, Purpose::server, kNow - minutes(6)).has_value());
  EXPECT_TRUE(verify(leaf, trust, Purpose::server, kNow - minutes(4)).has_value());
}

TEST(Verify, OneOfTwoAuthoritiesOfTheSameNameIsEnough) {
  const Authority one = new_authority("same");
  const Authority two = new_authority("same");
  const Certificate leaf = issued(two, server_request());
  const std::vector<Certificate> both = {one.certificate(), two.certificate()};
  EXPECT_TRUE(verify(leaf, {.roots = both}, Purpose::server, kNow).has_value());
  EXPECT_FALSE(verify(leaf, {.roots = {&one.certificate(), 1}}, Purpose::server, kNow).has_value());
}

}  // namespace
}  // namespace bunker::pki
