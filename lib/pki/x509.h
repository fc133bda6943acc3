// Between OpenSSL's X509 and our values. Internal to lib/pki. Pure; any thread.
#pragma once

#include "lib/pki/certificate.h"
#include "lib/pki/openssl.h"

namespace bunker::pki {

[[nodiscard]] Result<X509Ptr> x509_of(std::string_view der);
[[nodiscard]] Result<Certificate> certificate_of(X509* certificate);
[[nodiscard]] DistinguishedName name_of(const X509_NAME* name);

using GeneralNamesPtr = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

// Null: there are none. Kinds of name that AlternativeNames lacks are left out.
[[nodiscard]] AlternativeNames alternative_names_of(const GENERAL_NAMES* names);

}  // namespace bunker::pki
