#include "lib/net/tls_server.h"

#include <gmock/gmock.h>

#include "tests/unit/lib/net/tls_server_fixture.h"

namespace bunker::net::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(TlsServerTest, ServesClientsWithoutCertificates) {
  const auto server = make(material()).value();
  Client client;
  const Outcome outcome = connect(*server, client);
  ASSERT_TRUE(outcome.server) << to_string(outcome.server.error());
  EXPECT_EQ(outcome.client, "ok");
  EXPECT_EQ(outcome.server->certificate(), nullptr);
  EXPECT_TRUE(server->check(*const_cast<TlsPeer*>(&*outcome.server)));
}

TEST_F(TlsServerTest, ServesWithAnRsaKey) {
  const TestCertificate rsa(&authority_,
                            {.names = "DNS:localhost", .usage = "serverAuth", .rsa = true});
  TlsMaterial set;
  set.certificate = rsa.pem();
  set.key = rsa.key_pem();
  const auto server = make(set).value();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(connect(*server, Client(version)).client, "ok");
  }
}

TEST_F(TlsServerTest, TellsWhoTheClientIs) {
  const TestCertificate bob(
      &clients_, {.common_name = "bob",
                  .names = "DNS:bob.example.com,email:bob@example.com,URI:spiffe://example.com/bob,"
                           "IP:192.0.2.7,IP:2001:db8::7",
                  .serial = 0xabcd,
                  .organizational_units = {"developers", "releasers"}});
  const auto server = make(mutual()).value();
  Client client;
  client.show(bob);
  const Outcome outcome = connect(*server, client);
  ASSERT_TRUE(outcome.server) << to_string(outcome.server.error());
  const PeerCertificate& found = *outcome.server->certificate();
  EXPECT_EQ(found.common_name, "bob");
  EXPECT_THAT(found.organizational_units, ElementsAre("developers", "releasers"));
  EXPECT_THAT(found.organizations, ElementsAre());
  EXPECT_THAT(found.dns_names, ElementsAre("bob.example.com"));
  EXPECT_THAT(found.emails, ElementsAre("bob@example.com"));
  EXPECT_THAT(found.uris, ElementsAre("spiffe://example.com/bob"));
  EXPECT_THAT(found.ip_addresses, ElementsAre("192.0.2.7", "2001:db8::7"));
  EXPECT_EQ(found.serial, "abcd");
  EXPECT_EQ(found.issuer, "CN=clients");
  EXPECT_EQ(found.fingerprint.size(), 64U);
  EXPECT_GT(found.not_after, clock_.now());
}

// What each mode makes of: no certificate, a stranger's, a good one.
struct ModeCase {
  ClientAuth mode;
  bool without, with_stranger;
  bool names_good;  // whether a good certificate becomes an identity
};

class TlsServerModes : public TlsServerTest, public ::testing::WithParamInterface<ModeCase> {};

TEST_P(TlsServerModes, TakesWhomItShould) {
  const ModeCase& expected = GetParam();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto server = make(mutual(), {.client_auth = expected.mode}).value();
    Client nobody(version), eve(version), alice(version);
    eve.show(stranger_);
    alice.show(alice_);
    const Outcome without = connect(*server, nobody);
    EXPECT_EQ(without.server.has_value(), expected.without);
    const Outcome strange = connect(*server, eve);
    EXPECT_EQ(strange.server.has_value(), expected.with_stranger);
    if (strange.server) EXPECT_EQ(strange.server->certificate(), nullptr);
    const Outcome good = connect(*server, alice);
    ASSERT_TRUE(good.server);
    EXPECT_EQ(good.server->certificate() != nullptr, expected.names_good);
    // A resumed session is worth what the first one was.
    const Outcome again = connect(*server, alice);
    ASSERT_TRUE(again.server);
    EXPECT_TRUE(again.resumed);
    EXPECT_EQ(again.server->certificate() != nullptr, expected.names_good);
  }
}

std::string mode_name(const ::testing::TestParamInfo<ModeCase>& info) {
  constexpr std::array<const char*, 4> kNames = {"Request", "RequireAny", "VerifyIfGiven",
                                                 "RequireAndVerify"};
  return kNames.at(static_cast<std::size_t>(info.param.mode));
}

INSTANTIATE_TEST_SUITE_P(All, TlsServerModes,
                         ::testing::Values(ModeCase{ClientAuth::request, true, true, false},
                                           ModeCase{ClientAuth::require_any, false, true, false},
                                           ModeCase{ClientAuth::verify_if_given, true, false, true},
                                           ModeCase{ClientAuth::require_and_verify, false, false,
                                                    true}),
                         mode_name);

