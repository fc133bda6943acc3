// The openssl program as an independent judge of what lib/pki makes.
#include <array>
#include <cstdio>
#include <fstream>

#include "lib/pki/bundle.h"
#include "lib/pki/crl.h"
#include "lib/pki/verify.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/lib/pki/pki_fixture.h"

namespace bunker::pki {
namespace {

using testing::HasSubstr;

class OpensslOracle : public testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) { folder_.write(name, text); }

  // What `openssl ARGUMENTS` says, run in the folder.
  std::string openssl(const std::string& arguments) {
    const std::string command = "cd " + folder_.path() + " && openssl " + arguments + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    std::array<char, 4096> buffer{};
    while (const std::size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
      out.append(buffer.data(), size);
    }
    pclose(pipe);
    return out;
  }

  TempFolder folder_;
};

TEST_F(OpensslOracle, VerifiesServersAndClientsOfEveryKey) {
  const SystemTime now = std::chrono::system_clock::now();
  for (const auto algorithm : {KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ecdsa_p384,
                               KeyAlgorithm::rsa_2048, KeyAlgorithm::ed25519}) {
    AuthorityRequest request;
    request.common_name = "Oracle CA";
    const Authority ca = make_authority(new_key(algorithm), request, now).value();
    const PrivateKey key = new_key(algorithm);
    LeafRequest wanted = server_request();
    wanted.names.ips = {"192.0.2.1"};
    const Certificate server = issue(ca, key.public_key(), wanted, now).value();
    const Certificate client = issue(ca, key.public_key(), client_request(), now).value();
    const Crl crl =
        make_crl(ca, {{{client.serial, now}}, 1, now, now + std::chrono::days(1)}).value();
    write("ca.crt", to_pem(ca.certificate()));
    write("server.crt", to_pem(server));
    write("client.crt", to_pem(client));
    write("key.pem", key.to_pem().view());
    write("ca.crl", to_pem(std::vector{crl}));
    const std::string verify_with = "verify -x509_strict -CAfile ca.crt ";
    EXPECT_EQ(openssl(verify_with + "-purpose sslserver -verify_hostname registry.example.com "
                                    "-verify_ip 192.0.2.1 server.crt"),
              "server.crt: OK\n");
    EXPECT_EQ(openssl(verify_with + "-purpose sslclient client.crt"), "client.crt: OK\n");
    EXPECT_THAT(openssl(verify_with + "-purpose sslserver client.crt"), HasSubstr("purpose"));
    EXPECT_THAT(openssl(verify_with + "-crl_check -CRLfile ca.crl client.crt"),
                HasSubstr("certificate revoked"));
    EXPECT_EQ(openssl(verify_with + "-crl_check -CRLfile ca.crl server.crt"), "server.crt: OK\n");
    EXPECT_THAT(openssl("pkey -in key.pem -check -noout"), HasSubstr("Key is valid"));
  }
}

// What users of the openssl program have today: their CA, in the forms that it writes.
TEST_F(OpensslOracle, ReadsAnAuthorityThatOpensslMade) {
  openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=theirs");
  openssl("rsa -traditional -in ca.key -out old.key");
  openssl("rsa -aes128 -passout pass:secret -in ca.key -out locked.key");
  openssl("ecparam -genkey -name prime256v1 -out ec.key");
  openssl("ecparam -genkey -name secp256k1 -out odd.key");
  openssl("genrsa -out weak.key 1024");
  const auto read = [&](const std::string& name) {
    std::ifstream file(folder_ / name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  for (const auto* name : {"ca.key", "old.key"}) {
    const auto ca = Authority::from_pem(read("ca.crt"), read(name));
    ASSERT_TRUE(ca.has_value()) << name << ": " << to_string(ca.error());
    EXPECT_EQ(ca->certificate().subject.common_name, "theirs");
  }
  EXPECT_TRUE(PrivateKey::from_pem(read("ec.key")).has_value());
  EXPECT_TRUE(PrivateKey::from_pem(read("locked.key"), "secret").has_value());
  EXPECT_THAT(PrivateKey::from_pem(read("locked.key")).error().message,
              HasSubstr("encrypted, and no password"));
  EXPECT_THAT(PrivateKey::from_pem(read("locked.key"), "wrong").error().message,
              HasSubstr("password is wrong"));
  EXPECT_THAT(PrivateKey::from_pem(read("odd.key")).error().message, HasSubstr("secp256k1"));
  EXPECT_THAT(PrivateKey::from_pem(read("weak.key")).error().message, HasSubstr("1024 bits"));
}

}  // namespace
}  // namespace bunker::pki
