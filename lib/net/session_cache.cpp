#include "lib/net/session_cache.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "lib/net/client_trust.h"
#include "lib/net/describe_certificate.h"

namespace bunker::net {
namespace {

using std::chrono::seconds;
using Proof = std::shared_ptr<const ProvenClient>;

constexpr seconds kLifetime = std::chrono::hours(8);
// The session of a client that showed more than this is not kept: its handshakes are in full.
constexpr int kMaxChain = 16 << 10;

void free_proof(void*, void* proof, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Proof*>(proof);
}

// OpenSSL copies a session where it would have to change one that others may use.
int copy_proof(CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, void** place, int, long, void*) {
  if (*place != nullptr) *place = new Proof(*static_cast<Proof*>(*place));
  return 1;
}

// Where a session keeps its Proof. OpenSSL wants one number in a process.
int proof_index() {
  static const int index =
      SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, copy_proof, free_proof);
  if (index < 0) throw std::runtime_error("OpenSSL gives no room in its sessions");
  return index;
}

std::shared_ptr<X509> owned(X509* certificate) {
  return {share(certificate).release(), X509_free};
}

// Of a handshake in full.
Proof verified_client(SSL* ssl) {
  const STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl);
  if (chain == nullptr || sk_X509_num(chain) == 0) return nullptr;
  auto client = std::make_shared<ProvenClient>();
  client->expires = earliest_expiry(chain);
  // Without the anchor, which was ours, unless the client's certificate is one itself.
  const int shown = std::max(1, sk_X509_num(chain) - 1);
  for (int i = 0; i < shown; ++i) client->chain.push_back(owned(sk_X509_value(chain, i)));
  client->certificate =
      std::make_shared<const PeerCertificate>(describe_certificate(*client->chain.front()));
  return client;
}

bool too_large(SSL* ssl) {
  // On a server the chain is what came beside the client's own certificate.
  X509* leaf = SSL_get0_peer_certificate(ssl);
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  int size = leaf == nullptr ? 0 : i2d_X509(leaf, nullptr);
  for (int i = 0; i < sk_X509_num(chain); ++i) size += i2d_X509(sk_X509_value(chain, i), nullptr);
  return size > kMaxChain;
}

template <class Id>
std::optional<Id> id_of(const unsigned char* bytes, std::size_t size) {
  Id id{};
  if (size != id.size()) return std::nullopt;
  std::copy_n(bytes, size, id.begin());
  return id;
}

SessionCache* cache_of(SSL_CTX* context) {
  return static_cast<SessionCache*>(SSL_CTX_get_app_data(context));
}

}  // namespace

std::size_t SessionCache::IdHash::operator()(const Id& id) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, id.data() + 1, sizeof(hash));
  return hash;
}

SessionCache::SessionCache(const Clock& clock, std::size_t limit)
    : clock_(clock), part_limit_(std::max<std::size_t>(1, limit / kParts)) {
  proof_index();
}

SessionCache::~SessionCache() = default;

void SessionCache::install(SSL_CTX* context, std::string_view trust) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);  // of TLS 1.2; in 1.3 they become names
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_timeout(context, kLifetime.count());
  SSL_CTX_set_num_tickets(context, 1);
  // OpenSSL takes a session of another context for none.
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(trust.data()),
                                 static_cast<unsigned>(trust.size()));
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_session_ticket_cb(context, on_ticket, nullptr, this);
  SSL_CTX_sess_set_new_cb(context, on_new);
  SSL_CTX_sess_set_get_cb(context, on_get);
  SSL_CTX_sess_set_remove_cb(context, on_remove);
}

Proof SessionCache::client_of(SSL* ssl) {
  const auto* known =
      static_cast<const Proof*>(SSL_SESSION_get_ex_data(SSL_get_session(ssl), proof_index()));
  if (known != nullptr) return *known;
  return SSL_session_reused(ssl) == 1 ? nullptr : verified_client(ssl);
}

