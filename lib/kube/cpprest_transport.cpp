// The only file that sees cpprestsdk. Compiled as C++20 without the precompiled header: its headers
// are neither C++23 nor do they go with standalone Asio in one file.
#include <atomic>
#include <charconv>
#include <mutex>
#include <utility>

#include <cpprest/http_client.h>
#include <cpprest/rawptrstream.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pplx/threadpool.h>
#include <sys/socket.h>

#include "lib/kube/transport.h"

namespace bunker::kube {
namespace {

using web::http::client::http_client;
using web::http::client::http_client_config;

// A peer that is gone without a word is noticed after about half a minute, even where nothing is
// sent on the connection (a watch).
constexpr int kKeepAliveIdle = 15;
constexpr int kKeepAliveInterval = 5;
constexpr int kKeepAliveCount = 3;
constexpr unsigned kUnackedMilliseconds = 30'000;
constexpr std::size_t kReadBytes = 16 * 1024;

void set_socket_options(int fd) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveIdle, sizeof kKeepAliveIdle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepAliveInterval, sizeof kKeepAliveInterval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepAliveCount, sizeof kKeepAliveCount);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnackedMilliseconds, sizeof kUnackedMilliseconds);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio memory_bio(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

using Store = std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)>;

Store make_store(const std::string& ca) {
  Store store(X509_STORE_new(), &X509_STORE_free);
  if (ca.empty()) {
    X509_STORE_set_default_paths(store.get());
    return store;
  }
  const Bio bio = memory_bio(ca);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(store.get(), certificate);
    X509_free(certificate);
  }
  ERR_clear_error();  // the end of the list is an error to OpenSSL
  return store;
}

// cpprestsdk makes a context for each connection and reads the system's authorities into it, about
// a megabyte: all connections share one store instead.
void trust(SSL_CTX* context, X509_STORE* store) {
  X509_STORE_up_ref(store);
  SSL_CTX_set_cert_store(context, store);
}

void present(SSL_CTX* context, const ClientIdentity& identity) {
  const Bio certificates = memory_bio(identity.certificate);
  if (X509* leaf = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_use_certificate(context, leaf);
    X509_free(leaf);
  }
  while (X509* link = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_add0_chain_cert(context, link);  // takes it over
  }
  const Bio key_bio = memory_bio(identity.key);
  if (EVP_PKEY* key = PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr)) {
    SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
  }
  ERR_clear_error();
}

class CpprestTransport final : public Transport {
 public:
  explicit CpprestTransport(TransportOptions options)
      : options_(std::move(options)), base_(options_.server), store_(make_store(options_.ca)) {}

  TransportReply send(const TransportRequest& request, std::chrono::milliseconds timeout,
                      std::stop_token stop) override {
    return exchange(request, timeout, std::move(stop), nullptr);
  }

  TransportReply stream(const TransportRequest& request, std::chrono::milliseconds idle,
                        std::stop_token stop,
                        const std::function<bool(std::string_view)>& on_data) override {
    return exchange(request, idle, std::move(stop), &on_data);
  }

 private:
  using OnData = std::function<bool(std::string_view)>;

  // cpprestsdk's timeout belongs to a client, and a client has the pool of connections.
  std::shared_ptr<http_client> client_for(std::chrono::milliseconds timeout) {
    const std::lock_guard lock(mutex_);
    for (const auto& [limit, client] : clients_) {
      if (limit == timeout) return client;
    }
    http_client_config config;
    config.set_timeout(timeout);
    config.set_validate_certificates(options_.verify);
    config.set_max_redirects(0);
    config.set_nativehandle_options([](web::http::client::native_handle handle) {
      // Before the connection is made, so that its options hold from the first packet.
      set_socket_options(*static_cast<int*>(handle));
    });
    config.set_ssl_context_callback([this](boost::asio::ssl::context& context) {
      trust(context.native_handle(), store_.get());
      // Watches are mostly silent: their buffers, 34 KB each, are not kept.
      SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
      if (options_.identity) present(context.native_handle(), options_.identity());
    });
    auto client = std::make_shared<http_client>(base_, config);
    clients_.emplace_back(timeout, client);
    return client;
  }

