#include "lib/pki/verify.h"

#include <string>

#include <openssl/x509_vfy.h>

#include "lib/base/encoding.h"
#include "lib/pki/x509.h"

namespace bunker::pki {
namespace {

using crypto::X509StackPtr;
using crypto::X509StoreContextPtr;
using crypto::X509StorePtr;

Result<X509StorePtr> store_of(const Trust& trust) {
  X509StorePtr store(X509_STORE_new());
  if (!store) return openssl_failed("make a list of authorities");
  for (const Certificate& root : trust.roots) {
    BUNKER_TRY_ASSIGN(const X509Ptr certificate, x509_of(root.der));
    if (X509_STORE_add_cert(store.get(), certificate.get()) != 1) {
      return openssl_failed("trust an authority");
    }
  }
  for (const Crl& crl : trust.crls) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(crl.der.data());
    const X509CrlPtr list(d2i_X509_CRL(nullptr, &bytes, static_cast<long>(crl.der.size())));
    if (!list || X509_STORE_add_crl(store.get(), list.get()) != 1) {
      return openssl_failed("use a revocation list");
    }
  }
  return store;
}

Result<X509StackPtr> stack_of(std::span<const Certificate> certificates) {
  X509StackPtr out(sk_X509_new_null());
  if (!out) return openssl_failed("make a chain");
  for (const Certificate& one : certificates) {
    BUNKER_TRY_ASSIGN(X509Ptr certificate, x509_of(one.der));
    if (sk_X509_push(out.get(), certificate.get()) <= 0) return openssl_failed("make a chain");
    (void)certificate.release();
  }
  return out;
}

int purpose_id(Purpose purpose) {
  if (purpose == Purpose::server) return X509_PURPOSE_SSL_SERVER;
  return purpose == Purpose::client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_ANY;
}

std::unexpected<Error> refused(X509_STORE_CTX* context, SystemTime now) {
  const int code = X509_STORE_CTX_get_error(context);
  X509* at = X509_STORE_CTX_get_current_cert(context);
  std::string who = at == nullptr ? "" : name_of(X509_get_subject_name(at)).text;
  std::string message =
      "the certificate of " + who + " cannot be trusted: " + X509_verify_cert_error_string(code);
  if (code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID) {
    if (const auto read = certificate_of(at)) {
      message += " (valid from " + format_rfc3339(read->not_before) + " to " +
                 format_rfc3339(read->not_after) + ", now " + format_rfc3339(now) + ')';
    }
  }
  return fail(Code::forbidden, std::move(message));
}

}  // namespace

Result<void> verify(const Certificate& leaf, const Trust& trust, Purpose purpose, SystemTime now) {
  BUNKER_TRY_ASSIGN(const X509StorePtr store, store_of(trust));
  BUNKER_TRY_ASSIGN(const X509StackPtr chain, stack_of(trust.intermediates));
  BUNKER_TRY_ASSIGN(const X509Ptr certificate, x509_of(leaf.der));
  const X509StoreContextPtr context(X509_STORE_CTX_new());
  if (!context ||
      X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), chain.get()) != 1) {
    return openssl_failed("verify a certificate");
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, to_seconds(now));
  X509_VERIFY_PARAM_set_purpose(parameters, purpose_id(purpose));
  if (!trust.crls.empty()) X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_CRL_CHECK);
  const bool trusted = X509_verify_cert(context.get()) == 1;
  if (!trusted) return refused(context.get(), now);
  return {};
}

}  // namespace bunker::pki
