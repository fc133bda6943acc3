// What can be wrong with an authority, a clock or a subscriber while certsidecar runs: each is said
// clearly, and the last good state stays in use.
#include <cstdio>
#include <filesystem>

#include "certsidecar/commands/commands.h"
#include "tests/unit/certsidecar/pod.h"

namespace bunker::certsidecar {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using std::chrono::hours;
using testing::HasSubstr;
using testing::Not;

pki::Authority other_authority(SystemTime now, std::chrono::seconds lifetime = days(100)) {
  AuthoritySettings settings;
  settings.lifetime = lifetime;
  return new_authority(settings, now).value();
}

struct BadFile {
  const char* what;
  const char* file;
  const char* complaint;
  std::function<std::string(const std::string& good, SystemTime now)> make;
};

std::string encrypted(const std::string& key) {
  TempFolder folder;
  folder.write("key", key);
  const std::string command = "openssl pkey -in " + (folder / "key") + " -aes256 -passout " +
                              "pass:secret -out " + (folder / "out");
  EXPECT_EQ(std::system(command.c_str()), 0);
  return std::string(read_file(folder / "out").value().view());
}

const std::vector<BadFile>& bad_files() {
  static const std::vector<BadFile> kAll = {
      {"empty", "ca.crt", "ca.crt", [](const auto&, SystemTime) { return ""; }},
      {"truncated", "ca.crt", "cut off",
       [](const std::string& good, SystemTime) { return good.substr(0, good.size() / 2); }},
      {"no CA", "ca.crt", "is not an authority's",
       [](const auto&, SystemTime now) {
         pki::LeafRequest request;
         request.subject.common_name = "leaf";
         request.for_clients = true;
         const pki::AuthoritySet set(other_authority(now));
         const auto leaf = issue_leaf(set, request, pki::KeyAlgorithm::ecdsa_p256, now);
         return pki::to_pem(leaf.value().certificate);
       }},
      {"another CA's", "ca.crt", "does not belong to",
       [](const auto&, SystemTime now) { return pki::to_pem(other_authority(now).certificate()); }},
      {"truncated key", "ca.key", "no readable private key",
       [](const std::string& good, SystemTime) { return good.substr(0, good.size() / 2); }},
      {"encrypted key", "ca.key", "is encrypted, and no password is given",
       [](const std::string& good, SystemTime) { return encrypted(good); }},
      {"truncated list", "ca.crl", "ca.crl",
       [](const std::string& good, SystemTime) { return good.substr(0, good.size() / 2); }},
      {"no JSON", "state.json", "state.json", [](const auto&, SystemTime) { return "{"; }},
  };
  return kAll;
}

class BadInput : public PodTest {
 protected:
  void put(const std::string& file, const std::string& text) {
    std::ofstream(ca_ + "/..data/" + file, std::ios::trunc) << text;
  }
  std::string get(const std::string& file) {
    return std::string(read_file(ca_ + '/' + file).value().view());
  }
};

TEST_F(BadInput, FilesOfAnAuthorityLeaveTheLastGoodOneInUse) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  const pki::Certificate leaf = pod.leaf();
  const std::string bundle = pod.folder().trust.bundle;
  const std::string secret = get("ca.key").substr(60, 20);
  for (const BadFile& bad : bad_files()) {
    SCOPED_TRACE(bad.what);
    const std::string good = get(bad.file);
    put(bad.file, bad.make(good, clock_.now()));
    clock_.advance(std::chrono::minutes(10));  // beyond any pause after a failure
    pod.step();
    EXPECT_TRUE(pod.ready());
    EXPECT_EQ(pod.leaf(), leaf);
    EXPECT_EQ(pod.folder().trust.bundle, bundle);
    EXPECT_TRUE(pod.says(bad.complaint));
    EXPECT_THAT(pod.log(), Not(HasSubstr(secret)));
    put(bad.file, good);
    clock_.advance(std::chrono::minutes(10));
    pod.step();
    EXPECT_THAT(pod.metrics(), HasSubstr("authority=\"ca\",state=\"steady\"} 1"));
  }
}

// It is well-formed, so its bundle is handed out; nothing can be issued by it.
TEST_F(BadInput, AnAuthorityThatIsNotValidNowSignsNothing) {
  for (const auto& [made, complaint] :
       {std::pair{clock_.now() - days(200), "rotate it"}, {clock_.now() + days(200), "clock"}}) {
    Config config = config_of("a");
    config.authorities[0].rotate = false;
    config.authorities[0].create = false;
    const pki::AuthoritySet set(other_authority(made));
    fs::remove_all(ca_);
    ASSERT_TRUE(make_folder_store(ca_, clock_)->write(pki::to_files(set), "").has_value());
    Pod pod(std::move(config), clock_);
    pod.step();
    EXPECT_FALSE(pod.ready());
    EXPECT_TRUE(pod.says("and it is"));
    EXPECT_TRUE(pod.says(complaint));
    EXPECT_THAT(pod.metrics(), HasSubstr("bunker_certificate_renewal_failures_total"));
  }
}

