#include "lib/net/tls_stream.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net/tls_client.h"
#include "lib/runtime/io_threads.h"
#include "tests/support/test_certificates.h"

namespace bunker::net {
namespace {

using bunker::test::TestCertificate;

// Both ends of a TLS connection on one thread.
class Tls : public ::testing::Test {
 protected:
  Tls() {
    ignore_sigpipe();
    char name[] = "/tmp/bunker_ca_XXXXXX";
    ::close(::mkstemp(name));
    ca_file_ = name;
    std::ofstream(ca_file_) << authority_.pem();
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0);
  }
  ~Tls() override { std::remove(ca_file_.c_str()); }

  TlsClientOptions trusting() const { return {.ca_file = ca_file_}; }

  // Shakes hands as `host` while the server shows `certificate`, then runs `client` and `server`.
  using Side = std::function<Task<void>(TlsStream&)>;
  struct Outcome {
    Result<void> client;
    Result<void> server;
  };
  Outcome connect(const TlsClientOptions& options, std::string host,
                  const TestCertificate& certificate, Side client = {}, Side server = {}) {
    Outcome outcome;
    asio::io_context context(1);
    const auto tls = TlsClient::create(options).value();
    auto run = [&context](int fd, SslHandle ssl, Result<void>& result, Side then) -> Task<void> {
      TlsStream stream(context, fd, std::move(ssl));
      stream.set_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(20));
      result = co_await stream.handshake();
      if (result && then) co_await then(stream);
      if (!result) stream.shutdown();
    };
    asio::co_spawn(context, run(fds_[0], tls->open(host), outcome.client, client), asio::detached);
    asio::co_spawn(context, run(fds_[1], SslHandle(certificate.accept()), outcome.server, server),
                   asio::detached);
    context.run();
    return outcome;
  }

  const TestCertificate authority_{"test authority"};
  const TestCertificate good_{authority_, "DNS:s3.example.com,DNS:*.s3.example.com,IP:192.0.2.1"};
  std::string ca_file_;
  int fds_[2];
};

TEST_F(Tls, ATrustedCertificateOfTheNameIsTaken) {
  const Outcome outcome = connect(trusting(), "bucket.s3.example.com", good_);
  EXPECT_TRUE(outcome.client) << to_string(outcome.client.error());
  EXPECT_TRUE(outcome.server) << to_string(outcome.server.error());
}

TEST_F(Tls, RecordsThatWereReadAheadAreNotWaitedFor) {
  std::string got;
  const Side speak = [](TlsStream& stream) -> Task<void> {
    for (std::string text : {"one", "two", "six"}) {
      std::array<iovec, 1> pieces{iovec{text.data(), text.size()}};
      EXPECT_TRUE(co_await stream.write(pieces));
    }
  };
  const Side listen = [&got](TlsStream& stream) -> Task<void> {
    SSL_set_read_ahead(stream.ssl(), 1);
    std::array<std::byte, 2> bytes;  // less than a record
    while (got.size() < 9) {
      if (!co_await stream.wait(Want::read)) co_return;
      const Attempt attempt = stream.try_read(bytes);
      if (attempt.status == Attempt::Status::want_read) continue;
      if (attempt.status != Attempt::Status::done) co_return;
      got.append(reinterpret_cast<const char*>(bytes.data()), attempt.bytes);
    }
    EXPECT_FALSE(stream.buffered());
  };
  connect(trusting(), "s3.example.com", good_, speak, listen);
  EXPECT_EQ(got, "onetwosix");
}

TEST_F(Tls, AnAddressMustBeInTheCertificateToo) {
  EXPECT_TRUE(connect(trusting(), "192.0.2.1", good_).client);
}

TEST_F(Tls, AnotherNameIsForbidden) {
  const Outcome outcome = connect(trusting(), "s3.example.org", good_);
  ASSERT_FALSE(outcome.client);
  EXPECT_EQ(outcome.client.error().code, Code::forbidden);
  EXPECT_EQ(outcome.client.error().detail, "hostname mismatch");
  EXPECT_FALSE(outcome.server);
}

TEST_F(Tls, AnotherAddressIsForbidden) {
  const Outcome outcome = connect(trusting(), "192.0.2.2", good_);
  ASSERT_FALSE(outcome.client);
  EXPECT_EQ(outcome.client.error().code, Code::forbidden);
}

