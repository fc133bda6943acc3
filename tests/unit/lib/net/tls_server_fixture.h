// A TlsServer, certificates for it, and clients in OpenSSL's own terms.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "lib/net/tls_server.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "tests/support/test_certificates.h"

namespace bunker::net::testing {

using bunker::test::CertificateSpec;
using bunker::test::TestCertificate;

class TestClock final : public Clock {
 public:
  [[nodiscard]] SystemTime now() const override { return SystemClock().now() + ahead.load(); }
  std::atomic<std::chrono::seconds> ahead{std::chrono::seconds(0)};
};

// A client in OpenSSL's own terms, which verifies nothing.
class Client {
 public:
  explicit Client(int version = 0) : context_(SSL_CTX_new(TLS_client_method())) {
    if (version != 0) {
      SSL_CTX_set_min_proto_version(context_, version);
      SSL_CTX_set_max_proto_version(context_, version);
    }
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_app_data(context_, this);
    SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
      auto* self = static_cast<Client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      SSL_SESSION_free(self->session_);
      self->session_ = session;
      return 1;
    });
  }
  ~Client() {
    SSL_SESSION_free(session_);
    SSL_CTX_free(context_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void show(const TestCertificate& certificate) {
    SSL_CTX_use_certificate(context_, certificate.certificate());
    SSL_CTX_use_PrivateKey(context_, certificate.key());
  }
  void show_chain(const TestCertificate& intermediate) {
    SSL_CTX_add1_chain_cert(context_, intermediate.certificate());
  }
  [[nodiscard]] SSL_CTX* context() const { return context_; }
  // Resumes the last session there was, if any.
  [[nodiscard]] SslHandle open() const {
    SslHandle ssl(SSL_new(context_));
    SSL_set_connect_state(ssl.get());
    if (session_ != nullptr) SSL_set_session(ssl.get(), session_);
    return ssl;
  }
  [[nodiscard]] bool has_session() const { return session_ != nullptr; }
  // Remembers the ticket of one connection for several.
  void keep_session() { SSL_CTX_sess_set_new_cb(context_, nullptr); }

 private:
  SSL_CTX* context_;
  SSL_SESSION* session_ = nullptr;
};

class TlsServerTest : public ::testing::Test {
 protected:
  TlsServerTest() { ignore_sigpipe(); }

  TlsMaterial material() const {
    TlsMaterial set;
    set.certificate = leaf_.pem();
    set.key = leaf_.key_pem();
    return set;
  }
  TlsMaterial mutual(std::string revocations = "") const {
    TlsMaterial set = material();
    set.client_authorities = clients_.pem();
    set.revocations = std::move(revocations);
    return set;
  }
  Result<std::unique_ptr<TlsServer>> make(const TlsMaterial& set, TlsServerOptions options = {}) {
    return TlsServer::create(std::move(options), set, clock_, log_, metrics_);
  }

  struct Outcome {
    Result<TlsPeer> server = fail(Code::internal, "not run");
    std::string client;  // what the client's side ended with; "ok", or OpenSSL's reason
    bool resumed = false;
    bool client_ends = false;  // asked for: the server waits for the client to end the connection
    std::string alpn;
  };

  // Shakes hands, then sends one byte from the server to the client, so that it sees alerts and
  // tickets.
  Outcome connect(TlsServer& server, const Client& client,
                  const std::function<void(SSL*)>& prepare = {}, bool client_ends = false) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    Outcome outcome;
    outcome.client_ends = client_ends;
    asio::io_context io(1);
    SslHandle ssl = client.open();
    if (prepare) prepare(ssl.get());
    asio::co_spawn(io, serve(io, fds[1], server, outcome), asio::detached);
    asio::co_spawn(io, call(io, fds[0], std::move(ssl), outcome), asio::detached);
    io.run();
    return outcome;
  }

  static Task<void> serve(asio::io_context& io, int fd, TlsServer& server, Outcome& outcome) {
    TlsStream stream(io, fd);
    stream.set_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(20));
    outcome.server = co_await server.handshake(stream);
    if (outcome.server) {
      char byte = 'x';
      std::array<iovec, 1> pieces{iovec{&byte, 1}};
      co_await stream.write(pieces);
      std::array<std::byte, 1> rest{};
      if (outcome.client_ends) {
        co_await stream.read_some(rest);
        co_return;
      }
    }
    stream.shutdown_send();
  }

  static Task<void> call(asio::io_context& io, int fd, SslHandle ssl, Outcome& outcome) {
    SSL* raw = ssl.get();
    TlsStream stream(io, fd, std::move(ssl));
    stream.set_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(20));
    const auto shaken = co_await stream.handshake();
    outcome.client = shaken ? "ok" : shaken.error().detail;
    if (!shaken) co_return;
    outcome.resumed = SSL_session_reused(raw) == 1;
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(raw, &chosen, &size);
    outcome.alpn.assign(reinterpret_cast<const char*>(chosen), size);
    // Read by hand: what went wrong is in OpenSSL's own words.
    char byte = 0;
    while (true) {
      ERR_clear_error();
      const int got = SSL_read(raw, &byte, 1);
      if (got == 1) {
        stream.shutdown_send();  // a session that did not end well is not resumed
        co_return;
      }
      if (SSL_get_error(raw, got) != SSL_ERROR_WANT_READ) break;
      if (!co_await stream.wait(Want::read)) co_return;
    }
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    outcome.client = reason != nullptr ? reason : "ended";
    ERR_clear_error();
  }

  std::string metrics() const { return metrics_.expose("").body; }

  TestClock clock_;
  Logger log_{{.level = LogLevel::error}};
  Metrics metrics_;
  const TestCertificate authority_{"servers"};
  const TestCertificate leaf_{authority_, "DNS:localhost,IP:127.0.0.1"};
  const TestCertificate clients_{"clients"};
  const TestCertificate alice_{&clients_, {.common_name = "alice", .serial = 0xab}};
  const TestCertificate stranger_authority_{"strangers"};
  const TestCertificate stranger_{&stranger_authority_, {.common_name = "eve"}};
};

}  // namespace bunker::net::testing
