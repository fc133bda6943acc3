#include "lib/pki/issue.h"

#include <algorithm>

#include "lib/base/encoding.h"
#include "lib/pki/builder.h"
#include "lib/pki/x509.h"

namespace bunker::pki {

Result<void> check(const LeafRequest& request) {
  BUNKER_TRY(check_common_name(request.subject.common_name));
  for (const std::string& name : request.subject.organizations) {
    BUNKER_TRY(check_common_name(name));
  }
  for (const std::string& name : request.subject.organizational_units) {
    BUNKER_TRY(check_common_name(name));
  }
  BUNKER_TRY(check_names(request.names));
  if (!request.for_servers && !request.for_clients) {
    return fail(Code::invalid, "a certificate must be for servers, for clients, or for both");
  }
  if (request.for_servers && request.names.empty()) {
    return fail(Code::invalid, "a server's certificate needs a DNS name or an IP address",
                "clients look at these names alone, not at the common name");
  }
  if (request.subject.common_name.empty() && request.names.empty()) {
    return fail(Code::invalid, "a certificate needs a name");
  }
  if (request.lifetime < kMinLifetime) {
    return fail(Code::invalid, "a certificate must live for " +
                                   std::to_string(kMinLifetime.count()) + " seconds or more");
  }
  return {};
}

Result<Certificate> issue(const Authority& authority, const PublicKey& key,
                          const LeafRequest& request, SystemTime now) {
  BUNKER_TRY(check(request));
  const Certificate& issuer = authority.certificate();
  if (now < issuer.not_before || now >= issuer.not_after) {
    return fail(Code::out_of_range,
                "the authority " + issuer.subject.text + " is valid from " +
                    format_rfc3339(issuer.not_before) + " to " + format_rfc3339(issuer.not_after) +
                    ", and it is " + format_rfc3339(now),
                "rotate it (certsidecar ca rotate), or set the clock");
  }
  BUNKER_TRY_ASSIGN(const X509Ptr signer, x509_of(issuer.der));
  BUNKER_TRY_ASSIGN(auto builder, CertificateBuilder::make(key.native()));
  BUNKER_TRY(builder.set_subject(request.subject));
  BUNKER_TRY(builder.set_validity(std::max(now - request.backdate, issuer.not_before),
                                  std::min(now + request.lifetime, issuer.not_after)));
  BUNKER_TRY(builder.set_issuer(signer.get()));
  BUNKER_TRY(builder.make_leaf(request.for_servers, request.for_clients));
  BUNKER_TRY(builder.set_names(request.names));
  return builder.sign(authority.key().native());
}

}  // namespace bunker::pki
