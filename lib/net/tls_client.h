// The client's side of TLS: whom we trust, and streams to servers that must prove their name.
// Thread-safe. Owner: whoever connects; the SSL objects that it made keep what they need of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/net/tls_stream.h"

namespace bunker::net {

struct TlsClientOptions {
  // A PEM file of authorities to trust beside the system's; empty: none.
  std::string ca_file;
  // PEM files of authorities to trust instead of the system's; empty: the system's.
  std::vector<std::string> only_ca_files;
  // PEM files of the certificate chain and key to show where the server asks; empty: none.
  std::string certificate_file, key_file;
  // Takes any certificate. Only for those who ask for it by name.
  bool skip_verify = false;
};

class TlsClient {
 public:
  // invalid: the authorities cannot be read.
  [[nodiscard]] static Result<std::unique_ptr<TlsClient>> create(const TlsClientOptions& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // An SSL object in connect state for a server that must have a certificate of `host`, a DNS name
  // or an address (RFC 6125, RFC 9525), and is told that name (SNI, RFC 6066 §3).
  [[nodiscard]] SslHandle open(const std::string& host) const;

 private:
  explicit TlsClient(SSL_CTX* context) noexcept : context_(context) {}
  SSL_CTX* context_;
};

}  // namespace bunker::net