// Makes the handshake's session remember the client, and no longer than it may.
void SessionCache::note_client(SSL* ssl) const {
  SSL_SESSION* session = SSL_get_session(ssl);
  const Proof client = client_of(ssl);
  seconds lifetime = kLifetime;
  if (client != nullptr) {
    const auto left = std::chrono::duration_cast<seconds>(client->expires - clock_.now());
    lifetime = std::clamp(left, seconds(0), kLifetime);
  }
  if (SSL_session_reused(ssl) != 1 && too_large(ssl)) lifetime = seconds(0);
  SSL_SESSION_set_timeout(session, lifetime.count());
  if (client == nullptr || SSL_SESSION_get_ex_data(session, proof_index()) != nullptr) return;
  auto proof = std::make_unique<Proof>(client);
  if (SSL_SESSION_set_ex_data(session, proof_index(), proof.get()) == 1) (void)proof.release();
}

// Before a ticket is made, which says how long it lives. TLS 1.3 only.
int SessionCache::on_ticket(SSL* ssl, void* self) {
  static_cast<const SessionCache*>(self)->note_client(ssl);
  return 1;
}

// Returns 1 where it keeps the reference that it is given.
int SessionCache::on_new(SSL* ssl, SSL_SESSION* session) {
  SessionCache* self = cache_of(SSL_get_SSL_CTX(ssl));
  if (SSL_version(ssl) != TLS1_3_VERSION) self->note_client(ssl);
  self->keep(session);
  return 1;
}

SSL_SESSION* SessionCache::on_get(SSL* ssl, const unsigned char* bytes, int size, int* copy) {
  *copy = 0;  // the reference is the caller's
  const auto id = id_of<Id>(bytes, static_cast<std::size_t>(std::max(size, 0)));
  return id ? cache_of(SSL_get_SSL_CTX(ssl))->find(*id) : nullptr;
}

// A connection that broke in a suspicious way takes its session with it.
void SessionCache::on_remove(SSL_CTX* context, SSL_SESSION* session) {
  unsigned size = 0;
  const unsigned char* bytes = SSL_SESSION_get_id(session, &size);
  if (const auto id = id_of<Id>(bytes, size)) cache_of(context)->remove(*id);
}

void SessionCache::keep(SSL_SESSION* given) {
  SessionPtr session(given);
  unsigned size = 0;
  const unsigned char* bytes = SSL_SESSION_get_id(given, &size);
  const auto id = id_of<Id>(bytes, size);
  const seconds lifetime(SSL_SESSION_get_timeout(given));
  if (!id || lifetime <= seconds(0)) return;
  const SystemTime now = clock_.now();
  Part& part = part_of(*id);
  SessionPtr replaced, oldest;  // freed without the lock
  const std::lock_guard lock(part.mutex);
  replaced = take(part, *id);
  if (part.order.size() >= part_limit_) oldest = take(part, part.order.front());
  part.order.push_back(*id);
  part.sessions.emplace(*id, Kept{std::move(session), now + lifetime, std::prev(part.order.end())});
}

SSL_SESSION* SessionCache::find(const Id& id) {
  Part& part = part_of(id);
  SessionPtr expired;
  const std::lock_guard lock(part.mutex);
  const auto found = part.sessions.find(id);
  if (found == part.sessions.end()) return nullptr;
  if (found->second.until <= clock_.now()) {
    expired = take(part, id);
    return nullptr;
  }
  SSL_SESSION* session = found->second.session.get();
  SSL_SESSION_up_ref(session);
  return session;
}

void SessionCache::remove(const Id& id) {
  Part& part = part_of(id);
  SessionPtr removed;
  const std::lock_guard lock(part.mutex);
  removed = take(part, id);
}

SessionCache::SessionPtr SessionCache::take(Part& part, const Id& id) {
  const auto found = part.sessions.find(id);
  if (found == part.sessions.end()) return nullptr;
  SessionPtr session = std::move(found->second.session);
  const auto place = found->second.place;
  part.sessions.erase(found);
  part.order.erase(place);  // may be what `id` refers to
  return session;
}

void SessionCache::clear() {
  for (Part& part : parts_) {
    std::unordered_map<Id, Kept, IdHash> gone;
    const std::lock_guard lock(part.mutex);
    gone.swap(part.sessions);
    part.order.clear();
  }
}

std::size_t SessionCache::size() const {
  std::size_t count = 0;
  for (const Part& part : parts_) {
    const std::lock_guard lock(part.mutex);
    count += part.sessions.size();
  }
  return count;
}

}  // namespace bunker::net
