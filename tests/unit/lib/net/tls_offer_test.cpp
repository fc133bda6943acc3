// What a scanner would look for: everything that OpenSSL can speak is tried, and only what is
// strong is answered.
#include <set>

#include <gmock/gmock.h>

#include "tests/unit/lib/net/tls_server_fixture.h"

namespace bunker::net::testing {
namespace {

using ::testing::UnorderedElementsAre;

class TlsOffer : public TlsServerTest {
 protected:
  // The suites of TLS 1.2 with which a client, who offers one at a time, comes in.
  std::set<std::string> suites_of(TlsServer& server) {
    const Client able(TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(able.context(), "ALL:COMPLEMENTOFALL:@SECLEVEL=0");
    const STACK_OF(SSL_CIPHER)* known = SSL_CTX_get_ciphers(able.context());
    std::set<std::string> taken;
    for (int i = 0; i < sk_SSL_CIPHER_num(known); ++i) {
      const std::string name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(known, i));
      if (name.starts_with("TLS_")) continue;  // TLS 1.3's
      const Client client(TLS1_2_VERSION);
      SSL_CTX_set_cipher_list(client.context(), (name + ":@SECLEVEL=0").c_str());
      if (connect(server, client).client == "ok") taken.insert(name);
      ++tried_;
    }
    return taken;
  }

  int tried_ = 0;
};

TEST_F(TlsOffer, OnlyStrongSuitesOfTls12) {
  const auto ecdsa = make(material()).value();
  EXPECT_THAT(suites_of(*ecdsa),
              UnorderedElementsAre("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                   "ECDHE-ECDSA-CHACHA20-POLY1305"));
  EXPECT_GT(tried_, 60);
  const TestCertificate rsa(&authority_,
                            {.names = "DNS:localhost", .usage = "serverAuth", .rsa = true});
  TlsMaterial set;
  set.certificate = rsa.pem();
  set.key = rsa.key_pem();
  EXPECT_THAT(suites_of(*make(set).value()),
              UnorderedElementsAre("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
                                   "ECDHE-RSA-CHACHA20-POLY1305"));
}

TEST_F(TlsOffer, OnlyStrongSuitesOfTls13) {
  const auto server = make(material()).value();
  std::set<std::string> taken;
  for (const char* name :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}) {
    const Client client(TLS1_3_VERSION);
    ASSERT_EQ(SSL_CTX_set_ciphersuites(client.context(), name), 1);
    if (connect(*server, client).client == "ok") taken.insert(name);
  }
  EXPECT_THAT(taken, UnorderedElementsAre("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                          "TLS_CHACHA20_POLY1305_SHA256"));
}

TEST_F(TlsOffer, NoVersionBefore12) {
  const auto server = make(material()).value();
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const Client client(version);
    SSL_CTX_set_cipher_list(client.context(), "ALL:@SECLEVEL=0");
    const Outcome outcome = connect(*server, client);
    EXPECT_EQ(outcome.client, "tlsv1 alert protocol version");
    EXPECT_FALSE(outcome.server);
  }
}

TEST_F(TlsOffer, NoCompressionNorEarlyData) {
  const auto server = make(material()).value();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Client client(version);
    SSL_CTX_clear_options(client.context(), SSL_OP_NO_COMPRESSION);
    struct Seen {
      int compression = -1;
      unsigned early = 1;
    } seen;
    SSL_CTX_set_app_data(client.context(), &seen);
    SSL_CTX_sess_set_new_cb(client.context(), [](SSL* ssl, SSL_SESSION* session) {
      auto* noted = static_cast<Seen*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      noted->compression = static_cast<int>(SSL_SESSION_get_compress_id(session));
      noted->early = SSL_SESSION_get_max_early_data(session);
      return 0;
    });
    ASSERT_EQ(connect(*server, client).client, "ok");
    EXPECT_EQ(seen.compression, 0);
    EXPECT_EQ(seen.early, 0U);
  }
}

TEST_F(TlsOffer, ClientsMayHaveRsaKeys) {
  const TestCertificate rsa(&clients_, {.common_name = "rsa", .rsa = true});
  const auto server = make(mutual()).value();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(version);
    client.show(rsa);
    const Outcome outcome = connect(*server, client);
    ASSERT_TRUE(outcome.server) << to_string(outcome.server.error());
    EXPECT_EQ(outcome.server->certificate()->common_name, "rsa");
  }
}

}  // namespace
}  // namespace bunker::net::testing
