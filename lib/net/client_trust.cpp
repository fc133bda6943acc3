#include "lib/net/client_trust.h"

#include <algorithm>
#include <new>

#include <openssl/x509v3.h>

#include "lib/base/encoding.h"
#include "lib/net/describe_certificate.h"
#include "lib/net/pem.h"

namespace bunker::net {
namespace {

constexpr std::size_t kVerdicts = 16'384;

std::string name_text(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::bad_alloc();
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return std::string(crypto::contents(bio.get()));
}

// An authority need not have a list, and its last one counts until there is a next: to refuse
// everybody because a list is late would be worse than what the list is there to prevent.
int tolerate_missing_lists(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      X509_STORE_CTX_set_error(context, X509_V_OK);
      return 1;
    default:
      return 0;
  }
}

}  // namespace

SystemTime earliest_expiry(const STACK_OF(X509) * chain) {
  SystemTime earliest = SystemTime::max();
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    earliest = std::min(earliest, to_system_time(X509_get0_notAfter(sk_X509_value(chain, i))));
  }
  return earliest;
}

Result<std::shared_ptr<const ClientTrust>> ClientTrust::create(const std::string& authorities,
                                                               const std::string& revocations,
                                                               const Clock& clock) {
  std::shared_ptr<ClientTrust> trust(new ClientTrust(clock));
  trust->store_.reset(X509_STORE_new());
  if (!trust->store_) throw std::bad_alloc();
  // Any authority may be the end of a chain, a root or not, as in other servers.
  X509_STORE_set_flags(trust->store_.get(), X509_V_FLAG_PARTIAL_CHAIN);
  BUNKER_TRY(trust->add_authorities(authorities));
  if (!revocations.empty()) BUNKER_TRY(trust->add_revocations(revocations));
  ERR_clear_error();
  return trust;
}

Result<void> ClientTrust::add_authorities(const std::string& pem) {
  BUNKER_TRY_ASSIGN(authorities_, parse_certificates(pem, "the file of client authorities"));
  for (const X509Ptr& authority : authorities_) {
    const SystemTime expires = to_system_time(X509_get0_notAfter(authority.get()));
    authorities_expire_ = std::min(authorities_expire_, expires);
    if (expires <= clock_.now()) {
      warnings_.push_back("the client authority " +
                          name_text(X509_get_subject_name(authority.get())) + " expired on " +
                          format_rfc3339(expires));
    }
    if (X509_STORE_add_cert(store_.get(), authority.get()) != 1) throw std::bad_alloc();
  }
  return {};
}

Result<bool> ClientTrust::belongs(X509_CRL* list, const std::string& issuer) const {
  bool named = false;
  for (const X509Ptr& authority : authorities_) {
    if (X509_NAME_cmp(X509_get_subject_name(authority.get()), X509_CRL_get_issuer(list)) != 0) {
      continue;
    }
    named = true;
    if (X509_CRL_verify(list, X509_get0_pubkey(authority.get())) == 1) return true;
  }
  ERR_clear_error();
  if (!named) return false;
  return fail(Code::invalid, "the revocation list of " + issuer + " has a wrong signature",
              "it was not signed by the client authority of that name");
}

Result<void> ClientTrust::add_revocations(const std::string& pem) {
  BUNKER_TRY_ASSIGN(const auto lists, parse_crls(pem, "the file of revocation lists"));
  bool any = false;
  for (const X509CrlPtr& list : lists) {
    const std::string issuer = name_text(X509_CRL_get_issuer(list.get()));
    BUNKER_TRY_ASSIGN(const bool ours, belongs(list.get(), issuer));
    if (!ours) {
      warnings_.push_back("the revocation list of " + issuer +
                          " is left out: that is none of the client authorities");
      continue;
    }
    const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list.get());
    const SystemTime due = next == nullptr ? SystemTime::max() : to_system_time(next);
    revocations_due_ = std::min(revocations_due_, due);
    if (due <= clock_.now()) {
      warnings_.push_back("the revocation list of " + issuer + " has been out of date since " +
                          format_rfc3339(due) + "; it counts until there is a new one");
    }
    revoked_ += static_cast<std::size_t>(
        std::max(0, sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list.get()))));
    if (X509_STORE_add_crl(store_.get(), list.get()) != 1) throw std::bad_alloc();
    any = true;
  }
  if (any) X509_STORE_set_flags(store_.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

int ClientTrust::verify(X509_STORE_CTX* context) const {
  X509_STORE_CTX_set_verify_cb(context, tolerate_missing_lists);
  X509_STORE_CTX_set_time(context, 0, std::chrono::system_clock::to_time_t(clock_.now()));
  return X509_verify_cert(context);
}

ClientTrust::Verdict ClientTrust::verify(std::span<const std::shared_ptr<X509>> chain) const {
  std::string key;
  for (const auto& certificate : chain) key += fingerprint(*certificate);
  {
    const std::lock_guard lock(mutex_);
    const auto known = verdicts_.find(key);
    if (known != verdicts_.end() &&
        (known->second.error != X509_V_OK || clock_.now() < known->second.expires)) {
      return known->second;
    }
  }
  const Verdict verdict = verify_anew(chain);
  const std::lock_guard lock(mutex_);
  if (verdicts_.size() >= kVerdicts) verdicts_.clear();
  verdicts_[key] = verdict;
  return verdict;
}

ClientTrust::Verdict ClientTrust::verify_anew(std::span<const std::shared_ptr<X509>> chain) const {
  const X509StoreContextPtr context(X509_STORE_CTX_new());
  STACK_OF(X509)* others = sk_X509_new_null();
  if (!context || others == nullptr) throw std::bad_alloc();
  for (const auto& certificate : chain.subspan(1)) sk_X509_push(others, certificate.get());
  Verdict verdict{X509_V_ERR_UNSPECIFIED, SystemTime::min()};
  if (X509_STORE_CTX_init(context.get(), store_.get(), chain.front().get(), others) == 1) {
    X509_STORE_CTX_set_default(context.get(), "ssl_client");
    if (verify(context.get()) == 1) {
      verdict = {X509_V_OK, earliest_expiry(X509_STORE_CTX_get0_chain(context.get()))};
    } else if (const int error = X509_STORE_CTX_get_error(context.get()); error != X509_V_OK) {
      verdict.error = error;
    }
  }
  sk_X509_free(others);
  ERR_clear_error();
  return verdict;
}

}  // namespace bunker::net
