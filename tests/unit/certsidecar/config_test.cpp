#include "certsidecar/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bunker::certsidecar {
namespace {

using std::chrono::days;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kWhole = R"(
log: {level: warn, format: json}
debug: {addr: ":5002"}
authorities:
  client:
    secret: {name: registry-client-ca, namespace: registries}
    rotation: {before: 30d, distribution: 2d}
  server:
    folder: /ca
    create: true
    commonName: Registry CA
    key: rsa-3072
    lifetime: 365d
    crl: {lifetime: 1d}
certificates:
  - name: server
    usage: server
    authority: server
    clientAuthority: client
    dnsNames: [registry.example.com]
    ipAddresses: [192.0.2.1]
    lifetime: 36h
    renewAt: 0.5
    folder: /certs
    keyMode: "0640"
  - name: builder
    usage: client
    authority: client
    serverAuthority: server
    commonName: builder
    organizationalUnits: [ci]
    certsD: {hosts: ["registry.example.com:5000"]}
sds: {socket: /run/sds.sock, mode: "0600"}
coordination: {lease: certificates}
)";

TEST(Config, IsReadWhole) {
  const auto config = parse_config(kWhole, "pod-0");
  ASSERT_TRUE(config.has_value()) << to_string(config.error());
  EXPECT_EQ(config->name, "pod-0");
  EXPECT_EQ(config->log_level, LogLevel::warn);
  EXPECT_EQ(config->debug_address, ":5002");
  ASSERT_EQ(config->authorities.size(), 2U);
  const AuthorityConfig& client = config->authorities[0];
  EXPECT_EQ(client.source, AuthorityConfig::Source::secret);
  EXPECT_EQ(client.secret_namespace, "registries");
  EXPECT_EQ(client.policy.before, days(30));
  EXPECT_EQ(client.policy.distribution, days(2));
  const AuthorityConfig& server = config->authorities[1];
  EXPECT_EQ(server.folder, "/ca");
  EXPECT_TRUE(server.create);
  EXPECT_EQ(server.settings.algorithm, pki::KeyAlgorithm::rsa_3072);
  EXPECT_EQ(server.policy.before, std::nullopt);
  EXPECT_EQ(server.crl_lifetime, days(1));
  const CertificateConfig& leaf = config->certificates[0];
  EXPECT_EQ(leaf.request.subject.common_name, "registry.example.com");
  EXPECT_EQ(leaf.request.lifetime, std::chrono::hours(36));
  EXPECT_TRUE(leaf.request.for_servers && !leaf.request.for_clients);
  EXPECT_EQ(leaf.key_mode, 0640U);
  EXPECT_EQ(leaf.server_authority, "server");
  EXPECT_THAT(config->certificates[1].hosts, ElementsAre("registry.example.com:5000"));
  EXPECT_EQ(config->certificates[1].server_authority, "server");
  EXPECT_EQ(config->sds_mode, 0600U);
  EXPECT_EQ(config->lease, "certificates");
}

TEST(Config, EveryMistakeIsNamed) {
  const auto config = parse_config(R"(
nmae: x
debug: {addr: 5002}
authorities:
  server: {folder: /ca, mounted: /other, lifetime: ten years, rotation: {enabled: sometimes}}
certificates:
  - {name: a, usage: serve, authority: server, folder: /certs}
  - {name: b, usage: server, authority: server, dnsNames: ["a b"], keyMode: 0600}
  - {name: c, usage: client, authority: server, commonName: x, certsD: {hosts: ["../x"]}}
)",
                                   "pod-0");
  ASSERT_FALSE(config.has_value());
  EXPECT_THAT(config.error().message,
              AllOf(HasSubstr("nmae: there is no such key"), HasSubstr("debug.addr: is no text"),
                    HasSubstr("authorities.server.folder: give one of"),
                    HasSubstr("authorities.server.lifetime: \"ten years\" is not a duration"),
                    HasSubstr("authorities.server.rotation.enabled: is neither"),
                    HasSubstr("certificates[0].usage: \"serve\" is none of server, client, both"),
                    HasSubstr("certificates[1].commonName: the DNS name \"a b\" is malformed"),
                    HasSubstr("certificates[1].keyMode: is no text"),
                    HasSubstr("certificates[2].certsD.hosts: \"../x\" is no HOST")));
}

TEST(Config, NamesMustBeKnown) {
  const auto config = parse_config(
      "authorities: {a: {folder: /ca}}\n"
      "certificates: [{name: x, usage: client, authority: b, commonName: x, folder: /c}]\n",
      "pod-0");
  EXPECT_THAT(config.error().message, HasSubstr("certificates.x: there is no authority \"b\""));
  for (const auto* text : {"", "[]", "authorities: {", "a: 1\n---\nb: 2", "{}"}) {
    EXPECT_FALSE(parse_config(text, "pod-0").has_value()) << text;
  }
}

}  // namespace
}  // namespace bunker::certsidecar