  web::http::http_request build(const TransportRequest& request) const {
    web::http::http_request out(request.method);
    out.set_request_uri(web::uri(request.target));
    out.headers().add("Accept", "application/json");
    out.headers().add("User-Agent", "bunker");
    // cpprestsdk takes the name to verify, and to ask for in the handshake, from Host.
    if (!options_.server_name.empty()) out.headers().add("Host", options_.server_name);
    if (!request.bearer.empty()) out.headers().add("Authorization", "Bearer " + request.bearer);
    if (!request.content_type.empty()) out.set_body(request.body, request.content_type);
    return out;
  }

  static std::optional<std::chrono::seconds> retry_after(const web::http::http_response& answer) {
    const auto found = answer.headers().find("Retry-After");
    if (found == answer.headers().end()) return std::nullopt;
    unsigned seconds = 0;
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return std::chrono::seconds(seconds);
  }

  TransportReply exchange(const TransportRequest& request, std::chrono::milliseconds timeout,
                          std::stop_token stop, const OnData* on_data) {
    TransportReply reply;
    pplx::cancellation_token_source cancel;
    const std::stop_callback on_stop(stop, [&cancel] { cancel.cancel(); });
    try {
      web::http::http_response answer =
          client_for(timeout)->request(build(request), cancel.get_token()).get();
      reply.retry_after = retry_after(answer);
      const int status = answer.status_code();
      if (on_data != nullptr && status >= 200 && status < 300) {
        pump(answer, *on_data, cancel);
      } else {
        reply.body = answer.extract_utf8string(true).get();
      }
      reply.status = status;
    } catch (const std::exception& error) {
      reply.failure = stop.stop_requested() ? "stopped" : error.what();
    }
    return reply;
  }

  static void pump(const web::http::http_response& answer, const OnData& on_data,
                   pplx::cancellation_token_source& cancel) {
    auto body = answer.body().streambuf();
    std::string buffer(kReadBytes, '\0');
    while (true) {
      // Waits for one byte, then takes what is there: getn() would wait for a full buffer.
      const auto first = body.bumpc().get();
      if (first == decltype(body)::traits::eof()) return;
      buffer[0] = static_cast<char>(first);
      std::size_t size = 1;
      const std::size_t more = std::min(body.in_avail(), buffer.size() - 1);
      if (more > 0) {
        size += body.getn(reinterpret_cast<std::uint8_t*>(buffer.data()) + 1, more).get();
      }
      if (!on_data(std::string_view(buffer.data(), size))) {
        cancel.cancel();
        return;
      }
    }
  }

  TransportOptions options_;
  web::uri base_;
  const Store store_;
  std::mutex mutex_;
  std::vector<std::pair<std::chrono::milliseconds, std::shared_ptr<http_client>>> clients_;
};

// cpprestsdk's pool is one a process, made at its first use, with 40 threads unless told before.
void size_pool(unsigned threads) {
  static std::once_flag once;
  std::call_once(once, [threads] {
    try {
      crossplat::threadpool::initialize_with_threads(threads);
    } catch (const std::exception&) {
      // Somebody else in this process made it already: theirs serves as well.
    }
  });
}

}  // namespace

std::unique_ptr<Transport> make_cpprest_transport(TransportOptions options) {
  size_pool(options.threads);
  try {
    const web::uri server(options.server);
    if ((server.scheme() != "http" && server.scheme() != "https") || server.host().empty()) {
      return nullptr;
    }
    return std::make_unique<CpprestTransport>(std::move(options));
  } catch (const web::uri_exception&) {
    return nullptr;
  }
}

}  // namespace bunker::kube
