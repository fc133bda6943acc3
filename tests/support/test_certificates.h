// Throw-away keys and certificates for tests of TLS: an authority, and servers' certificates that
// it signed. Not for anything that is real. Single-threaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/types.h>

namespace bunker::test {

struct CertificateSpec {
  std::string common_name = "somebody";
  std::string names = {};            // alternative ones, as in openssl.cnf
  std::string usage = "clientAuth";  // extended key usage; empty: none
  long serial = 7;
  long begins = -3600, ends = 3600;  // seconds from now
  bool rsa = false;
  bool authority = false;
  std::vector<std::string> organizational_units = {};
};

// A key and its certificate. `names` as in openssl.cnf: "DNS:localhost,IP:127.0.0.1".
class TestCertificate {
 public:
  // An authority.
  explicit TestCertificate(const std::string& common_name);
  // A server's, signed by `issuer`.
  TestCertificate(const TestCertificate& issuer, const std::string& names);
  // Any other, signed by `issuer`, or by itself where that is null.
  TestCertificate(const TestCertificate* issuer, const CertificateSpec& spec);
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  [[nodiscard]] std::string pem() const;      // the certificate
  [[nodiscard]] std::string key_pem() const;  // PKCS#8
  // A list of this authority that revokes the serials, PEM; out of date `ends` seconds from now.
  [[nodiscard]] std::string crl(const std::vector<long>& serials, long ends = 3600) const;
  [[nodiscard]] X509* certificate() const { return certificate_; }
  [[nodiscard]] EVP_PKEY* key() const { return key_; }

  // An SSL object in accept state that shows this certificate.
  [[nodiscard]] SSL* accept() const;

 private:
  void build(const CertificateSpec& spec, const TestCertificate* issuer);
  EVP_PKEY* key_;
  X509* certificate_;
};

}  // namespace bunker::test
