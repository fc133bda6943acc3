// Owners of OpenSSL's objects, and its errors and buffers as ours: the one place for them. Internal
// to the libraries that work with OpenSSL (lib/net, lib/pki, registryd/auth): none of their public
// headers includes this. Pure; any thread. An owner is of one thread at a time, as OpenSSL has it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

namespace bunker::crypto {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

// The owner of a `T` that `Free` frees. What only one file needs is an alias there.
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

using BignumPtr = Owned<BIGNUM, BN_free>;
using BioPtr = Owned<BIO, BIO_free_all>;
using KeyContextPtr = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using KeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;
using X509CrlPtr = Owned<X509_CRL, X509_CRL_free>;
using X509Ptr = Owned<X509, X509_free>;
using X509StoreContextPtr = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using X509StorePtr = Owned<X509_STORE, X509_STORE_free>;

// A stack that owns its certificates.
struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_pop_free(stack, X509_free); }
};
using X509StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;

// What OpenSSL says went wrong last on this thread, for a message; empties its queue.
[[nodiscard]] std::string openssl_reason();

// A BIO that reads `bytes`, which outlive it; at most 2 GiB of them.
[[nodiscard]] BioPtr reader_of(std::string_view bytes);

// Bytes of a BIO_s_mem, until it is written to or freed.
[[nodiscard]] std::string_view contents(BIO* memory);

}  // namespace bunker::crypto
