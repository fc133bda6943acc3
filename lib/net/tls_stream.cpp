#include "lib/net/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bunker::net {
namespace {

constexpr std::size_t kRecord = std::size_t{16} * 1024;  // RFC 8446 §5.1: the most a record holds
constexpr std::size_t kFilePiece = 4 * kRecord;

int clamp(std::size_t size) noexcept {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

void SslDeleter::operator()(SSL* ssl) const noexcept {
  SSL_free(ssl);
}

TlsStream::TlsStream(asio::io_context& context, int fd, SslHandle ssl) : Stream(context, fd) {
  secure(std::move(ssl));
}

void TlsStream::secure(SslHandle ssl) noexcept {
  ssl_ = std::move(ssl);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  broken_ = SSL_set_fd(ssl_.get(), fd()) != 1;
}

TlsStream::~TlsStream() {
  // OpenSSL takes a connection that the client ended first for a broken one, and would forget its
  // session; those that broke by an alert it has dropped already.
  if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

Task<Result<void>> TlsStream::handshake() {
  while (true) {
    if (broken_) co_return fail(Code::internal, "TLS cannot be set up on a socket");
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    dry_ = result != 1;
    if (result == 1) {
      // Idle connections keep no buffers; in the handshake they would come and go with each record.
      SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
      SSL_free_buffers(ssl_.get());
      co_return Result<void>();
    }
    const int reason = SSL_get_error(ssl_.get(), result);
    if (reason == SSL_ERROR_WANT_READ) {
      hold_back(only_tickets_left());
      BUNKER_CO_TRY(co_await wait(Want::read));
    } else if (reason == SSL_ERROR_WANT_WRITE) {
      BUNKER_CO_TRY(co_await wait(Want::write));
    } else {
      broken_ = true;
      co_return std::unexpected(handshake_error(reason));
    }
  }
}

// A TLS 1.3 server that has said Finished has nothing more to say that its client waits for.
bool TlsStream::only_tickets_left() const noexcept {
  char byte = 0;
  return SSL_is_server(ssl_.get()) == 1 && SSL_version(ssl_.get()) == TLS1_3_VERSION &&
         SSL_get_finished(ssl_.get(), &byte, 1) > 0;
}

// Saves a packet where two writes follow each other. Whatever comes, the kernel sends what is held
// back after 200 ms. Of sockets that are not TCP's it is none.
void TlsStream::hold_back(bool hold) noexcept {
  if (hold == holding_) return;
  holding_ = hold;
  const int value = hold ? 1 : 0;
  (void)::setsockopt(fd(), IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

Error TlsStream::handshake_error(int reason) noexcept {
  const int system_error = errno;
  const long verdict = SSL_get_verify_result(ssl_.get());
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (verdict != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE) {
    return {Code::forbidden, "the peer's certificate is not to be trusted",
            X509_verify_cert_error_string(verdict)};
  }
  if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
      ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    return {Code::forbidden, "the peer showed no certificate"};
  }
  if (reason == SSL_ERROR_SYSCALL) {
    return system_error == 0 ? socket_error(ECONNRESET) : socket_error(system_error);
  }
  const char* text = ERR_reason_error_string(code);
  return {Code::invalid, "the peer does not speak the TLS that we do",
          text != nullptr ? text : "protocol error"};
}

Attempt TlsStream::attempt_of(int result) noexcept {
  if (result > 0) return Attempt::done(static_cast<std::size_t>(result));
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      dry_ = true;
      return {Attempt::Status::want_read, 0, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Attempt::Status::want_write, 0, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Attempt::Status::eof, 0, 0};
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      return Attempt::failed(system_error != 0 ? system_error : ECONNRESET);
    default:
      // An end without close_notify counts too: somebody may have cut the stream.
      broken_ = true;
      ERR_clear_error();
      return Attempt::failed(ECONNRESET);
  }
}

Attempt TlsStream::try_read(std::span<std::byte> buffer) noexcept {
  if (broken_) return Attempt::failed(EPIPE);
  ERR_clear_error();
  errno = 0;
  dry_ = false;
  return attempt_of(SSL_read(ssl_.get(), buffer.data(), clamp(buffer.size())));
}

Attempt TlsStream::try_write(std::span<const iovec> pieces, bool more) noexcept {
  (void)more;  // a record goes out whole
  if (broken_) return Attempt::failed(EPIPE);
  held_ = {};  // the next file may have the last one's number
  iovec whole = pieces.front();
  if (whole.iov_len < kRecord && pieces.size() > 1) {
    // A head and its small body are one record, not two system calls.
    scratch_.clear();
    for (const iovec& piece : pieces) {
      const auto* bytes = static_cast<const std::byte*>(piece.iov_base);
      const std::size_t take = std::min(piece.iov_len, kRecord - scratch_.size());
      scratch_.insert(scratch_.end(), bytes, bytes + take);
      if (scratch_.size() == kRecord) break;
    }
    whole = {scratch_.data(), scratch_.size()};
  }
  ERR_clear_error();
  errno = 0;
  const Attempt written = attempt_of(SSL_write(ssl_.get(), whole.iov_base, clamp(whole.iov_len)));
  hold_back(false);  // the tickets of the handshake go out with the first answer
  return written;
}

Attempt TlsStream::try_send_file(int file, std::uint64_t offset, std::size_t count) noexcept {
  if (broken_) return Attempt::failed(EPIPE);
  // What did not fit into the socket the last time need not be read again.
  if (!held_.holds(file, offset)) {
    held_ = {};
    scratch_.resize(std::min(count, kFilePiece));
    ssize_t got = 0;
    do {
      got = ::pread(file, scratch_.data(), scratch_.size(), static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Attempt::failed(errno);
    if (got == 0) return {Attempt::Status::eof, 0, 0};
    held_ = {file, offset, static_cast<std::size_t>(got)};
  }
  const std::byte* data = scratch_.data() + (offset - held_.offset);
  const std::size_t whole = std::min(count, held_.size - (offset - held_.offset));
  hold_back(true);  // each call writes a record, which would be packets of its own
  std::size_t sent = 0;
  int result = 1;
  while (sent < whole && result > 0) {
    ERR_clear_error();
    errno = 0;
    result = SSL_write(ssl_.get(), data + sent, clamp(whole - sent));
    if (result > 0) sent += static_cast<std::size_t>(result);
  }
  const Attempt attempt = sent > 0 ? Attempt::done(sent) : attempt_of(result);
  hold_back(false);
  return attempt;
}

bool TlsStream::buffered() const noexcept {
  // Half a record gives nothing to read, but counts in SSL_has_pending(): hence dry_.
  return !broken_ && !dry_ && SSL_has_pending(ssl_.get()) == 1;
}

void TlsStream::shutdown_send() noexcept {
  if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    hold_back(true);  // until the FIN, which sends it
    (void)SSL_shutdown(ssl_.get());
  }
  Stream::shutdown_send();
}

}  // namespace bunker::net
