// HTTP requests and responses as the handlers see them (RFC 9110). No sockets, no parsing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/net/peer_certificate.h"
#include "lib/runtime/body.h"
#include "lib/runtime/context.h"

namespace bunker::http {

enum class Method { get, head, post, put, patch, del, options, other };

[[nodiscard]] std::string_view to_string(Method method) noexcept;

// Header fields in arrival order; names compare without case. Few fields, so lookups scan.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  // The first value, or nullopt. The view lives as long as the field.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  // Every value of `name`, joined by ", " (RFC 9110 §5.3); nullopt when there is none.
  [[nodiscard]] std::optional<std::string> joined(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const noexcept { return get(name).has_value(); }
  void add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  // Replaces every value of `name`.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear() noexcept { fields_.clear(); }
  void reserve(std::size_t count) { fields_.reserve(count); }
  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }

 private:
  std::vector<Field> fields_;
};

// Who is at the other end of the connection.
struct Peer {
  std::string address;  // "192.0.2.1:53412", "[::1]:53412", or "unix"
  bool tls = false;
  // The client's certificate, verified; null where there is none.
  std::shared_ptr<const net::PeerCertificate> certificate;
};

struct Request {
  Method method = Method::other;
  std::string method_name;  // as sent, for logs and for `other`
  // Percent-encoded as sent; begins with '/', or is "*" (OPTIONS only).
  std::string path;
  std::string query;      // without '?', percent-encoded as sent; may be empty
  int minor_version = 1;  // HTTP/1.x
  Headers headers;
  // The body's announced length; nullopt when chunked, 0 when there is none.
  std::optional<std::uint64_t> content_length;
  // Never null while a handler runs. Reading it first sends "100 Continue" where it was asked for.
  ByteSource* body = nullptr;
  Peer peer;

  // The decoded value of query parameter `name` (first one), nullopt when absent or malformed.
  // '+' stands for itself, not for a space: media types ("…+json") arrive unencoded, too.
  [[nodiscard]] std::optional<std::string> query_value(std::string_view name) const;
  // Every decoded value of `name`, in order.
  [[nodiscard]] std::vector<std::string> query_values(std::string_view name) const;
};

// What became of a response.
struct Delivery {
  int status = 0;           // that was sent: another one where a body could not be read to its end
  std::uint64_t bytes = 0;  // of the body, as far as the connection took them
  bool whole = false;       // false: the connection broke, or the request's body was malformed
};

struct Response {
  int status = 200;
  Headers headers;  // without Content-Length, Transfer-Encoding, Connection, Date: the server's
  Body body;
  // HEAD and 304: the Content-Length that GET would have had.
  std::optional<std::uint64_t> head_length;
  // Close the connection after this response.
  bool close = false;
  // Called at most once, when the response has left or failed, on the connection's I/O thread,
  // while the handler's context and request are still there. Must not throw.
  std::move_only_function<void(const Delivery&)> on_delivered;

  Response() = default;
  explicit Response(int status_code) : status(status_code) {}
};

// Answers one request. Runs on the connection's I/O thread; `context` and `request` outlive it and
// the sending of its response.
// May leave the request's body unread: the server then drains a bounded amount or closes with a
// lingering close, so that the client always gets to read the response.
using Handler = std::function<Task<Response>(Context& context, Request& request)>;

}  // namespace bunker::http
