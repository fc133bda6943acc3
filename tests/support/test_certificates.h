// Throw-away keys and certificates for tests of TLS: an authority, and servers' certificates that
// it signed. Not for anything that is real. Single-threaded.
#pragma once

#include <memory>
#include <string>

#include <openssl/types.h>

namespace bunker::test {

// A key and its certificate. `names` as in openssl.cnf: "DNS:localhost,IP:127.0.0.1".
class TestCertificate {
 public:
  // An authority.
  explicit TestCertificate(const std::string& common_name);
  // A server's, signed by `issuer`.
  TestCertificate(const TestCertificate& issuer, const std::string& names);
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  [[nodiscard]] std::string pem() const;  // the certificate
  [[nodiscard]] X509* certificate() const { return certificate_; }
  [[nodiscard]] EVP_PKEY* key() const { return key_; }

  // An SSL object in accept state that shows this certificate.
  [[nodiscard]] SSL* accept() const;

 private:
  void build(const std::string& common_name, const std::string& names,
             const TestCertificate* issuer);
  EVP_PKEY* key_;
  X509* certificate_;
};

}  // namespace bunker::test
