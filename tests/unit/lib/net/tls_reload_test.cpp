// What a new set of certificates means for sessions and live connections.
#include <gmock/gmock.h>

#include "tests/unit/lib/net/tls_server_fixture.h"

namespace bunker::net::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(TlsServerTest, AnIntermediateOfTheClientIsTakenAndSurvivesResumption) {
  const TestCertificate team(&clients_, {.common_name = "team", .usage = "", .authority = true});
  const TestCertificate carol(&team, {.common_name = "carol"});
  const auto server = make(mutual()).value();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(version);
    client.show(carol);
    client.show_chain(team);
    ASSERT_TRUE(connect(*server, client).server);
    Outcome resumed = connect(*server, client);
    ASSERT_TRUE(resumed.server && resumed.resumed);
    ASSERT_TRUE(server->replace(mutual(clients_.crl({0x99}))));
    EXPECT_TRUE(server->check(*resumed.server));              // the chain came with the ticket
    ASSERT_TRUE(server->replace(mutual(clients_.crl({7}))));  // the intermediate's serial
    EXPECT_FALSE(server->check(*resumed.server));
    ASSERT_TRUE(server->replace(mutual()));
  }
}

TEST_F(TlsServerTest, SessionsAreResumedAcrossANewCertificate) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto server = make(mutual()).value();
    Client client(version);
    client.show(alice_);
    EXPECT_FALSE(connect(*server, client).resumed);
    ASSERT_TRUE(client.has_session());
    EXPECT_TRUE(connect(*server, client).resumed);
    const TestCertificate next(authority_, "DNS:localhost");
    TlsMaterial renewed = mutual();
    renewed.certificate = next.pem();
    renewed.key = next.key_pem();
    ASSERT_TRUE(server->replace(renewed));
    const Outcome outcome = connect(*server, client);
    EXPECT_TRUE(outcome.resumed) << version;
    ASSERT_TRUE(outcome.server);
    EXPECT_EQ(outcome.server->certificate()->common_name, "alice");
  }
}

TEST_F(TlsServerTest, AConnectionThatTheClientEndsCanBeResumed) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto server = make(mutual()).value();
    Client client(version);
    client.show(alice_);
    EXPECT_FALSE(connect(*server, client, {}, true).resumed);
    EXPECT_TRUE(connect(*server, client, {}, true).resumed) << version;
    EXPECT_TRUE(connect(*server, client).resumed) << version;
  }
}

TEST_F(TlsServerTest, ARevokedClientCannotResume) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto server = make(mutual()).value();
    Client client(version);
    client.show(alice_);
    ASSERT_TRUE(connect(*server, client).server);
    client.keep_session();
    ASSERT_TRUE(server->replace(mutual(clients_.crl({0xab}))));
    const Outcome outcome = connect(*server, client);
    ASSERT_FALSE(outcome.server);
    EXPECT_EQ(outcome.server.error().detail, "certificate revoked");
    EXPECT_EQ(outcome.client, "sslv3 alert certificate revoked");
  }
}

TEST_F(TlsServerTest, OthersShakeHandsInFullAfterARevocation) {
  const auto server = make(mutual()).value();
  Client client;
  client.show(alice_);
  ASSERT_TRUE(connect(*server, client).server);
  ASSERT_TRUE(server->replace(mutual(clients_.crl({0x99}))));
  const Outcome outcome = connect(*server, client);
  EXPECT_TRUE(outcome.server);
  EXPECT_FALSE(outcome.resumed);
  EXPECT_TRUE(connect(*server, client).resumed);
}

TEST_F(TlsServerTest, ATicketDoesNotOutliveTheCertificate) {
  const TestCertificate brief(&clients_, {.common_name = "brief", .ends = 2});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto server = make(mutual()).value();
    Client client(version);
    client.show(brief);
    client.keep_session();
    std::atomic<long> hint = -1;
    SSL_CTX_set_app_data(client.context(), &hint);
    SSL_CTX_sess_set_new_cb(client.context(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<std::atomic<long>*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))
          ->store(static_cast<long>(SSL_SESSION_get_ticket_lifetime_hint(session)));
      return 0;
    });
    ASSERT_TRUE(connect(*server, client).server);
    EXPECT_GE(hint, 0);
    EXPECT_LE(hint, 2);
  }
}

TEST_F(TlsServerTest, ASessionEndsWithTheCertificate) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    clock_.ahead = std::chrono::seconds(0);
    const auto server = make(mutual()).value();
    Client client(version);
    client.show(alice_);
    client.keep_session();
    ASSERT_TRUE(connect(*server, client).server);
    clock_.ahead = std::chrono::seconds(3700);
    const Outcome outcome = connect(*server, client);
    ASSERT_FALSE(outcome.server);
    EXPECT_EQ(outcome.server.error().detail, "certificate has expired");
  }
}

TEST_F(TlsServerTest, ASessionMayBeResumedSeveralTimes) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto server = make(mutual()).value();
    Client client(version);
    client.show(alice_);
    ASSERT_TRUE(connect(*server, client).server);
    for (int i = 0; i < 3; ++i) {
      const Outcome outcome = connect(*server, client);
      ASSERT_TRUE(outcome.server && outcome.resumed);
      EXPECT_EQ(outcome.server->certificate()->common_name, "alice");
    }
  }
}