TEST_F(TlsServerTest, ClientsAreToldWhatIsWrong) {
  const auto server = make(mutual(clients_.crl({0x99}))).value();
  struct Case {
    CertificateSpec spec;
    const char* told;
  };
  const std::vector<Case> cases = {
      {{.begins = -7200, .ends = -3600}, "sslv3 alert certificate expired"},
      {{.begins = 3600, .ends = 7200}, "sslv3 alert bad certificate"},
      {{.usage = "serverAuth"}, "sslv3 alert unsupported certificate"},
      {{.serial = 0x99}, "sslv3 alert certificate revoked"}};
  for (const Case& each : cases) {
    const TestCertificate wrong(&clients_, each.spec);
    Client client;
    client.show(wrong);
    const Outcome outcome = connect(*server, client);
    ASSERT_FALSE(outcome.server) << each.told;
    EXPECT_EQ(outcome.server.error().code, Code::forbidden);
    EXPECT_EQ(outcome.client, each.told);
  }
  Client eve, nobody, nobody12(TLS1_2_VERSION);
  eve.show(stranger_);
  EXPECT_EQ(connect(*server, eve).client, "tlsv1 alert unknown ca");
  EXPECT_EQ(connect(*server, nobody).client, "tlsv13 alert certificate required");
  const Outcome old = connect(*server, nobody12);
  EXPECT_EQ(old.client, "sslv3 alert handshake failure");
  EXPECT_EQ(old.server.error().message, "the peer showed no certificate");
}

TEST_F(TlsServerTest, AnIntermediateMayBeTheAuthority) {
  const TestCertificate team(&clients_, {.common_name = "team", .usage = "", .authority = true});
  const TestCertificate carol(&team, {.common_name = "carol"});
  TlsMaterial set = mutual();
  set.client_authorities = team.pem();
  const auto server = make(set).value();
  Client client;
  client.show(carol);
  EXPECT_TRUE(connect(*server, client).server);
  Client alice;
  alice.show(alice_);
  EXPECT_FALSE(connect(*server, alice).server);
}

TEST_F(TlsServerTest, AnEncryptedKeyIsNamed) {
  TlsMaterial set = material();
  BIO* bio = BIO_new(BIO_s_mem());
  char password[] = "secret";
  PEM_write_bio_PKCS8PrivateKey(bio, leaf_.key(), EVP_aes_256_cbc(), password, 6, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  set.key.assign(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  EXPECT_THAT(make(set).error().message, HasSubstr("is encrypted"));
}

TEST_F(TlsServerTest, ABundleOfKeyAndChainIsBoth) {
  TlsMaterial set;
  set.key = set.certificate = leaf_.key_pem() + leaf_.pem() + authority_.pem();
  EXPECT_TRUE(make(set));
}

TEST_F(TlsServerTest, OldVersionsAndWeakSuitesAreNotSpoken) {
  const auto server = make(material()).value();
  EXPECT_NE(connect(*server, Client(TLS1_1_VERSION)).client, "ok");
  Client weak(TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(weak.context(), "AES128-SHA:ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256");
  EXPECT_EQ(connect(*server, weak).client, "sslv3 alert handshake failure");
  const auto strict = make(material(), {.tls13_only = true}).value();
  EXPECT_NE(connect(*strict, Client(TLS1_2_VERSION)).client, "ok");
  EXPECT_EQ(connect(*strict, Client(TLS1_3_VERSION)).client, "ok");
}

TEST_F(TlsServerTest, CipherSuitesCanBeChosen) {
  const auto server =
      make(material(), {.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"}}).value();
  Client weak(TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(weak.context(), "ECDHE-ECDSA-AES128-SHA");
  EXPECT_EQ(connect(*server, weak).client, "ok");
  const auto only13 = make(material(), {.cipher_suites = {"TLS_AES_128_GCM_SHA256"}}).value();
  EXPECT_NE(connect(*only13, Client(TLS1_2_VERSION)).client, "ok");
  EXPECT_FALSE(make(material(), {.cipher_suites = {"TLS_RSA_WITH_RC4_128_SHA"}}));
}

TEST_F(TlsServerTest, Http11IsTheProtocol) {
  const auto server = make(material()).value();
  const auto offer = [](std::string protocols) {
    return [protocols](SSL* ssl) {
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
    };
  };
  EXPECT_EQ(connect(*server, Client(), offer("\x02h2\x08http/1.1")).alpn, "http/1.1");
  EXPECT_EQ(connect(*server, Client()).alpn, "");
  EXPECT_EQ(connect(*server, Client(), offer("\x02h2")).client,
            "tlsv1 alert no application protocol");
}

TEST_F(TlsServerTest, TheNameThatIsAskedForDoesNotMatter) {
  const auto server = make(material()).value();
  const auto ask = [](SSL* ssl) { SSL_set_tlsext_host_name(ssl, "elsewhere.example.com"); };
  EXPECT_EQ(connect(*server, Client(), ask).client, "ok");
}

}  // namespace
}  // namespace bunker::net::testing
