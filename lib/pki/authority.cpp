#include "lib/pki/authority.h"

#include <algorithm>
#include <utility>

#include "lib/pki/builder.h"
#include "lib/pki/bundle.h"
#include "lib/pki/x509.h"

namespace bunker::pki {

Authority::Authority(Certificate certificate, PrivateKey key, std::vector<Certificate> chain)
    : certificate_(std::move(certificate)), key_(std::move(key)), chain_(std::move(chain)) {}

Result<Authority> Authority::make(Certificate certificate, PrivateKey key,
                                  std::vector<Certificate> chain) {
  const std::string who = "the certificate of " + certificate.subject.text;
  if (!certificate.is_ca) {
    return fail(Code::invalid, who + " is not an authority's", "make one: certsidecar ca init");
  }
  if (!certificate.signs_certificates) {
    return fail(Code::invalid, who + " may not sign certificates (its key usage says so)");
  }
  if (!fits(key, certificate)) {
    return fail(Code::invalid, "the private key does not belong to " + who);
  }
  return Authority(std::move(certificate), std::move(key), std::move(chain));
}

Result<Authority> Authority::from_pem(std::string_view certificates, std::string_view key,
                                      std::string_view password) {
  BUNKER_TRY_ASSIGN(std::vector<Certificate> chain, parse_bundle(certificates));
  BUNKER_TRY_ASSIGN(PrivateKey private_key, PrivateKey::from_pem(key, password));
  Certificate certificate = std::move(chain.front());
  chain.erase(chain.begin());
  return make(std::move(certificate), std::move(private_key), std::move(chain));
}

std::vector<Certificate> Authority::chain() const {
  std::vector<Certificate> out = {certificate_};
  out.insert(out.end(), chain_.begin(), chain_.end());
  return out;
}

std::vector<Certificate> Authority::intermediates() const {
  std::vector<Certificate> out = chain();
  std::erase_if(out, [](const Certificate& one) { return one.subject.text == one.issuer.text; });
  return out;
}

Result<Authority> make_authority(const PrivateKey& key, const AuthorityRequest& request,
                                 SystemTime now) {
  if (request.common_name.empty()) return fail(Code::invalid, "an authority needs a name");
  BUNKER_TRY(check_common_name(request.common_name));
  for (const std::string& name : request.organizations) BUNKER_TRY(check_common_name(name));
  if (request.lifetime < std::chrono::minutes(1)) {
    return fail(Code::invalid, "an authority must live for a minute or more");
  }
  BUNKER_TRY_ASSIGN(auto builder, CertificateBuilder::make(key.public_key().native()));
  DistinguishedName name;
  name.common_name = request.common_name;
  name.organizations = request.organizations;
  BUNKER_TRY(builder.set_subject(name));
  BUNKER_TRY(builder.set_validity(now - request.backdate, now + request.lifetime));
  BUNKER_TRY(builder.set_issuer(nullptr));
  BUNKER_TRY(builder.make_ca());
  BUNKER_TRY_ASSIGN(Certificate certificate, builder.sign(key.native()));
  return Authority::make(std::move(certificate), key);
}

}  // namespace bunker::pki