TEST_F(Tls, AnUnknownAuthorityIsForbidden) {
  const Outcome outcome = connect({}, "s3.example.com", good_);
  ASSERT_FALSE(outcome.client);
  EXPECT_EQ(outcome.client.error().code, Code::forbidden);
}

TEST_F(Tls, VerificationCanBeSkipped) {
  EXPECT_TRUE(connect({.skip_verify = true}, "whatever", good_).client);
}

TEST_F(Tls, AuthoritiesThatCannotBeReadAreAnError) {
  const auto missing = TlsClient::create({.ca_file = "/nonexistent/ca.pem"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::invalid);
}

std::string bytes(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 2654435761u >> 13);
  return out;
}

Task<void> read_to_end(TlsStream& stream, std::string& into, Result<void>& end) {
  std::vector<std::byte> buffer(40'000);
  while (true) {
    const auto got = co_await stream.read_some(buffer);
    if (!got) {
      end = std::unexpected(got.error());
      co_return;
    }
    if (*got == 0) co_return;
    into.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
}

TEST_F(Tls, BytesArriveAsTheyWereSent) {
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  const std::string body = bytes(3'000'000);
  std::string received;
  Result<void> end;
  connect(
      trusting(), "s3.example.com", good_,
      [&](TlsStream& stream) { return read_to_end(stream, received, end); },
      [&](TlsStream& stream) -> Task<void> {
        std::array<iovec, 3> pieces = {iovec{const_cast<char*>(head.data()), head.size()},
                                       iovec{nullptr, 0},
                                       iovec{const_cast<char*>(body.data()), body.size()}};
        const auto sent = co_await stream.write(pieces);
        EXPECT_TRUE(sent);
        stream.shutdown_send();
      });
  EXPECT_TRUE(end) << to_string(end.error());
  EXPECT_TRUE(received == head + body);
}

TEST_F(Tls, FilesAreSent) {
  const std::string content = bytes(1'000'000);
  char name[] = "/tmp/bunker_file_XXXXXX";
  const int fd = ::mkstemp(name);
  std::remove(name);
  ASSERT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  const auto file = std::make_shared<const FileHandle>(fd);
  std::string received;
  Result<void> end;
  connect(
      trusting(), "s3.example.com", good_,
      [&](TlsStream& stream) { return read_to_end(stream, received, end); },
      [&](TlsStream& stream) -> Task<void> {
        const auto sent = co_await stream.send_file({file, 1000, 900'000});
        EXPECT_TRUE(sent);
        stream.shutdown_send();
      });
  EXPECT_TRUE(end);
  EXPECT_TRUE(received == content.substr(1000, 900'000));
}

TEST_F(Tls, ACutStreamIsNoEnd) {
  std::string received;
  Result<void> end;
  connect(
      trusting(), "s3.example.com", good_,
      [&](TlsStream& stream) { return read_to_end(stream, received, end); },
      [&](TlsStream& stream) -> Task<void> {
        std::string text = "half";
        std::array<iovec, 1> pieces = {iovec{text.data(), text.size()}};
        const auto sent = co_await stream.write(pieces);
        EXPECT_TRUE(sent);
        ::shutdown(stream.fd(), SHUT_RDWR);  // without close_notify
      });
  EXPECT_EQ(received, "half");
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::cancelled);
}

TEST_F(Tls, ASilentPeerEndsTheHandshakeAtTheDeadline) {
  asio::io_context context(1);
  const auto tls = TlsClient::create(trusting()).value();
  Result<void> result;
  asio::co_spawn(
      context,
      [&]() -> Task<void> {
        TlsStream stream(context, fds_[0], tls->open("s3.example.com"));
        stream.set_deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
        result = co_await stream.handshake();
      },
      asio::detached);
  context.run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::retry_later);
  ::close(fds_[1]);
}

TEST_F(Tls, APeerThatDoesNotSpeakTlsIsInvalid) {
  asio::io_context context(1);
  const auto tls = TlsClient::create(trusting()).value();
  ASSERT_EQ(::write(fds_[1], "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
  Result<void> result;
  asio::co_spawn(
      context,
      [&]() -> Task<void> {
        TlsStream stream(context, fds_[0], tls->open("s3.example.com"));
        result = co_await stream.handshake();
      },
      asio::detached);
  context.run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid);
  ::close(fds_[1]);
}

}  // namespace
}  // namespace bunker::net
