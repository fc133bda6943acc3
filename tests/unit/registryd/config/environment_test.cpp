#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/registryd/config/samples.h"

namespace bunker::config {
namespace {

using namespace std::chrono_literals;
using namespace samples;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Environment, OverridesTheFile) {
  const Report report =
      check_text(kImageDefault, {{"REGISTRY_HTTP_ADDR", ":80"},
                                 {"REGISTRY_HTTP_SECRET", "s3cr3t"},
                                 {"REGISTRY_HTTP_HEADERS", "{X-A: [b, c]}"},
                                 {"REGISTRY_LOG_LEVEL", "debug"},
                                 {"REGISTRY_LOG_ACCESSLOG_DISABLED", "true"},
                                 {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/somewhere"},
                                 {"REGISTRY_STORAGE_DELETE_ENABLED", "true"},
                                 {"REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED", "false"},
                                 {"REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL", "1m"},
                                 {"REGISTRY_BUNKER_LIMITS_MAXCONNECTIONS", "7"},
                                 {"HTTP_ADDR", ":81"},
                                 {"REGISTRY", "x"},
                                 {"REGISTRY_CONFIGURATION_PATH", "/x"}});
  ASSERT_TRUE(report.ok()) << text(report);
  EXPECT_TRUE(report.findings.empty()) << text(report);
  EXPECT_EQ(report.config.http.address, ":80");
  EXPECT_EQ(report.config.http.secret, "s3cr3t");
  EXPECT_THAT(report.config.http.headers, ElementsAre(Pair("X-A", ElementsAre("b", "c"))));
  EXPECT_EQ(report.config.log.level, LogLevel::debug);
  EXPECT_TRUE(report.config.log.access_log_disabled);
  EXPECT_EQ(report.config.storage.filesystem->root_directory, "/somewhere");
  EXPECT_TRUE(report.config.storage.delete_enabled);
  EXPECT_FALSE(report.config.storage.upload_purging.enabled);
  EXPECT_EQ(report.config.storage.upload_purging.age, 168h);
  EXPECT_EQ(report.config.health.storage.interval, 1min);
  EXPECT_EQ(report.config.health.storage.threshold, 3);
  EXPECT_EQ(report.config.bunker.limits.max_connections, 7);
}

TEST(Environment, ReplacesWholeSectionsBeforeTheirParts) {
  // Shorter names sort first, so the section is replaced, then completed.
  const Report report =
      check_text(kImageDefault, {{"REGISTRY_STORAGE", "inmemory"},
                                 {"REGISTRY_STORAGE_DELETE_ENABLED", "yes"},
                                 {"REGISTRY_AUTH", "htpasswd"},
                                 {"REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"},
                                 {"REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"}});
  ASSERT_TRUE(report.ok()) << text(report);
  EXPECT_TRUE(report.config.storage.in_memory);
  EXPECT_FALSE(report.config.storage.filesystem);
  EXPECT_EQ(report.config.storage.descriptor_cache, DescriptorCache::none);
  EXPECT_TRUE(report.config.storage.delete_enabled);
  EXPECT_EQ(report.config.auth.htpasswd, (Htpasswd{"Registry Realm", "/auth/htpasswd"}));
}

TEST(Environment, CannotAddASecondDriver) {
  const Report report = check_text(
      kImageDefault, {{"REGISTRY_STORAGE_S3_BUCKET", "b"}, {"REGISTRY_STORAGE_S3_REGION", "r"}});
  const Finding* finding = find(report, Severity::error, "storage");
  ASSERT_NE(finding, nullptr) << text(report);
  EXPECT_THAT(finding->message,
              HasSubstr("filesystem (line 8) and s3 (REGISTRY_STORAGE_S3_BUCKET)"));
  EXPECT_THAT(finding->remedy, HasSubstr("REGISTRY_STORAGE=NAME"));

  const Report replaced = check_text(
      kImageDefault,
      {{"REGISTRY_STORAGE", "filesystem"}, {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/d"}});
  ASSERT_TRUE(replaced.ok()) << text(replaced);
  EXPECT_EQ(replaced.config.storage.filesystem->root_directory, "/d");
}

TEST(Environment, ReachesListsByIndex) {
  const Report report = check_text(std::string(kMinimal) +
                                       "validation: {manifests: {urls: {allow: [a, b]}}}\n"
                                       "health: {file: [{file: /a}]}\n",
                                   {{"REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW_1", "B"},
                                    {"REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW_2", "c"},
                                    {"REGISTRY_VALIDATION_MANIFESTS_URLS_DENY_0", "d"},
                                    {"REGISTRY_HEALTH_FILE_0_THRESHOLD", "2"},
                                    {"REGISTRY_HEALTH_FILE_1_FILE", "/b"},
                                    {"REGISTRY_HEALTH_TCP", "[{addr: 'h:1'}]"},
                                    {"REGISTRY_HEALTH_HTTP_0_URI", "http://h/"},
                                    {"REGISTRY_HEALTH_HTTP_0_HEADERS_ACCEPT_0", "x"},
                                    {"REGISTRY_HEALTH_HTTP_1", "{uri: 'http://i/'}"}});
  ASSERT_TRUE(report.ok()) << text(report);
  EXPECT_THAT(report.config.validation.urls_allow, ElementsAre("a", "B", "c"));
  EXPECT_THAT(report.config.validation.urls_deny, ElementsAre("d"));
  EXPECT_EQ(report.config.health.files, (std::vector<FileHealth>{{"/a", 10s, 2}, {"/b", 10s, 1}}));
  EXPECT_EQ(report.config.health.tcp.at(0).address, "h:1");
  EXPECT_EQ(report.config.health.http.at(0).uri, "http://h/");
  EXPECT_THAT(report.config.health.http.at(0).headers,
              ElementsAre(Pair("accept", ElementsAre("x"))));
  EXPECT_EQ(report.config.health.http.at(1).uri, "http://i/");
}

TEST(Environment, RefusesBadIndexes) {
  const Report gap = check_text(kMinimal, {{"REGISTRY_HEALTH_FILE_2_FILE", "/b"}});
  EXPECT_FALSE(gap.ok());
  EXPECT_THAT(text(gap), HasSubstr("REGISTRY_HEALTH_FILE_2_FILE: error: the list has 0 items"));
  const Report word = check_text(kMinimal, {{"REGISTRY_HEALTH_FILE_X_FILE", "/b"}});
  EXPECT_THAT(text(word), HasSubstr("\"X\" is not an index of a list"));
  EXPECT_FALSE(check_text(kMinimal, {{"REGISTRY_HEALTH_FILE_-1_FILE", "/b"}}).ok());
  EXPECT_FALSE(
      check_text(kMinimal, {{"REGISTRY_HEALTH_FILE_99999999999999999999_FILE", "/b"}}).ok());
}

TEST(Environment, MakesKeysOfMapsInLowerCase) {
  const Report report = check_text(std::string(kMinimal) +
                                       "log: {fields: {service: a}}\n"
                                       "http: {headers: {X-A: [a]}}\n",
                                   {{"REGISTRY_LOG_FIELDS_SERVICE", "b"},
                                    {"REGISTRY_LOG_FIELDS_Environment", "prod"},
                                    {"REGISTRY_HTTP_HEADERS_X-B", "[b]"},
                                    {"REGISTRY_HTTP_HEADERS_X-A_0", "changed"}});
  ASSERT_TRUE(report.ok()) << text(report);
  EXPECT_THAT(report.config.log.fields,
              ElementsAre(Pair("environment", "prod"), Pair("service", "b")));
  EXPECT_THAT(report.config.http.headers,
              ElementsAre(Pair("X-A", ElementsAre("changed")), Pair("x-b", ElementsAre("b"))));
}

TEST(Environment, AddressesRedisDirectly) {
  const Report v3 = check_text(kMinimal, {{"REGISTRY_REDIS_ADDRS_0", "a:1"},
                                          {"REGISTRY_REDIS_ADDRS_1", "b:2"},
                                          {"REGISTRY_REDIS_USERNAME", "bob"},
                                          {"REGISTRY_REDIS_TLS_ROOTCAS_0", "/ca"}});
  EXPECT_THAT(v3.config.redis.addresses, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(v3.config.redis.username, "bob");
  EXPECT_THAT(v3.config.redis.tls_root_cas, ElementsAre("/ca"));
  const Report v2 = check_text(kMinimal, {{"REGISTRY_REDIS_ADDR", "a:1"},
                                          {"REGISTRY_REDIS_POOL_MAXIDLE", "3"},
                                          {"REGISTRY_REDIS_SENTINELMASTERSET", "m"}});
  EXPECT_THAT(v2.config.redis.addresses, ElementsAre("a:1"));
  EXPECT_EQ(v2.config.redis.max_idle, 3);
  EXPECT_EQ(v2.config.redis.master_name, "m");
}

// Distribution names these after its fields, not after the keys.
TEST(Environment, KnowsDistributionsOtherNames) {
  const Report report =
      check_text(kMinimal, {{"REGISTRY_HEALTH_FILECHECKERS_0_FILE", "/a"},
                            {"REGISTRY_HEALTH_HTTPCHECKERS", "[{uri: 'http://h/'}]"},
                            {"REGISTRY_HEALTH_TCPCHECKERS_0_ADDR", "h:1"},
                            {"REGISTRY_LOG_HOOKS_0_DISABLED", "true"},
                            {"REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_ADDR", "a:25"},
                            {"REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY", "/k"},
                            {"REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES", "true"}});
  EXPECT_TRUE(report.findings.empty()) << text(report);
  EXPECT_EQ(report.config.health.files.at(0).file, "/a");
  EXPECT_EQ(report.config.health.http.at(0).uri, "http://h/");
  EXPECT_EQ(report.config.health.tcp.at(0).address, "h:1");
  EXPECT_EQ(report.config.log.hooks.at(0).smtp_address, "a:25");
  EXPECT_EQ(report.config.schema1.signing_key_file, "/k");
  EXPECT_TRUE(report.config.notifications.include_references);
  const Report redis = check_text(kMinimal, {{"REGISTRY_REDIS_OPTIONS_PASSWORD", "p"},
                                             {"REGISTRY_REDIS_OPTIONS_ADDRS_0", "a:1"}});
  EXPECT_EQ(redis.config.redis.password, "p");
  EXPECT_THAT(redis.config.redis.addresses, ElementsAre("a:1"));
}

TEST(Environment, IgnoresWhatKubernetesSets) {
  const Report report = check_text(kMinimal, {{"REGISTRY_PORT", "tcp://10.0.0.1:5000"},
                                              {"REGISTRY_PORT_5000_TCP", "tcp://10.0.0.1:5000"},
                                              {"REGISTRY_PORT_5000_TCP_ADDR", "10.0.0.1"},
                                              {"REGISTRY_PORT_5000_TCP_PROTO", "tcp"},
                                              {"REGISTRY_SERVICE_HOST", "10.0.0.1"},
                                              {"REGISTRY_SERVICE_PORT", "5000"},
                                              {"REGISTRY_SERVICE_PORT_HTTP", "5000"},
                                              {"REGISTRY_REDIS_SERVICE_HOST", "10.0.0.2"},
                                              {"REGISTRY_REDIS_PORT", "tcp://10.0.0.2:6379"},
                                              {"REGISTRY_STORAGE_PORT_80_TCP_PORT", "80"},
                                              {"REGISTRY_AUTH_PORT", "tcp://10.0.0.3:5001"},
                                              {"REGISTRY_UI_PORT", "tcp://10.0.0.4:80"}});
  EXPECT_TRUE(report.ok()) << text(report);
  EXPECT_EQ(count(report, Severity::note), 12u) << text(report);
  EXPECT_EQ(count(report, Severity::warning), 0u) << text(report);
  EXPECT_EQ(report.config, check_text(kMinimal).config);
}

TEST(Environment, WarnsOfUnknownNames) {
  const Report report = check_text(kMinimal, {{"REGISTRY_HTTP_ADR", ":80"},
                                              {"REGISTRY_DUCKS", "quack"},
                                              {"REGISTRY_HTTP_ADDR_EXTRA", "x"},
                                              {"REGISTRY_STORAGE_DUCKS", "x"},
                                              {"REGISTRY_VERSION", "latest"},
                                              {"REGISTRY_", ""},
                                              {"REGISTRY__", "x"},
                                              {"REGISTRY_HTTP_", "x"},
                                              {"REGISTRY_HTTP__ADDR", "x"}});
  EXPECT_TRUE(report.ok()) << text(report);
  EXPECT_EQ(count(report, Severity::warning), 9u) << text(report);
  EXPECT_EQ(report.config, check_text(kMinimal).config);
  EXPECT_THAT(
      text(report),
      HasSubstr("REGISTRY_HTTP_ADR: warning: is ignored: it names no key of the configuration\n"
                "    did you mean REGISTRY_HTTP_ADDR?"));
  EXPECT_THAT(text(report), HasSubstr("REGISTRY_VERSION: warning: is ignored: the version"));
}

TEST(Environment, IgnoresNamesThatAreNotPlainText) {
  const Report report = check_text(kMinimal, {{"REGISTRY_LOG_FIELDS_A\x01", "x"},
                                              {"REGISTRY_LOG_FIELDS_\xff", "x"},
                                              {"REGISTRY_LOG_FIELDS_A B", "x"}});
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(count(report, Severity::warning), 3u);
  EXPECT_THAT(text(report), HasSubstr("REGISTRY_LOG_FIELDS_?: warning"));
  EXPECT_TRUE(report.config.log.fields.empty());
}

TEST(Environment, ReadsValuesAsYaml) {
  EXPECT_EQ(check_text(kMinimal, {{"REGISTRY_HTTP_SECRET", "'quoted'"}}).config.http.secret,
            "quoted");
  EXPECT_EQ(check_text(kMinimal, {{"REGISTRY_HTTP_SECRET", "0123"}}).config.http.secret, "0123");
  EXPECT_EQ(check_text(kMinimal, {{"REGISTRY_HTTP_DRAINTIMEOUT", "90s"}}).config.http.drain_timeout,
            90s);

  const Report broken = check_text(kMinimal, {{"REGISTRY_HTTP_SECRET", "{abc"}});
  EXPECT_FALSE(broken.ok());
  EXPECT_THAT(text(broken), HasSubstr("REGISTRY_HTTP_SECRET: error: "));

  // An empty value takes the default again.
  const Report empty = check_text(std::string(kMinimal) + "http: {addr: ':80', secret: s}\n",
                                  {{"REGISTRY_HTTP_ADDR", ""}, {"REGISTRY_HTTP_SECRET", ""}});
  ASSERT_TRUE(empty.ok()) << text(empty);
  EXPECT_TRUE(empty.findings.empty()) << text(empty);
  EXPECT_EQ(empty.config.http.address, ":5000");
  EXPECT_EQ(empty.config.http.secret, "");
}

TEST(Environment, WarnsWhenYamlEatsPartOfAText) {
  for (const char* value : {"#abc", "abc #def", "~", "null"}) {
    const Report report = check_text(kMinimal, {{"REGISTRY_HTTP_SECRET", value}});
    EXPECT_EQ(count(report, Severity::warning), 1u) << value << "\n" << text(report);
  }
  for (const char* value : {"abc", " abc ", "abc#def", "'#abc'", "a\\b"}) {
    const Report report = check_text(kMinimal, {{"REGISTRY_HTTP_SECRET", value}});
    EXPECT_TRUE(report.findings.empty()) << value << "\n" << text(report);
  }
}

TEST(Environment, NamesItselfInMistakes) {
  const Report report =
      check_text(kMinimal, {{"REGISTRY_HTTP_ADDR", "nonsense"},
                            {"REGISTRY_LOG_LEVEL", "loud"},
                            {"REGISTRY_PROXY_REMOTEURL", "https://registry-1.docker.io"}});
  EXPECT_THAT(text(report), HasSubstr("REGISTRY_HTTP_ADDR: error: http.addr: must be HOST:PORT"));
  EXPECT_THAT(text(report), HasSubstr("REGISTRY_LOG_LEVEL: error: log.level: must be one of"));
  EXPECT_THAT(text(report), HasSubstr("REGISTRY_PROXY_REMOTEURL: error: proxy: "));
  EXPECT_EQ(report.findings.size(), 3u) << text(report);
}

TEST(Environment, DoesNotHideMistakesOfTheFile) {
  const Report report =
      check_text("version: 0.1\nstorage: inmemory\nhttp: 5\n", {{"REGISTRY_HTTP_ADDR", ":80"}});
  EXPECT_NE(find(report, Severity::error, "http"), nullptr) << text(report);
}

}  // namespace
}  // namespace bunker::config
