#include "tests/support/test_certificates.h"

#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
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

}  // namespace

TestCertificate::TestCertificate(const std::string& common_name)
    : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
  build(common_name, "", nullptr);
}

TestCertificate::TestCertificate(const TestCertificate& issuer, const std::string& names)
    : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
  build("server", names, &issuer);
}

TestCertificate::~TestCertificate() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

void TestCertificate::build(const std::string& common_name, const std::string& names,
                            const TestCertificate* issuer) {
  require(key_ != nullptr && certificate_ != nullptr);
  X509_set_version(certificate_, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate_), issuer != nullptr ? 2 : 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
  X509_set_pubkey(certificate_, key_);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate_), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509* signer = issuer != nullptr ? issuer->certificate_ : certificate_;
  X509_set_issuer_name(certificate_, X509_get_subject_name(signer));
  add_extension(certificate_, signer, NID_basic_constraints,
                issuer != nullptr ? "CA:FALSE" : "critical,CA:TRUE");
  if (!names.empty()) add_extension(certificate_, signer, NID_subject_alt_name, names);
  require(X509_sign(certificate_, issuer != nullptr ? issuer->key_ : key_, EVP_sha256()) > 0);
}

std::string TestCertificate::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  require(bio != nullptr && PEM_write_bio_X509(bio, certificate_) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
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
