// Each thing of distribution's that this version lacks is refused by its name, and accepted where
// it is switched off; each key without effect is accepted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/registryd/config/samples.h"

namespace bunker::config {
namespace {

using namespace samples;

struct Refusal {
  const char* key;
  const char* yaml;
};

TEST(Refusals, NameTheKey) {
  for (const Refusal& refusal : {
           Refusal{"storage.azure", "storage: {azure: {accountname: a}}"},
           {"storage.azure", "storage: azure"},
           {"storage.gcs", "storage: {gcs: {bucket: a}}"},
           {"storage.swift", "storage: {swift: {authurl: a}}"},
           {"storage.oss", "storage: {oss: {bucket: a}}"},
       }) {
    const Report report = check_text("version: 0.1\n" + std::string(refusal.yaml) + "\n");
    EXPECT_NE(find(report, Severity::error, refusal.key), nullptr) << text(report);
    EXPECT_EQ(count(report, Severity::error), 1u) << text(report);
  }
  for (const Refusal& refusal : {
           Refusal{"auth.silly", "auth: {silly: {realm: r, service: s}}"},
           {"auth.silly", "auth: silly"},
           {"proxy", "proxy: {remoteurl: 'https://registry-1.docker.io'}"},
           {"notifications.endpoints",
            "notifications: {endpoints: [{name: a, url: 'https://h/', timeout: 1s}]}"},
           {"middleware.storage",
            "middleware: {storage: [{name: cloudfront, options: {a: {b: c}}}]}"},
           {"middleware.registry", "middleware: {registry: [{name: x}]}"},
           {"middleware.repository", "middleware: {repository: [{name: x}]}"},
           {"http.tls.letsencrypt", "http: {tls: {letsencrypt: {cachefile: /c, email: a@b}}}"},
           {"compatibility.schema1.enabled", "compatibility: {schema1: {enabled: true}}"},
           {"policy.repository.classes", "policy: {repository: {classes: [image]}}"},
           {"reporting.bugsnag", "reporting: {bugsnag: {apikey: k}}"},
           {"reporting.newrelic", "reporting: {newrelic: {licensekey: k}}"},
           {"log.hooks", "log: {hooks: [{type: mail, levels: [panic]}]}"},
       }) {
    const Report report = check_more(std::string(refusal.yaml) + "\n");
    const Finding* finding = find(report, Severity::error, refusal.key);
    ASSERT_NE(finding, nullptr) << refusal.key << "\n" << text(report);
    EXPECT_FALSE(finding->message.empty());
    EXPECT_FALSE(finding->remedy.empty()) << refusal.key;
    EXPECT_GT(finding->line, 0) << refusal.key;
  }
}

TEST(Refusals, AreNotForWhatIsSwitchedOff) {
  for (const char* yaml : {
           "proxy: {remoteurl: ''}",
           "proxy:",
           "notifications: {events: {includereferences: true}, endpoints: []}",
           "notifications: {endpoints: [{name: a, disabled: true, url: 'http://h/', timeout: 1s}]}",
           "middleware: {storage: [{name: cloudfront, disabled: true, options: {a: b}}]}",
           "middleware: {storage: []}",
           "http: {tls: {certificate: '', key: '', clientcas: [], minimumtls: tls1.2}}",
           "http: {tls: }",
           "redis: {}",
           "compatibility: {schema1: {enabled: false, signingkeyfile: /k}}",
           "policy: {repository: {classes: []}}",
           "reporting: {bugsnag: {apikey: ''}}",
           "log: {hooks: [{type: mail, disabled: true, options: {smtp: {addr: 'a:25'}, to: [b]}}]}",
           "auth: none",
           "auth: {none: }",
       }) {
    const Report report = check_more(std::string(yaml) + "\n");
    EXPECT_TRUE(report.ok()) << yaml << "\n" << text(report);
  }
}

TEST(NoEffect, IsAccepted) {
  for (const char* yaml : {
           "http: {http2: {disabled: true}}",
           "http: {h2c: {enabled: true}}",
           "log: {reportcaller: true}",
       }) {
    const Report report = check_more(std::string(yaml) + "\n");
    EXPECT_TRUE(report.ok()) << yaml << "\n" << text(report);
  }
  const Report report = check_text(R"(version: 0.1
storage:
  filesystem: {rootdirectory: /d, maxthreads: 50}
  redirect: {disable: true}
  cache: {layerinfo: inmemory, blobdescriptorsize: 5}
  tag: {concurrencylimit: 8}
)");
  EXPECT_TRUE(report.findings.empty()) << text(report);
  EXPECT_EQ(report.config.storage.descriptor_cache, DescriptorCache::in_memory);
}

// What is refused as a whole is read and checked key by key all the same.
TEST(Refusals, DoNotHideMistakesBelowThem) {
  const Report s3 = check_text(R"(version: 0.1
storage:
  s3:
    buckt: b
    chunksize: 1MiB
    storageclass: COLD
    objectacl: secret
    encrypt: maybe
    keyid: k
    v4auth: false
    accesskey: a
)");
  for (const char* key : {"storage.s3.buckt", "storage.s3.bucket", "storage.s3.chunksize",
                          "storage.s3.storageclass", "storage.s3.objectacl", "storage.s3.encrypt",
                          "storage.s3.v4auth", "storage.s3.region", "storage.s3.secretkey"}) {
    EXPECT_NE(find(s3, Severity::error, key), nullptr) << key << "\n" << text(s3);
  }
  EXPECT_NE(find(s3, Severity::warning, "storage.s3.keyid"), nullptr) << text(s3);

  const Report tls = check_more(R"(http:
  tls:
    key: /k
    clientcas: [/ca]
    clientauth: verify-client-cert-if-givne
    minimumtls: tls1.1
    ciphersuites: [TLS_RSA_WITH_RC4_128_SHA, TLS_AES_128_GCM_SHA265]
)");
  for (const char* key : {"http.tls.certificate", "http.tls.clientauth", "http.tls.minimumtls",
                          "http.tls.ciphersuites[0]", "http.tls.ciphersuites[1]"}) {
    EXPECT_NE(find(tls, Severity::error, key), nullptr) << key << "\n" << text(tls);
  }
  EXPECT_EQ(find(tls, Severity::error, "http.tls.ciphersuites[1]")->remedy,
            "did you mean TLS_AES_128_GCM_SHA256?");
  // Client CAs without a certificate: distribution serves everybody in the clear.
  EXPECT_NE(
      find(check_more("http: {tls: {clientcas: [/ca]}}\n"), Severity::error, "http.tls.clientcas"),
      nullptr);

  EXPECT_NE(find(check_more("http: {tls: {certificate: /c, key: /k}}\nbunker: {tls: {crl: /r}}\n"),
                 Severity::error, "bunker.tls.crl"),
            nullptr);

  const Report sds = check_more(R"(http:
  tls: {certificate: /c, key: /k, clientcas: [/ca], clientauth: request-client-cert}
bunker:
  tls: {crl: /r, sds: {socket: run/sds.sock, certificate: server, timeout: 0s}}
)");
  for (const char* key : {"http.tls.certificate", "http.tls.key", "http.tls.clientcas",
                          "bunker.tls.crl", "bunker.tls.sds.socket", "bunker.tls.sds.timeout"}) {
    EXPECT_NE(find(sds, Severity::error, key), nullptr) << key << "\n" << text(sds);
  }
  EXPECT_NE(find(sds, Severity::warning, "http.tls.clientauth"), nullptr) << text(sds);
  EXPECT_NE(find(check_more("bunker: {tls: {sds: {socket: /s}}}\n"), Severity::error,
                 "bunker.tls.sds.certificate"),
            nullptr);

  const Report token = check_more("auth: {token: {realm: r, signingalgorithms: [RS265]}}\n");
  for (const char* key : {"auth.token", "auth.token.service", "auth.token.issuer",
                          "auth.token.signingalgorithms[0]"}) {
    EXPECT_NE(find(token, Severity::error, key), nullptr) << key << "\n" << text(token);
  }
}

TEST(Redis, IsReadInEachOfItsForms) {
  using testing::ElementsAre;
  using namespace std::chrono_literals;
  const Redis v2 = check_more(R"(redis:
  addr: localhost:6379
  password: asecret
  db: 2
  dialtimeout: 10ms
  pool: {maxidle: 16, maxactive: 64, idletimeout: 300s}
  tls: {enabled: true}
)")
                       .config.redis;
  EXPECT_THAT(v2.addresses, ElementsAre("localhost:6379"));
  EXPECT_EQ(v2.password, "asecret");
  EXPECT_EQ(v2.database, 2);
  EXPECT_EQ(v2.dial_timeout, 10ms);
  EXPECT_EQ(v2.max_idle, 16);
  EXPECT_EQ(v2.pool_size, 64);
  EXPECT_EQ(v2.max_idle_time, 300s);
  EXPECT_TRUE(v2.tls_enabled);

  const Redis harbor = check_more(R"(redis:
  addr: a:26379,b:26379
  sentinelMasterSet: mymaster
  username: u
  enableTLS: true
)")
                           .config.redis;
  EXPECT_THAT(harbor.addresses, ElementsAre("a:26379", "b:26379"));
  EXPECT_EQ(harbor.master_name, "mymaster");
  EXPECT_TRUE(harbor.tls_enabled);

  const Redis v3 = check_more(R"(redis:
  addrs: ['a:1', 'b:2']
  mastername: m
  readtimeout: -1
  maxidleconns: 16
  poolsize: 64
  tls: {rootcas: [/ca.pem]}
)")
                       .config.redis;
  EXPECT_THAT(v3.addresses, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(v3.master_name, "m");
  EXPECT_EQ(v3.read_timeout, -1ns);
  EXPECT_EQ(v3.pool_size, 64);
  EXPECT_TRUE(v3.tls_enabled);

  EXPECT_NE(
      find(check_more("redis: {addr: 'a:1', addrs: ['b:2']}\n"), Severity::error, "redis.addr"),
      nullptr);
  EXPECT_NE(find(check_more("redis: {addr: 'a:1,,b:2'}\n"), Severity::error, "redis.addr"),
            nullptr);
  EXPECT_NE(find(check_more("redis: {tls: {key: /k}}\n"), Severity::error, "redis.tls.certificate"),
            nullptr);
}

}  // namespace
}  // namespace bunker::config
