#include "lib/net/tls_client.h"

#include <array>
#include <new>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace bunker::net {
namespace {

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> ignored{};
  return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

Result<void> use_certificate(SSL_CTX* context, const TlsClientOptions& options) {
  const char* const certificate = options.certificate_file.c_str();
  if (SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
      SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) == 1) {
    return {};
  }
  ERR_clear_error();
  return fail(Code::invalid,
              "cannot use the certificate " + options.certificate_file + " with the key " +
                  options.key_file,
              "they must be PEM files that this user may read, and belong together");
}

}  // namespace

Result<std::unique_ptr<TlsClient>> TlsClient::create(const TlsClientOptions& options) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) throw std::bad_alloc();
  std::unique_ptr<TlsClient> client(new TlsClient(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, options.skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  std::vector<std::string> ca_files = options.only_ca_files;
  if (ca_files.empty()) SSL_CTX_set_default_verify_paths(context);
  if (!options.ca_file.empty()) ca_files.push_back(options.ca_file);
  for (const std::string& file : ca_files) {
    if (SSL_CTX_load_verify_file(context, file.c_str()) == 1) continue;
    ERR_clear_error();
    return fail(Code::invalid, "cannot read certificate authorities from " + file,
                "it must be a PEM file that this user may read");
  }
  if (!options.certificate_file.empty()) BUNKER_TRY(use_certificate(context, options));
  ERR_clear_error();
  return client;
}

TlsClient::~TlsClient() {
  SSL_CTX_free(context_);
}

SslHandle TlsClient::open(const std::string& host) const {
  SslHandle ssl(SSL_new(context_));
  if (ssl == nullptr) throw std::bad_alloc();
  constexpr std::array<unsigned char, 9> kHttp = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_set_alpn_protos(ssl.get(), kHttp.data(), kHttp.size());
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl.get());
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str());
  } else {
    X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(checks, host.c_str(), host.size());
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace bunker::net
