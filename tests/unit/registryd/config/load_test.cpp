#include "registryd/config/load.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/registryd/config/samples.h"

namespace bunker::config {
namespace {

using namespace std::chrono_literals;
using namespace samples;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

TEST(Check, LoadsTheImagesDefault) {
  const Report report = check_text(kImageDefault);
  ASSERT_TRUE(report.ok()) << text(report);
  EXPECT_TRUE(report.findings.empty()) << text(report);
  EXPECT_THAT(report.config.log.fields, ElementsAre(Pair("service", "registry")));
  ASSERT_TRUE(report.config.storage.filesystem);
  EXPECT_EQ(report.config.storage.filesystem->root_directory, "/var/lib/registry");
  EXPECT_EQ(report.config.storage.descriptor_cache, DescriptorCache::in_memory);
  EXPECT_EQ(report.config.http.address, ":5000");
  EXPECT_THAT(report.config.http.headers,
              ElementsAre(Pair("X-Content-Type-Options", ElementsAre("nosniff"))));
  EXPECT_TRUE(report.config.health.storage.enabled);
  EXPECT_EQ(report.config.health.storage.interval, 10s);
  EXPECT_EQ(report.config.health.storage.threshold, 3);
}

TEST(Check, HasDistributionsDefaults) {
  const Report report = check_text(kMinimal);
  ASSERT_TRUE(report.ok()) << text(report);
  const Config& config = report.config;
  EXPECT_TRUE(config.storage.in_memory);
  EXPECT_EQ(config.log.level, LogLevel::info);
  EXPECT_EQ(config.log.format, LogFormat::text);
  EXPECT_FALSE(config.log.access_log_disabled);
  EXPECT_EQ(config.http.address, ":5000");
  EXPECT_EQ(config.http.network, Network::tcp);
  EXPECT_FALSE(config.storage.delete_enabled);
  EXPECT_FALSE(config.storage.read_only);
  EXPECT_TRUE(config.storage.upload_purging.enabled);
  EXPECT_EQ(config.storage.upload_purging.age, 168h);
  EXPECT_EQ(config.storage.upload_purging.interval, 24h);
  EXPECT_FALSE(config.auth.htpasswd || config.auth.token);
  EXPECT_EQ(config.catalog_max_entries, 1000);
  EXPECT_EQ(config.tags_max, 1000);
  EXPECT_FALSE(config.validation.disabled);
  EXPECT_EQ(config.validation.index_platforms, IndexPlatforms::all);
  EXPECT_EQ(config.bunker.references, References::required);
  EXPECT_EQ(config.bunker.threads, 0);
}

TEST(Check, ReadsTheWalkThroughWhole) {
  const Report report = check_text(kWalkThrough);
  ASSERT_TRUE(report.config.storage.s3);
  const S3& s3 = *report.config.storage.s3;
  EXPECT_EQ(s3.access_key, "API Key: EXO...");
  EXPECT_EQ(s3.secret_key, "Secret Key");
  EXPECT_EQ(s3.bucket, "my-docker-registry");
  EXPECT_EQ(s3.region, "ch-dk-2");
  EXPECT_EQ(s3.endpoint, "https://sos-ch-dk-2.exo.io");
  EXPECT_TRUE(s3.secure);
  EXPECT_EQ(s3.chunk_bytes, 10u << 20);
  EXPECT_THAT(report.config.redis.addresses, ElementsAre("redis:6379"));
  EXPECT_EQ(report.config.storage.descriptor_cache, DescriptorCache::redis);
  EXPECT_TRUE(report.findings.empty()) << text(report);
}

TEST(Check, ReadsTls) {
  const Report report = check_text(kWithTls);
  EXPECT_EQ(report.config.http.tls.certificate, "/etc/docker/certs/cert.pem");
  EXPECT_EQ(report.config.http.tls.key, "/etc/docker/certs/key.pem");
  EXPECT_THAT(report.config.http.tls.client_cas, ElementsAre("/etc/docker/certs/ca.pem"));
  EXPECT_EQ(report.config.http.tls.client_auth, ClientAuth::require_and_verify);
  EXPECT_EQ(report.config.http.tls.minimum, TlsVersion::tls1_2);
  EXPECT_TRUE(report.findings.empty()) << text(report);
}

TEST(Check, TellsAllMistakesAtOnceEachAtItsPlace) {
  const Report report = check_text(R"(version: 0.1
log:
  level: loud
storage:
  filesystem:
    rootdir: /data
  maintenance:
    uploadpurging:
      age: 168
http:
  adr: :5000
  net: udp
  draintimeout: soon
  headers:
    X-Frame-Options: deny
health:
  file:
    - file: /tmp/down
    - interval: 3s
catalog:
  maxentries: many
)");
  struct Expected {
    const char* key;
    int line, column;
    const char* message;
    const char* remedy;
  };
  for (const Expected& e : {
           Expected{"log.level", 3, 10, "must be one of error, warn, info, debug", "choose"},
           {"storage.filesystem.rootdir", 6, 5, "is not a key", "did you mean rootdirectory?"},
           {"storage.maintenance.uploadpurging.age", 9, 12, "must have a unit", "168h"},
           {"http.adr", 11, 3, "is not a key", "did you mean addr?"},
           {"http.net", 12, 8, "must be one of tcp, unix, not \"udp\"", ""},
           {"http.draintimeout", 13, 17, "must be a duration, not \"soon\"", "10s"},
           {"http.headers.X-Frame-Options", 15, 22, "must be a list", "brackets"},
           {"health.file[1].file", 19, 7, "is missing", ""},
           {"catalog.maxentries", 21, 15, "must be a whole number", ""},
       }) {
    const Finding* finding = find(report, Severity::error, e.key);
    ASSERT_NE(finding, nullptr) << e.key << "\n" << text(report);
    EXPECT_EQ(finding->source, "config.yml");
    EXPECT_EQ(finding->line, e.line) << e.key;
    EXPECT_EQ(finding->column, e.column) << e.key;
    EXPECT_THAT(finding->message, HasSubstr(e.message)) << e.key;
    EXPECT_THAT(finding->remedy, HasSubstr(e.remedy)) << e.key;
  }
  EXPECT_EQ(report.findings.size(), 9u) << text(report);
}

TEST(Check, FindsTheHomeOfAMisplacedKey) {
  const Report report =
      check_more("relativeurls: true\nhttp: {rootdirectory: /x}\nHTTP: {}\nfoo: 1\n");
  EXPECT_EQ(find(report, Severity::error, "relativeurls")->remedy,
            "did you mean http.relativeurls?");
  EXPECT_EQ(find(report, Severity::error, "http.rootdirectory")->remedy,
            "did you mean storage.filesystem.rootdirectory?");
  EXPECT_EQ(find(report, Severity::error, "HTTP")->remedy, "did you mean http?");
  EXPECT_THAT(find(report, Severity::error, "foo")->remedy,
              HasSubstr("the keys here are: version"));
}

TEST(Check, WantsTheVersion) {
  EXPECT_THAT(text(check_text("storage: inmemory\n")), HasSubstr("version: is missing"));
  EXPECT_THAT(text(check_text("version: 0.2\nstorage: inmemory\n")),
              HasSubstr("config.yml:1:10: error: version: must be 0.1"));
  EXPECT_FALSE(check_text("version: [0.1]\nstorage: inmemory\n").ok());
  EXPECT_TRUE(check_text("version: \"0.1\"\nstorage: inmemory\n").ok());
}

TEST(Check, WantsExactlyOneDriver) {
  for (const char* none :
       {"version: 0.1\n", "version: 0.1\nstorage:\n", "version: 0.1\nstorage: {}\n",
        "version: 0.1\nstorage: {delete: {enabled: true}}\n"}) {
    const Report report = check_text(none);
    ASSERT_NE(find(report, Severity::error, "storage"), nullptr) << text(report);
    EXPECT_EQ(report.findings.size(), 1u) << text(report);
  }
  const Report two = check_text("version: 0.1\nstorage:\n  inmemory:\n  filesystem:\n");
  EXPECT_THAT(text(two), HasSubstr("filesystem (line 4) and inmemory (line 3)"));
  const Report unknown = check_text("version: 0.1\nstorage: fliesystem\n");
  EXPECT_THAT(text(unknown), HasSubstr("did you mean filesystem?"));
}

TEST(Check, TakesNamesAloneForStorageAndAuth) {
  const Report report = check_text("version: 0.1\nstorage: filesystem\nauth: none\n");
  ASSERT_TRUE(report.ok()) << text(report);
  EXPECT_EQ(report.config.storage.filesystem, Filesystem{});
  EXPECT_FALSE(check_text("version: 0.1\nstorage: inmemory\nhttp: inmemory\n").ok());
}

TEST(Check, WantsOneWayOfAuthentication) {
  const Report two = check_more("auth:\n  htpasswd: {realm: r, path: /p}\n  none:\n");
  EXPECT_THAT(text(two), HasSubstr("htpasswd (line 4) and none (line 5)"));
  const Report parts = check_more("auth: {htpasswd: {realm: \"\"}}\n");
  EXPECT_NE(find(parts, Severity::error, "auth.htpasswd.realm"), nullptr) << text(parts);
  EXPECT_NE(find(parts, Severity::error, "auth.htpasswd.path"), nullptr) << text(parts);
  const Report good = check_more("auth: {htpasswd: {realm: r, path: /p}}\n");
  ASSERT_TRUE(good.ok()) << text(good);
  EXPECT_EQ(good.config.auth.htpasswd, (Htpasswd{"r", "/p"}));
}

TEST(Check, ReadsValidation) {
  const Report report = check_more(R"(validation:
  manifests:
    urls:
      allow: ['^https?://([^/]+\.)*example\.com/']
      deny: ['^https?://www\.example\.com/']
    indexes:
      platforms: List
      platformlist:
        - {architecture: amd64, os: linux}
)");
  ASSERT_TRUE(report.ok()) << text(report);
  const Validation& validation = report.config.validation;
  EXPECT_THAT(validation.urls_allow, ElementsAre("^https?://([^/]+\\.)*example\\.com/"));
  EXPECT_EQ(validation.index_platforms, IndexPlatforms::list);
  EXPECT_THAT(validation.platforms, ElementsAre(Platform{"amd64", "linux"}));

  EXPECT_TRUE(check_more("validation: {disabled: true}\n").config.validation.disabled);
  EXPECT_FALSE(check_more("validation: {enabled: false}\n").config.validation.disabled);
  EXPECT_FALSE(
      check_more("validation: {enabled: true, disabled: true}\n").config.validation.disabled);
}

TEST(Check, ReadsBunkersOwnKeys) {
  const Report report = check_more(R"(bunker:
  threads: 4
  manifestcache: 16MiB
  validation:
    references: optional
  limits: {maxconnections: 100, maxheaderbytes: 32KiB, idletimeout: 5s, stalltimeout: 7s}
)");
  ASSERT_TRUE(report.ok()) << text(report);
  const Bunker& bunker = report.config.bunker;
  EXPECT_EQ(bunker.threads, 4);
  EXPECT_EQ(bunker.manifest_cache_bytes, 16u << 20);
  EXPECT_EQ(bunker.references, References::optional);
  EXPECT_EQ(bunker.limits.max_connections, 100);
  EXPECT_EQ(bunker.limits.max_header_bytes, 32u << 10);
  EXPECT_EQ(bunker.limits.idle_timeout, 5s);
  EXPECT_EQ(bunker.limits.stall_timeout, 7s);
}

TEST(Check, TakesZeroForTheDefaultWhereDistributionDoes) {
  const Report report = check_more(R"(catalog: {maxentries: -5}
tags: {maxtags: 0}
health:
  storagedriver: {interval: 0, threshold: 0}
  http: [{uri: http://h/, statuscode: 0}]
)");
  ASSERT_TRUE(report.ok()) << text(report);
  EXPECT_EQ(report.config.catalog_max_entries, 1000);
  EXPECT_EQ(report.config.tags_max, 1000);
  EXPECT_EQ(report.config.health.storage.interval, 10s);
  EXPECT_EQ(report.config.health.storage.threshold, 1);
  EXPECT_EQ(report.config.health.http.at(0).status, 200);
  EXPECT_FALSE(check_more("tags: {maxtags: -1}\n").ok());
}

TEST(Check, WarnsOfABareNumberForADuration) {
  const Report report = check_more("health: {storagedriver: {interval: 10}}\n");
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.config.health.storage.interval, 10ns);
  const Finding* warning = find(report, Severity::warning, "health.storagedriver.interval");
  ASSERT_NE(warning, nullptr) << text(report);
  EXPECT_THAT(warning->message, HasSubstr("10 nanoseconds"));
  EXPECT_FALSE(check_more("http: {draintimeout: \"10\"}\n").ok());
}

TEST(Check, WarnsOfOldKeys) {
  const Report report = check_more("loglevel: debug\nvalidation: {enabled: true}\n");
  EXPECT_TRUE(report.ok()) << text(report);
  EXPECT_EQ(report.config.log.level, LogLevel::debug);
  EXPECT_NE(find(report, Severity::warning, "loglevel"), nullptr);
  EXPECT_NE(find(report, Severity::warning, "validation.enabled"), nullptr);
  EXPECT_EQ(check_more("loglevel: debug\nlog: {level: error}\n").config.log.level, LogLevel::error);
}

TEST(Check, TellsTextFromBooleans) {
  EXPECT_TRUE(check_more("http: {relativeurls: yes}\n").config.http.relative_urls);
  EXPECT_THAT(text(check_more("http: {relativeurls: \"true\"}\n")),
              HasSubstr("leave the quotes out"));
  EXPECT_FALSE(check_more("http: {relativeurls: 1}\n").ok());
  EXPECT_EQ(check_more("http: {secret: 0123}\n").config.http.secret, "0123");
  EXPECT_EQ(check_more("http: {secret: yes}\n").config.http.secret, "yes");
  EXPECT_EQ(check_more("http: {secret: ~}\n").config.http.secret, "");
}

TEST(Check, ChecksAddressesTogetherWithTheNetwork) {
  EXPECT_TRUE(check_more("http: {net: unix, addr: /run/registry.sock}\n").ok());
  EXPECT_FALSE(check_more("http: {net: unix, addr: \":5000\"}\n").ok());
  EXPECT_FALSE(check_more("http: {addr: /run/registry.sock}\n").ok());
  EXPECT_FALSE(check_more("http: {addr: \"5000\"}\n").ok());
  EXPECT_EQ(check_more("http: {addr: \"\"}\n").config.http.address, ":5000");
}

TEST(Check, RefusesWhatWouldBreakAResponse) {
  EXPECT_FALSE(check_more("http: {headers: {\"X Y\": [a]}}\n").ok());
  EXPECT_FALSE(check_more("http: {headers: {X-Y: [\"a\\r\\nSet-Cookie: b\"]}}\n").ok());
  EXPECT_FALSE(check_more("log: {fields: {\"a\\x01\": b}}\n").ok());
  EXPECT_FALSE(check_more("http: {prefix: my}\n").ok());
  EXPECT_FALSE(check_more("http: {host: registry.example.com}\n").ok());
  EXPECT_FALSE(check_more("http: {secret: \"a\\0b\"}\n").ok());
}

// Whatever is wrong around them, secrets stay out of what is printed.
TEST(Check, NeverPrintsASecret) {
  const std::string_view secrets = R"(version: 0.1
storage:
  s3: {accesskey: a, secretkey: [hunter2, "hunter2\u0001"], bucket: b, region: r}
redis: {addr: "h:1", password: "hunter2\x01", sentinelpassword: {a: hunter2}}
http: {secret: "hunter2\x01", tls: {certificate: /c}}
proxy: {remoteurl: "https://u:hunter2@h o s t/", password: hunter2}
reporting: {bugsnag: {apikey: hunter2}, newrelic: {licensekey: hunter2}}
notifications: {endpoints: [{name: n, url: "u:hunter2@x", headers: {Authorization: hunter2}}]}
health: {http: [{uri: "ftp://u:hunter2@x", headers: {Authorization: ["hunter2\n\n"], "X Y": [hunter2]}}]}
)";
  const Report report = check_text(secrets);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(text(report), Not(HasSubstr("hunter2")));
  EXPECT_THAT(print(report.config), Not(HasSubstr("hunter2")));

  const Report environment = check_text(kMinimal, {{"REGISTRY_HTTP_SECRET", "{hunter2"},
                                                   {"REGISTRY_REDIS_PASSWORD", "a: [hunter2]"},
                                                   {"REGISTRY_HTTP_SECERT", "hunter2"},
                                                   {"REGISTRY_PROXY_PASSWORD", "@hunter2"}});
  EXPECT_FALSE(environment.ok());
  EXPECT_THAT(text(environment), Not(HasSubstr("hunter2")));
}

TEST(Check, RefusesFilesThatAreNoConfiguration) {
  EXPECT_THAT(text(check_text("")), HasSubstr("config.yml: error: is empty"));
  EXPECT_THAT(text(check_text("just words\n")), HasSubstr("must hold keys, not a single value"));
  EXPECT_THAT(text(check_text("- a\n- b\n")), HasSubstr("must hold keys, not a list"));
}

TEST(Load, ReadsTheFileOrSaysWhyNot) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "bunker_config_load_test";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "config.yml";
  std::ofstream(path) << kImageDefault;
  const Result<Loaded> loaded = load(path, {});
  ASSERT_TRUE(loaded.has_value()) << to_string(loaded.error());
  EXPECT_TRUE(loaded->config.storage.filesystem);

