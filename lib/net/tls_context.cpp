#include "lib/net/tls_context.h"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include <openssl/x509v3.h>

#include "lib/base/encoding.h"
#include "lib/base/sha256.h"
#include "lib/net/cipher_suites.h"
#include "lib/net/describe_certificate.h"
#include "lib/net/pem.h"

namespace bunker::net {
namespace {

// The hash of the first is the faster one, on which most of a resumed handshake's keys depend.
constexpr const char* kTls13Suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

constexpr std::string_view kHttp = "\x08http/1.1";

// The one protocol that is spoken (RFC 7301); a client that offers others only is told so.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(kHttp.data()),
                            kHttp.size(), offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<void> check_dates(SystemTime not_before, SystemTime not_after, SystemTime now) {
  if (now < not_before) {
    return fail(Code::invalid,
                "the server's certificate is not valid before " + format_rfc3339(not_before),
                "now is " + format_rfc3339(now) + ": check this machine's clock");
  }
  if (now >= not_after) {
    return fail(Code::invalid, "the server's certificate expired on " + format_rfc3339(not_after),
                "now is " + format_rfc3339(now) + ": renew it");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsServerOptions& options,
                                                             const TlsMaterial& material,
                                                             const Clock& clock,
                                                             SessionCache& sessions,
                                                             const TlsContext* last) {
  std::shared_ptr<TlsContext> made(new TlsContext(options.client_auth));
  made->context_.reset(SSL_CTX_new(TLS_server_method()));
  if (!made->context_) throw std::bad_alloc();
  ERR_clear_error();
  BUNKER_TRY(made->set_protocol(options));
  BUNKER_TRY(made->set_certificate(material, clock.now()));
  BUNKER_TRY(made->set_trust(material, clock, last));
  sessions.install(made->context_.get(), made->trust_digest_);
  made->warnings_.insert(made->warnings_.end(), material.warnings.begin(), material.warnings.end());
  return made;
}

Result<void> TlsContext::set_protocol(const TlsServerOptions& options) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // The set says which certificates are sent; none are taken from the clients' authorities.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);  // a record in one system call, not two
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  BUNKER_TRY_ASSIGN(const std::string suites, openssl_cipher_list(options.cipher_suites));
  const bool tls13_only = options.tls13_only || suites.empty();
  SSL_CTX_set_min_proto_version(context, tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (SSL_CTX_set_ciphersuites(context, kTls13Suites) != 1) throw std::bad_alloc();
  if (!tls13_only && SSL_CTX_set_cipher_list(context, suites.c_str()) != 1) {
    return fail(Code::invalid, "the cipher suites cannot be used", openssl_reason());
  }
  return {};
}

Result<void> TlsContext::set_certificate(const TlsMaterial& material, SystemTime now) {
  SSL_CTX* context = context_.get();
  BUNKER_TRY_ASSIGN(const auto chain,
                    parse_certificates(material.certificate, "the server's certificate file"));
  BUNKER_TRY_ASSIGN(const KeyPtr key, parse_private_key(material.key, "the server's key file"));
  X509* leaf = chain.front().get();
  if (X509_check_private_key(leaf, key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::invalid, "the server's certificate and key do not belong together",
                "the first certificate of the file must be that of the key");
  }
  not_before_ = to_system_time(X509_get0_notBefore(leaf));
  leaf_ = describe_certificate(*leaf);
  BUNKER_TRY(check_dates(not_before_, leaf_.not_after, now));
  if (SSL_CTX_use_certificate(context, leaf) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return fail(Code::invalid, "the server's certificate cannot be used", openssl_reason());
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (X509_check_issued(chain[i].get(), chain[i - 1].get()) != X509_V_OK) {
      warnings_.push_back("certificate " + std::to_string(i + 1) +
                          " of the server's chain is not the issuer of the one before it");
    }
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
      return fail(Code::invalid, "the server's chain cannot be used", openssl_reason());
    }
  }
  look_over(leaf);
  return {};
}

// What clients would stumble over.
void TlsContext::look_over(X509* leaf) {
  if (leaf_.dns_names.empty() && leaf_.ip_addresses.empty()) {
    warnings_.emplace_back(
        "the server's certificate has no alternative names, so that hardly any client takes it");
  }
  if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1) {
    warnings_.emplace_back(
        "the server's certificate is not meant for servers (extended key usage)");
  }
}

Result<void> TlsContext::set_trust(const TlsMaterial& material, const Clock& clock,
                                   const TlsContext* last) {
  const std::string mode(1, static_cast<char>(client_auth_));
  trust_digest_ = sha256_of_all({mode, material.client_authorities, material.revocations});
  const bool same = last != nullptr && last->trust_digest_ == trust_digest_;
  if (last != nullptr) trust_generation_ = last->trust_generation_ + (same ? 0 : 1);
  if (material.client_authorities.empty()) {
    if (material.revocations.empty()) return {};
    return fail(Code::invalid, "there are revocation lists, but no client authorities",
                "name the authorities whose certificates clients show");
  }
  if (same) {
    trust_ = last->trust_;
  } else {
    BUNKER_TRY_ASSIGN(
        trust_, ClientTrust::create(material.client_authorities, material.revocations, clock));
  }
  warnings_.insert(warnings_.end(), trust_->warnings().begin(), trust_->warnings().end());
  ask_clients();
  return {};
}

void TlsContext::ask_clients() {
  SSL_CTX* context = context_.get();
  // Clients choose among several certificates by these names.
  for (const X509Ptr& authority : trust_->authorities()) {
    if (SSL_CTX_add_client_CA(context, authority.get()) != 1) throw std::bad_alloc();
  }
  const bool required =
      client_auth_ == ClientAuth::require_any || client_auth_ == ClientAuth::require_and_verify;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  X509_STORE_up_ref(trust_->store());
  SSL_CTX_set_cert_store(context, trust_->store());
  SSL_CTX_set_cert_verify_callback(context, on_certificate, this);
}

int TlsContext::on_certificate(X509_STORE_CTX* context, void* self) {
  const auto* made = static_cast<const TlsContext*>(self);
  const bool verified = made->client_auth_ == ClientAuth::verify_if_given ||
                        made->client_auth_ == ClientAuth::require_and_verify;
  return verified ? made->trust_->verify(context) : 1;
}

SslHandle TlsContext::accept() const {
  SslHandle ssl(SSL_new(context_.get()));
  if (!ssl) throw std::bad_alloc();
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace bunker::net
