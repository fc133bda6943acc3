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

}  // namespace

Result<std::unique_ptr<TlsClient>> TlsClient::create(const TlsClientOptions& options) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) throw std::bad_alloc();
  std::unique_ptr<TlsClient> client(new TlsClient(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, options.skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_default_verify_paths(context);
  if (!options.ca_file.empty() && SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
    ERR_clear_error();
    return fail(Code::invalid, "cannot read certificate authorities from " + options.ca_file,
                "it must be a PEM file that this user may read");
  }
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
