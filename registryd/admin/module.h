// The door to all that needs gRPC: a shared object beside the program, loaded when the
// configuration asks for it, since gRPC costs memory and time at every start.
//
// The module knows the program only through abstract classes and plain values of headers that it
// shares with it, so neither needs the other's symbols; both come of one build, which kVersion
// checks. What else needs gRPC gets a function here and a file in registryd/admin/grpc.
//
// Thread-safe. Owner: the composition root, which keeps the loaded module until all that it made is
// gone; its code stays mapped until the process ends.
#pragma once

#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/net/tls_material.h"
#include "registryd/admin/operations.h"

namespace bunker::admin {

struct ServerOptions {
  std::string socket;   // a path, mode 0600; empty: none. What is in its way is removed.
  std::string address;  // HOST:PORT, with mutual TLS; empty: none
  // PEM files for `address`: ours, and who may come in. Read at the start.
  std::string certificate, key, client_ca;
};

// Serves until it is destroyed, which cuts streams and waits for calls.
class Server {
 public:
  virtual ~Server() = default;
  // The port of `address`, where it had none of its own; 0 without `address`.
  [[nodiscard]] virtual int port() const = 0;
};

// Where TLS certificates come from by Envoy's SDS (secret discovery, v3).
struct SecretsOptions {
  std::string socket;       // the server's, a path
  std::string certificate;  // name of the secret that holds the server's certificate and key
  std::string client_ca;    // of the one with client authorities and revocations; empty: none
  std::string node;         // our name for the server's log
  // How long load() waits for the first set.
  std::chrono::nanoseconds patience = std::chrono::seconds(30);
};

// What happens to the stream of secrets. Called on the module's thread; quick.
class SecretsObserver {
 public:
  virtual ~SecretsObserver() = default;
  virtual void connected() = 0;
  // The stream ended, or could not be opened; it is tried again.
  virtual void lost(const std::string& reason) = 0;
  // A response was accepted (ACK) or refused (NACK).
  virtual void answered(bool accepted) = 0;
};

class Module {
 public:
  virtual ~Module() = default;
  virtual Result<std::unique_ptr<Server>> serve(Operations& operations, ServerOptions options) = 0;
  // Connects in load(), again whenever the stream ends. Sets that cannot be used are refused, with
  // the reason. `observer` outlives the source.
  virtual std::unique_ptr<net::TlsMaterialSource> secrets(SecretsOptions options,
                                                          SecretsObserver& observer) = 0;
  // `registryd admin …` without these two words. Returns the exit code: 0 done, 1 failed, 2 usage.
  virtual int run_client(const std::vector<std::string>& arguments, std::ostream& out,
                         std::ostream& errors) = 0;
};

// The module's one function of C: `bunker_module(kVersion)`; null for another version.
inline constexpr unsigned kVersion = 3;
inline constexpr const char* kEntry = "bunker_module";
using Entry = Module* (*)(unsigned version);

}  // namespace bunker::admin
