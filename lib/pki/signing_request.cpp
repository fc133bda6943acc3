#include "lib/pki/signing_request.h"

#include <openssl/pem.h>

#include "lib/pki/builder.h"
#include "lib/pki/pem_blocks.h"
#include "lib/pki/x509.h"

namespace bunker::pki {
namespace {

using RequestPtr = Owned<X509_REQ, X509_REQ_free>;

struct ExtensionsFreer {
  void operator()(X509_EXTENSIONS* list) const noexcept {
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
  }
};
using ExtensionsPtr = std::unique_ptr<X509_EXTENSIONS, ExtensionsFreer>;

Result<void> check_subject(const DistinguishedName& subject) {
  BUNKER_TRY(check_common_name(subject.common_name));
  for (const auto* list : {&subject.organizations, &subject.organizational_units}) {
    for (const std::string& name : *list) BUNKER_TRY(check_common_name(name));
  }
  return {};
}

AlternativeNames names_of(X509_REQ* request) {
  const ExtensionsPtr extensions(X509_REQ_get_extensions(request));
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  AlternativeNames out = alternative_names_of(names.get());
  (void)openssl_reason();  // what odd extensions left behind
  return out;
}

Result<RequestPtr> request_of(std::string_view pem) {
  BUNKER_TRY_ASSIGN(const auto blocks, pem_blocks(pem, "CERTIFICATE REQUEST", kMaxRequestBytes));
  if (blocks.empty()) {
    return fail(Code::invalid, "there is no signing request",
                "give a PEM file that holds -----BEGIN CERTIFICATE REQUEST-----");
  }
  const auto* at = reinterpret_cast<const unsigned char*>(blocks[0].data());
  const auto* end = at + blocks[0].size();
  RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(blocks[0].size())));
  if (!request) {
    return fail(Code::invalid, "the signing request is malformed: " + openssl_reason());
  }
  if (at != end) return fail(Code::invalid, "something follows the signing request");
  return request;
}

Result<PublicKey> key_of(X509_REQ* request) {
  EVP_PKEY* key = X509_REQ_get0_pubkey(request);
  if (key == nullptr) {
    return fail(Code::invalid, "the signing request's key is malformed: " + openssl_reason());
  }
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  if (size <= 0) return openssl_failed("read the key of a signing request");
  const std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return PublicKey::from_der(der);
}

}  // namespace

Result<SigningRequest> parse_signing_request(std::string_view pem) {
  BUNKER_TRY_ASSIGN(const RequestPtr request, request_of(pem));
  BUNKER_TRY_ASSIGN(PublicKey key, key_of(request.get()));
  if (X509_REQ_verify(request.get(), key.native()) != 1) {
    (void)openssl_reason();
    return fail(Code::invalid, "the signing request is not signed with the key that it is for");
  }
  SigningRequest out{std::move(key), name_of(X509_REQ_get_subject_name(request.get())),
                     names_of(request.get())};
  BUNKER_TRY(check_subject(out.subject));
  BUNKER_TRY(check_names(out.names));
  return out;
}

Result<std::string> make_signing_request(const PrivateKey& key, const DistinguishedName& subject,
                                         const AlternativeNames& names) {
  BUNKER_TRY(check_subject(subject));
  BUNKER_TRY(check_names(names));
  BUNKER_TRY_ASSIGN(const NamePtr name, make_name(subject));
  const RequestPtr request(X509_REQ_new());
  if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), name.get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.native()) != 1) {
    return openssl_failed("make a signing request");
  }
  if (!names.empty()) {
    BUNKER_TRY_ASSIGN(const GeneralNamesPtr list, make_general_names(names));
    X509_EXTENSIONS* raw = nullptr;
    const bool added =
        X509V3_add1_i2d(&raw, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) == 1;
    const ExtensionsPtr extensions(raw);
    if (!added || X509_REQ_add_extensions(request.get(), extensions.get()) != 1) {
      return openssl_failed("list the names of a signing request");
    }
  }
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (X509_REQ_sign(request.get(), key.native(), digest_for(key.native())) <= 0 || !bio ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
    return openssl_failed("sign a signing request");
  }
  return std::string(contents(bio.get()));
}

}  // namespace bunker::pki
