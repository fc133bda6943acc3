// TLS sessions that clients may resume (RFC 5246 §7.3, RFC 8446 §4.6.1), in this process's memory:
// a ticket is a random name, and what the client proved stays here, decoded. Tickets that hold the
// client's certificate would cost more at each resumption than the rest of the handshake, since
// OpenSSL 3.0 is slow at decoding public keys. Outlives a change of certificates; a session of
// other authorities or revocation lists is none: its client shakes hands in full and is verified
// anew. Bounded: the oldest sessions go first.
// Private to lib/net. Thread-safe. Owner: the server; outlives the handshakes.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/clock.h"
#include "lib/net/openssl.h"
#include "lib/net/peer_certificate.h"

namespace bunker::net {

// What a client whose certificate was verified has proved.
struct ProvenClient {
  std::shared_ptr<const PeerCertificate> certificate;
  std::vector<std::shared_ptr<X509>> chain;  // its certificate and what else it showed, verified
  SystemTime expires = SystemTime::max();    // when the first of the chain, anchor included, does
};

class SessionCache {
 public:
  // One with a certificate takes about 11 KB (OpenSSL's decoded key is most of it): 22 MB at most,
  // which Go's clients fill, too, though they do not resume by default.
  static constexpr std::size_t kSessions = 2048;

  // `clock` outlives it. Keeps about `limit` sessions, at least one in each of its parts.
  explicit SessionCache(const Clock& clock, std::size_t limit = kSessions);
  ~SessionCache();
  SessionCache(const SessionCache&) = delete;
  SessionCache& operator=(const SessionCache&) = delete;

  // Lets connections of `context` leave sessions and resume them. Those of contexts with another
  // `trust`, 32 bytes, are not taken.
  void install(SSL_CTX* context, std::string_view trust);

  // Forgets all sessions.
  void clear();
  [[nodiscard]] std::size_t size() const;

  // What is known of the client after a handshake, in full or resumed. Null where it was not
  // verified.
  [[nodiscard]] static std::shared_ptr<const ProvenClient> client_of(SSL* ssl);

 private:
  using SessionPtr = crypto::Owned<SSL_SESSION, SSL_SESSION_free>;
  using Id = std::array<unsigned char, SSL_MAX_SSL_SESSION_ID_LENGTH>;

  static constexpr std::size_t kParts = 16;

  struct IdHash {
    std::size_t operator()(const Id& id) const noexcept;  // they are random
  };
  struct Kept {
    SessionPtr session;
    SystemTime until;
    std::list<Id>::iterator place;
  };
  // One lock for each of several parts, so that I/O threads seldom meet.
  struct Part {
    mutable std::mutex mutex;
    std::unordered_map<Id, Kept, IdHash> sessions;
    std::list<Id> order;  // the oldest first
  };

  static int on_ticket(SSL* ssl, void* self);
  static int on_new(SSL* ssl, SSL_SESSION* session);
  static SSL_SESSION* on_get(SSL* ssl, const unsigned char* id, int size, int* copy);
  static void on_remove(SSL_CTX* context, SSL_SESSION* session);

  void note_client(SSL* ssl) const;
  void keep(SSL_SESSION* session);
  SSL_SESSION* find(const Id& id);
  void remove(const Id& id);
  static SessionPtr take(Part& part, const Id& id);  // with the part's lock held
  Part& part_of(const Id& id) { return parts_[id.front() % kParts]; }

  const Clock& clock_;
  const std::size_t part_limit_;
  std::array<Part, kParts> parts_;
};

}  // namespace bunker::net
