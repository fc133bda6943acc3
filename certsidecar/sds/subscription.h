// What one SDS stream wants, has been sent and has taken: the rules of Envoy's discovery protocol,
// state of the world and incremental, without gRPC. Pure; one thread at a time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bunker::certsidecar {

// Name -> version of all that there is.
using SecretVersions = std::map<std::string, std::string, std::less<>>;

// What a request of the client meant.
enum class Answer {
  stale,     // about a response that is not the latest: nothing is to be done
  request,   // it asks for something
  accepted,  // ACK
  refused,   // NACK: the client keeps what it has
};

struct SecretsToSend {
  std::string version;  // of the response
  std::string nonce;
  std::vector<std::string> names;    // to send
  std::vector<std::string> removed;  // incremental only
};

// StreamSecrets: each response holds everything that is asked for and there.
class FullSubscription {
 public:
  struct Request {
    std::string version;  // that the client uses
    std::string nonce;
    std::vector<std::string> names;
    bool refuses = false;  // error_detail is set
  };

  Answer on_request(const Request& request);
  // What to send now; nullopt: nothing, or the client has not answered the last response yet.
  std::optional<SecretsToSend> next(const SecretVersions& all);
  // Whether the client took all that it asked for.
  [[nodiscard]] bool settled(const SecretVersions& all) const;

 private:
  [[nodiscard]] SecretVersions wanted_of(const SecretVersions& all) const;

  bool began_ = false;
  bool awaiting_ = false;  // an answer to the last response
  bool taken_ = false;     // the last response was accepted
  bool asked_ = false;     // names were added: they are to be sent, known or not
  unsigned long responses_ = 0;
  std::string nonce_;
  std::string resumed_;  // the version that the client came with, until it is compared
  SecretVersions told_;  // what the last response held
  std::set<std::string, std::less<>> names_;
};

// DeltaSecrets: each response holds what changed.
class DeltaSubscription {
 public:
  struct Request {
    std::string nonce;
    std::vector<std::string> subscribe;
    std::vector<std::string> unsubscribe;
    SecretVersions initial;  // first request: what the client has
    bool refuses = false;
  };

  Answer on_request(const Request& request);
  std::optional<SecretsToSend> next(const SecretVersions& all);
  [[nodiscard]] bool settled(const SecretVersions& all) const;

 private:
  bool began_ = false;
  bool awaiting_ = false;
  bool taken_ = true;
  unsigned long responses_ = 0;
  std::string nonce_;
  std::set<std::string, std::less<>> names_;
  SecretVersions sent_;
};

}  // namespace bunker::certsidecar
