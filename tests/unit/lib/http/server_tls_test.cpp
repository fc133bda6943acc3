// A Server with TLS: handshakes, plain HTTP by mistake, and clients that are not trusted any more.
#include <condition_variable>
#include <mutex>
#include <thread>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "lib/net/tls_server.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "tests/support/test_certificates.h"
#include "tests/unit/lib/http/server_fixture.h"

namespace bunker::http::testing {
namespace {

using bunker::test::TestCertificate;
using std::chrono::milliseconds;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// A blocking TLS client over a RawClient's socket.
class TlsClient {
 public:
  TlsClient(const std::string& address, const TestCertificate* certificate)
      : raw_(address), context_(SSL_CTX_new(TLS_client_method())), ssl_(nullptr) {
    if (certificate != nullptr) {
      SSL_CTX_use_certificate(context_, certificate->certificate());
      SSL_CTX_use_PrivateKey(context_, certificate->key());
    }
    const timeval patience{20, 0};
    ::setsockopt(raw_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, raw_.fd());
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int fd() const { return raw_.fd(); }
  bool send(std::string_view text) {
    return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
  }
  // What arrives until `end` is in it, or the connection ends. `why` it ended is then "closed", an
  // alert's or error's name, or "reset".
  std::string receive(std::string_view end) {
    std::string text;
    while (!text.contains(end)) {
      std::array<char, 4096> buffer;
      ERR_clear_error();
      const int got = SSL_read(ssl_, buffer.data(), buffer.size());
      if (got <= 0) {
        const int kind = SSL_get_error(ssl_, got);
        const char* reason = ERR_reason_error_string(ERR_peek_last_error());
        why = kind == SSL_ERROR_ZERO_RETURN ? "closed" : reason != nullptr ? reason : "reset";
        ERR_clear_error();
        break;
      }
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  std::string exchange(std::string_view request, std::string_view end) {
    send(request);
    return receive(end);
  }
  std::string why;

 private:
  RawClient raw_;
  SSL_CTX* context_;
  SSL* ssl_;
  bool connected_ = false;
};

class ServerTlsTest : public ServerTest {
 protected:
  net::TlsMaterial material(const std::string& revocations = "") const {
    net::TlsMaterial set;
    set.certificate = leaf_.pem();
    set.key = leaf_.key_pem();
    set.client_authorities = clients_.pem();
    set.revocations = revocations;
    return set;
  }
  Server::Options options(Limits limits = {}) {
    Server::Options options;
    options.tls = tls_.get();
    options.limits = limits;
    return options;
  }
  static Handler who() {
    return [](Context&, Request& request) -> Task<Response> {
      Response response;
      const auto& certificate = request.peer.certificate;
      response.body = Body((request.peer.tls ? "tls " : "plain ") +
                           (certificate ? certificate->common_name : "nobody") + "!");
      co_return response;
    };
  }

  SystemClock clock_;
  Logger log_{{.level = LogLevel::error}};
  Metrics metrics_;
  const TestCertificate authority_{"servers"};
  const TestCertificate leaf_{authority_, "IP:127.0.0.1"};
  const TestCertificate clients_{"clients"};
  const TestCertificate alice_{&clients_, {.common_name = "alice", .serial = 11}};
  const TestCertificate bob_{&clients_, {.common_name = "bob", .serial = 12}};
  std::unique_ptr<net::TlsServer> tls_ =
      net::TlsServer::create({.client_auth = net::ClientAuth::verify_if_given}, material(), clock_,
                             log_, metrics_)
          .value();
};

TEST_F(ServerTlsTest, ARequestKnowsItsClient) {
  const auto running = serve(who(), options());
  TlsClient alice(address_, &alice_), nobody(address_, nullptr);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(alice.exchange(kGet, "!").ends_with("tls alice!"));
    EXPECT_TRUE(nobody.exchange(kGet, "!").ends_with("tls nobody!"));
  }
}

TEST_F(ServerTlsTest, AnEndIsSaid) {
  const auto running = serve(who(), options());
  TlsClient client(address_, nullptr);
  client.exchange("GET / HTTP/1.0\r\n\r\n", "never");
  EXPECT_EQ(client.why, "closed");
}

TEST_F(ServerTlsTest, LargeBodiesArriveBothWays) {
  const auto running = serve(echo(), options());
  TlsClient client(address_, nullptr);
  const std::string body = std::string(3'000'000, 'b') + "!";
  std::thread sender([&] {
    client.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
  });
  sender.join();  // the server takes it all before it answers
  EXPECT_TRUE(client.receive("!").ends_with("PUT /a?\n" + body));
}

TEST_F(ServerTlsTest, PlainHttpIsToldSo) {
  const auto running = serve(who(), options());
  RawClient client(address_);
  client.send(kGet);
  const std::string answer = client.receive_some();
  EXPECT_TRUE(answer.starts_with("HTTP/1.0 400 Bad Request\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"));
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTlsTest, NoiseIsClosed) {
  const auto running = serve(who(), options());
  RawClient client(address_);
  client.send("\x16\x03\x01\xff\xff this is no TLS");
  client.receive_some();  // an alert
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTlsTest, ASilentClientIsClosedAfterAWhile) {
  const auto running = serve(who(), options({.handshake_time = milliseconds(50)}));
  RawClient silent(address_), halting(address_);
  halting.send("\x16\x03\x01\x02");
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(halting.closed());
}

// A client that says nothing holds none of the places; one that halts in the middle holds one until
// its time is over.
TEST_F(ServerTlsTest, HandshakesWaitForAPlace) {
  const auto running =
      serve(who(), options({.handshakes = 1, .handshake_time = milliseconds(200)}));
  RawClient silent(address_), halting(address_);
  halting.send("\x16\x03\x01\x02");
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (true) {  // its own time may be over before the place is free
        TlsClient client(address_, &alice_);
        if (client.exchange(kGet, "!").ends_with("tls alice!")) break;
      }
      ++answered;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 4);
}

TEST_F(ServerTlsTest, TheReasonReachesAClientThatIsStillSending) {
  ASSERT_TRUE(tls_->replace(material(clients_.crl({11}))));
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Error> errors;
  Server::Options given = options();
  given.observer.handshake_failed = [&](std::string_view, const Error& error) {
    const std::lock_guard lock(mutex);
    errors.push_back(error);
    changed.notify_all();
  };
  const auto running = serve(who(), std::move(given));
  for (int i = 0; i < 20; ++i) {
    TlsClient alice(address_, &alice_);
    // In TLS 1.3 its own handshake is done before ours refuses it.
    for (int n = 0; n < 10 && alice.send(std::string(5000, 'x')); ++n) {
    }
    alice.receive("never");
    ASSERT_EQ(alice.why, "sslv3 alert certificate revoked");
  }
  std::unique_lock lock(mutex);
  ASSERT_TRUE(
      changed.wait_for(lock, std::chrono::seconds(20), [&] { return errors.size() == 20; }));
  EXPECT_EQ(errors[0].code, Code::forbidden);
}

TEST_F(ServerTlsTest, AnIdleConnectionOfARevokedClientIsClosed) {
  const auto running = serve(who(), options());
  TlsClient alice(address_, &alice_), bob(address_, &bob_);
  EXPECT_TRUE(alice.exchange(kGet, "!").ends_with("tls alice!"));
  EXPECT_TRUE(bob.exchange(kGet, "!").ends_with("tls bob!"));
  ASSERT_TRUE(tls_->replace(material(clients_.crl({11}))));
  EXPECT_EQ(alice.receive("never"), "");
  EXPECT_EQ(alice.why, "closed");
  EXPECT_TRUE(bob.exchange(kGet, "!").ends_with("tls bob!"));
}

TEST_F(ServerTlsTest, ARunningRequestEndsAndTheNextIsRefused) {
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false;
  std::atomic<bool> go = false;
  const auto running = serve(
      [&](Context&, Request& request) -> Task<Response> {
        {
          const std::lock_guard lock(mutex);
          begun = true;
        }
        changed.notify_all();
        while (!go) co_await sleep_for(milliseconds(1));
        Response response;
        response.body = Body("for " + request.peer.certificate->common_name + "!");
        co_return response;
      },
      options());
  TlsClient alice(address_, &alice_);
  ASSERT_TRUE(alice.send(std::string(kGet) + kGet));
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return begun; }));
  }
  ASSERT_TRUE(tls_->replace(material(clients_.crl({11}))));
  go = true;
  const std::string answers = alice.receive("never");
  EXPECT_TRUE(answers.contains("for alice!")) << answers;
  EXPECT_TRUE(answers.contains("HTTP/1.1 403 ")) << answers;
  EXPECT_TRUE(
      answers.ends_with("the client's certificate does not hold any more: certificate revoked\n"));
  EXPECT_EQ(alice.why, "closed");
}

TEST_F(ServerTlsTest, ADrainEndsIdleConnectionsAndHandshakes) {
  const auto running = serve(who(), options());
  TlsClient idle(address_, &alice_);
  RawClient silent(address_);
  EXPECT_TRUE(idle.exchange(kGet, "!").ends_with("tls alice!"));
  EXPECT_EQ(server_->drain(std::chrono::seconds(20)), 0U);
  EXPECT_EQ(idle.receive("never"), "");
  EXPECT_TRUE(silent.closed());
}

}  // namespace
}  // namespace bunker::http::testing