TEST_F(TlsServerTest, LiveConnectionsAreCheckedAgainstTheNewSet) {
  const auto server = make(mutual()).value();
  Client client;
  client.show(alice_);
  Outcome outcome = connect(*server, client);
  ASSERT_TRUE(outcome.server);
  TlsPeer& peer = *outcome.server;
  int changes = 0;
  server->on_trust_change([&] { ++changes; });

  ASSERT_TRUE(server->replace(mutual()));  // nothing of it is new
  EXPECT_EQ(changes, 0);
  EXPECT_TRUE(server->check(peer));
  TlsMaterial both = mutual();
  both.client_authorities += stranger_authority_.pem();
  ASSERT_TRUE(server->replace(both));
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(server->check(peer));
  TlsMaterial other = both;
  other.client_authorities = stranger_authority_.pem();
  ASSERT_TRUE(server->replace(other));
  const auto gone = server->check(peer);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::forbidden);
  ASSERT_TRUE(server->replace(mutual(clients_.crl({0xab}))));
  EXPECT_EQ(server->check(peer).error().detail, "certificate revoked");
  ASSERT_TRUE(server->replace(mutual()));
  EXPECT_TRUE(server->check(peer));
  clock_.ahead = std::chrono::seconds(3700);
  EXPECT_EQ(server->check(peer).error().detail, "certificate has expired");
  EXPECT_THAT(metrics(), HasSubstr("bunker_tls_refused_peers_total 3"));
}

TEST_F(TlsServerTest, AnAuthorityThatIsRenewedWithItsKeyKeepsItsClients) {
  const auto server = make(mutual()).value();
  Client client;
  client.show(alice_);
  Outcome outcome = connect(*server, client);
  ASSERT_TRUE(server->replace(material()));  // client certificates are not asked for any more
  EXPECT_FALSE(server->check(*outcome.server));
}

TEST_F(TlsServerTest, ListsThatAreOutOfDateStillCount) {
  const auto server = make(mutual(clients_.crl({0xab}, -60))).value();
  Client alice, bob;
  alice.show(alice_);
  const TestCertificate other(&clients_, {.common_name = "bob", .serial = 8});
  bob.show(other);
  EXPECT_FALSE(connect(*server, alice).server);
  EXPECT_TRUE(connect(*server, bob).server);
}

TEST_F(TlsServerTest, AListOfAnotherAuthorityIsLeftOut) {
  const auto server = make(mutual(stranger_authority_.crl({0xab}) + clients_.crl({0x99}))).value();
  Client alice;
  alice.show(alice_);
  EXPECT_TRUE(connect(*server, alice).server);
}

TEST_F(TlsServerTest, ABadSetLeavesTheLastOneInUse) {
  const auto server = make(mutual()).value();
  const TestCertificate other(authority_, "DNS:other");
  const TestCertificate old(&authority_, {.begins = -7200, .ends = -1});
  const TestCertificate early(&authority_, {.begins = 600, .ends = 7200});
  const TestCertificate impostor("clients");  // the authority's name with another key
  struct Case {
    const char* says;
    std::function<void(TlsMaterial&)> spoil;
  };
  const std::vector<Case> cases = {
      {"do not belong together", [&](TlsMaterial& set) { set.key = other.key_pem(); }},
      {"holds no certificate", [](TlsMaterial& set) { set.certificate = ""; }},
      {"is malformed",
       [](TlsMaterial& set) { set.certificate.resize(set.certificate.size() / 2); }},
      {"no private key", [](TlsMaterial& set) { set.key.resize(set.key.size() / 2); }},
      {"holds no certificate", [](TlsMaterial& set) { set.client_authorities = "none"; }},
      {"is malformed", [](TlsMaterial& set) { set.revocations = "-----BEGIN X509 CRL-----\nMII"; }},
      {"no revocation list", [](TlsMaterial& set) { set.revocations = "none"; }},
      {"wrong signature", [&](TlsMaterial& set) { set.revocations = impostor.crl({1}); }},
      {"but no client authorities",
       [&](TlsMaterial& set) {
         set.client_authorities = "";
         set.revocations = clients_.crl({1});
       }},
      {"expired on",
       [&](TlsMaterial& set) {
         set.certificate = old.pem();
         set.key = old.key_pem();
       }},
      {"not valid before",
       [&](TlsMaterial& set) {
         set.certificate = early.pem();
         set.key = early.key_pem();
       }},
  };
  for (const Case& each : cases) {
    TlsMaterial set = mutual();
    each.spoil(set);
    const auto replaced = server->replace(set);
    ASSERT_FALSE(replaced) << each.says;
    EXPECT_THAT(replaced.error().message, HasSubstr(each.says));
    EXPECT_FALSE(make(set)) << each.says;
  }
  EXPECT_EQ(server->generation(), 1U);
  Client client;
  client.show(alice_);
  EXPECT_TRUE(connect(*server, client).server);
}

TEST_F(TlsServerTest, MetricsSayWhatHappened) {
  const auto server = make(mutual()).value();
  Client client(TLS1_3_VERSION), nobody;
  client.show(alice_);
  connect(*server, client);
  connect(*server, client);
  connect(*server, nobody);
  ASSERT_TRUE(server->replace(mutual()));
  TlsMaterial bad = mutual();
  bad.key.clear();
  ASSERT_FALSE(server->replace(bad));
  const std::string text = metrics();
  for (const char* line :
       {R"(bunker_tls_handshakes_total{result="success",resumed="false",version="TLSv1.3"} 1)",
        R"(bunker_tls_handshakes_total{result="success",resumed="true",version="TLSv1.3"} 1)",
        R"(bunker_tls_handshakes_total{result="refused",resumed="false",version="none"} 1)",
        R"(bunker_tls_reloads_total{result="success"} 1)",
        R"(bunker_tls_reloads_total{result="failure"} 1)", "bunker_tls_last_reload_successful 0",
        "bunker_tls_loaded_generation 2"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace bunker::net::testing
