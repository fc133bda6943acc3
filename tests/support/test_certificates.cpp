#include "tests/support/test_certificates.h"

#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace bunker::test {
namespace {

void require(bool condition) {
  if (!condition) throw std::runtime_error("OpenSSL cannot make a test certificate");
}

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void add_name(X509_NAME* name, const char* kind, const std::string& value) {
  require(X509_NAME_add_entry_by_txt(name, kind, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1,
                                     0) == 1);
}

std::string take_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

}  // namespace

TestCertificate::TestCertificate(const std::string& common_name)
    : TestCertificate(nullptr,
                      {.common_name = common_name, .usage = "", .serial = 1, .authority = true}) {}

TestCertificate::TestCertificate(const TestCertificate& issuer, const std::string& names)
    : TestCertificate(&issuer,
                      {.common_name = "server", .names = names, .usage = "", .serial = 2}) {}

TestCertificate::TestCertificate(const TestCertificate* issuer, const CertificateSpec& spec)
    : key_(spec.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")), certificate_(X509_new()) {
  build(spec, issuer);
}

TestCertificate::~TestCertificate() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

void TestCertificate::build(const CertificateSpec& spec, const TestCertificate* issuer) {
  require(key_ != nullptr && certificate_ != nullptr);
  X509_set_version(certificate_, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate_), spec.serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate_), spec.begins);
  X509_gmtime_adj(X509_getm_notAfter(certificate_), spec.ends);
  X509_set_pubkey(certificate_, key_);
  X509_NAME* subject = X509_get_subject_name(certificate_);
  for (const std::string& unit : spec.organizational_units) add_name(subject, "OU", unit);
  add_name(subject, "CN", spec.common_name);
  X509* signer = issuer != nullptr ? issuer->certificate_ : certificate_;
  X509_set_issuer_name(certificate_, X509_get_subject_name(signer));
  add_extension(certificate_, signer, NID_basic_constraints,
                spec.authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!spec.names.empty()) {
    add_extension(certificate_, signer, NID_subject_alt_name, spec.names);
  }
  if (!spec.usage.empty()) add_extension(certificate_, signer, NID_ext_key_usage, spec.usage);
  require(X509_sign(certificate_, issuer != nullptr ? issuer->key_ : key_, EVP_sha256()) > 0);
}

std::string TestCertificate::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  require(bio != nullptr && PEM_write_bio_X509(bio, certificate_) == 1);
  return take_text(bio);
}

std::string TestCertificate::key_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  require(bio != nullptr &&
          PEM_write_bio_PKCS8PrivateKey(bio, key_, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return take_text(bio);
}

std::string TestCertificate::crl(const std::vector<long>& serials, long ends) const {
  X509_CRL* list = X509_CRL_new();
  require(list != nullptr && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate_));
  ASN1_TIME* time = X509_gmtime_adj(nullptr, -3600);
  X509_CRL_set1_lastUpdate(list, time);
  for (const long serial : serials) {
    X509_REVOKED* entry = X509_REVOKED_new();
    ASN1_INTEGER* number = ASN1_INTEGER_new();
    require(entry != nullptr && number != nullptr && ASN1_INTEGER_set(number, serial) == 1);
    X509_REVOKED_set_serialNumber(entry, number);
    X509_REVOKED_set_revocationDate(entry, time);
    ASN1_INTEGER_free(number);
    require(X509_CRL_add0_revoked(list, entry) == 1);
  }
  X509_gmtime_adj(time, ends);
  X509_CRL_set1_nextUpdate(list, time);
  ASN1_TIME_free(time);
  require(X509_CRL_sign(list, key_, EVP_sha256()) > 0);
  BIO* bio = BIO_new(BIO_s_mem());
  require(bio != nullptr && PEM_write_bio_X509_CRL(bio, list) == 1);
  X509_CRL_free(list);
  return take_text(bio);
}

SSL* TestCertificate::accept() const {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  require(context != nullptr && SSL_CTX_use_certificate(context, certificate_) == 1 &&
          SSL_CTX_use_PrivateKey(context, key_) == 1);
  SSL* ssl = SSL_new(context);
  SSL_CTX_free(context);  // the SSL object keeps it
  require(ssl != nullptr);
  SSL_set_accept_state(ssl);
  return ssl;
}

}  // namespace bunker::test