  std::ofstream(path) << "version: 0.1\nstorage: inmemory\nfoo: 1\nbar: 2\n";
  const Result<Loaded> bad = load(path, {});
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Code::invalid);
  EXPECT_THAT(bad.error().message, HasSubstr("has 2 mistakes"));
  EXPECT_THAT(bad.error().detail, HasSubstr(path + ":3:1: error: foo: is not a key"));

  EXPECT_THAT(load(folder / "absent.yml", {}).error().detail, HasSubstr("No such file"));
  EXPECT_THAT(load(folder, {}).error().detail, HasSubstr("cannot be read"));
  std::filesystem::remove_all(folder);
}

TEST(DefaultPath, IsDistributions) {
  EXPECT_EQ(default_path({}), "/etc/docker/registry/config.yml");
  EXPECT_EQ(default_path({{"REGISTRY_CONFIGURATION_PATH", "/x.yml"}}), "/x.yml");
  EXPECT_EQ(default_path({{"REGISTRY_CONFIGURATION_PATH", ""}}), "/etc/docker/registry/config.yml");
}

TEST(MakeEnvironment, SplitsAtTheFirstEqualsSign) {
  const char* const variables[] = {"A=b=c", "EMPTY=", "odd", nullptr};
  EXPECT_THAT(make_environment(variables), ElementsAre(Pair("A", "b=c"), Pair("EMPTY", "")));
}

TEST(Format, PutsErrorsFirstAndHidesControlCharacters) {
  const std::vector<Finding> findings = {
      {Severity::note, "REGISTRY_PORT", 0, 0, "", "is ignored", ""},
      {Severity::error, "c.yml", 3, 5, "a.b", "is wrong", "do right"}};
  EXPECT_EQ(format(findings),
            "c.yml:3:5: error: a.b: is wrong\n    do right\nREGISTRY_PORT: note: is ignored\n");
  EXPECT_THAT(text(check_more("\"a\\e[31mb\": 1\n")), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace bunker::config
