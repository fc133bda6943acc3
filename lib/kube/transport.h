// Carries HTTP requests to one API server: the seam below which cpprestsdk lives. What a request
// means, what an answer says and what is retried is decided above it (rest_client.h).
// This header compiles as C++20 (no std::expected), since cpprestsdk's headers do no later one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace bunker::kube {

struct TransportRequest {
  std::string method;        // "GET"
  std::string target;        // "/api/v1/pods?limit=5", percent-encoded
  std::string bearer;        // without "Bearer "; empty: none
  std::string content_type;  // of the body; empty: no body
  std::string body;
};

struct TransportReply {
  int status = 0;       // 0: there was no answer, or it broke off
  std::string failure;  // why there was none; empty where the answer came to its end
  std::optional<std::chrono::seconds> retry_after;
  std::string body;  // empty where it was streamed
};

// Thread-safe. Owner: the client that uses it.
class Transport {
 public:
  virtual ~Transport() = default;

  // Blocks for the whole answer; at most `timeout` without progress. Ends early, as without an
  // answer, when `stop` is asked for.
  virtual TransportReply send(const TransportRequest& request, std::chrono::milliseconds timeout,
                              std::stop_token stop) = 0;

  // As send(), but hands a 2xx answer's body to `on_data` as it arrives, on the caller's thread,
  // until it ends, nothing arrives for `idle`, or `stop` is asked for. `on_data` returns false to
  // end it.
  virtual TransportReply stream(const TransportRequest& request, std::chrono::milliseconds idle,
                                std::stop_token stop,
                                const std::function<bool(std::string_view)>& on_data) = 0;
};

// PEM; empty where there is none.
struct ClientIdentity {
  std::string certificate;
  std::string key;
};

struct TransportOptions {
  std::string server;       // "https://10.0.0.1:443", "http://127.0.0.1:8080"
  std::string ca;           // PEM that the server's certificate must lead to; empty: the system's
  std::string server_name;  // to be found in its certificate; empty: the host of `server`
  bool verify = true;       // false: takes any certificate (kubeconfig's insecure-skip-tls-verify)
  // Asked at each new connection, since credentials are renewed. Thread-safe.
  std::function<ClientIdentity()> identity;
  unsigned threads = 2;  // of the process-wide pool; the first transport that is made decides
};

// A transport on cpprestsdk. Makes no connection yet. Null where `server` is no http(s) URL.
[[nodiscard]] std::unique_ptr<Transport> make_cpprest_transport(TransportOptions options);

}  // namespace bunker::kube