TEST_F(BadInput, KeysThatOthersCanReadAreWarnedOfOnce) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  fs::permissions(ca_ + "/ca.key", fs::perms(0644));
  for (int i = 0; i < 3; ++i) pod.step();
  const std::string warning = "everybody on this machine can read " + ca_ + "/ca.key";
  ASSERT_TRUE(pod.says(warning));
  put("ca.crt", "");  // one more line, after which there would be another warning
  pod.step();
  ASSERT_TRUE(pod.says("there is no ca.crt"));
  const std::string said = pod.log();
  EXPECT_EQ(said.find(warning, said.find(warning) + 1), std::string::npos);
  EXPECT_TRUE(pod.ready());
}

TEST_F(BadInput, AClockThatIsAYearLateForAWhileChangesNothing) {
  Pod pod(config_of("a"), clock_);
  pod.step();
  const auto generation = set().generation;
  clock_.advance(-days(365));
  pod.step();
  EXPECT_TRUE(pod.ready());
  EXPECT_TRUE(pod.says("or set the clock"));
  clock_.advance(days(365) + hours(1));
  pod.step();
  EXPECT_TRUE(pod.ready());
  EXPECT_TRUE(accepts(pod.folder(0), pod.leaf(1), clock_.now()).has_value());
  EXPECT_EQ(set().generation, generation);
}

// A CA that was prepared while the clock was a year early is no use to anybody afterwards.
TEST_F(BadInput, ARotationThatBeganInTheFutureBeginsAgain) {
  Config config = config_of("a");
  config.authorities[0].settings.lifetime = days(400);
  Pod pod(std::move(config), clock_);
  pod.step();
  const pki::Certificate first = set().current.certificate();
  clock_.advance(days(365));
  pod.step();
  ASSERT_TRUE(set().next.has_value());
  clock_.advance(-days(365));
  pod.step();
  ASSERT_TRUE(set().next.has_value());
  EXPECT_LE(set().next->authority.certificate().not_before, clock_.now());
  EXPECT_EQ(set().current.certificate(), first);
  EXPECT_TRUE(accepts(pod.folder(0), pod.leaf(1), clock_.now()).has_value());
  for (int day = 0; day < 9; ++day) {
    clock_.advance(days(1));
    pod.step();
    EXPECT_TRUE(accepts(pod.folder(0), pod.leaf(1), clock_.now()).has_value());
  }
  EXPECT_NE(set().current.certificate(), first);
}

// A subscriber that takes nothing: never an answer, or always a refusal.
class Deaf final : public Delivery {
 public:
  void publish(std::vector<Delivered> all) override { published = std::move(all); }
  [[nodiscard]] bool settled() const override { return listens; }

  std::vector<Delivered> published;
  bool listens = false;
};

TEST_F(BadInput, ASubscriberThatNeverAnswersHoldsUpRotationAndNothingElse) {
  Deaf deaf;
  Config config = config_of("a");
  config.authorities[0].policy.distribution = std::chrono::seconds(0);
  Pod pod(config, clock_, &deaf);
  Pod other(config_of("b"), clock_);
  pod.step();
  other.step();
  std::ostringstream out;
  deaf.listens = true;
  pod.step();  // it took the first ones
  deaf.listens = false;
  ASSERT_TRUE(ca_prepare({.folder = ca_}, Console{out, clock_}).has_value());
  for (int i = 0; i < 5; ++i) {
    clock_.advance(std::chrono::minutes(1));
    pod.step();
    other.step();
  }
  EXPECT_TRUE(set().next.has_value()) << "the next CA signs, and a peer may not know it";
  EXPECT_TRUE(pod.ready());
  ASSERT_TRUE(revoke({ca_, {}, {other.leaf(1).serial}}, Console{out, clock_}).has_value());
  pod.step();
  const auto& trust = std::get<DeliveredTrust>(deaf.published.back().content);
  EXPECT_TRUE(pki::parse_crls(trust.crl).value()[0].revokes(other.leaf(1).serial));
  deaf.listens = true;
  for (int i = 0; i < 3; ++i) {
    pod.step();
    other.step();
  }
  EXPECT_FALSE(set().next.has_value());
}

}  // namespace
}  // namespace bunker::certsidecar
