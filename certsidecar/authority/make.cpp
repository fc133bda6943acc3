#include "certsidecar/authority/make.h"

#include <algorithm>
#include <utility>

namespace bunker::certsidecar {
namespace {

constexpr std::size_t kMarkDigits = 8;

bool is_mark(std::string_view text) {
  return text.size() == kMarkDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Result<pki::Authority> new_authority(const AuthoritySettings& settings, SystemTime now) {
  BUNKER_TRY_ASSIGN(const auto key, pki::PrivateKey::generate(settings.algorithm));
  pki::AuthorityRequest request;
  request.common_name =
      settings.common_name + ' ' + key.public_key().fingerprint().substr(0, kMarkDigits);
  request.organizations = settings.organizations;
  request.lifetime = settings.lifetime;
  return pki::make_authority(key, request, now);
}

AuthoritySettings settings_like(const pki::Certificate& current) {
  AuthoritySettings out;
  std::string_view name = current.subject.common_name;
  const std::size_t space = name.rfind(' ');
  if (space != std::string_view::npos && is_mark(name.substr(space + 1))) {
    name = name.substr(0, space);
  }
  // A name that fills its 64 characters has no room for the mark.
  std::size_t size = std::min<std::size_t>(name.size(), 64 - kMarkDigits - 1);
  while (size < name.size() && size > 0 && (name[size] & 0xc0) == 0x80) --size;  // whole UTF-8
  if (size > 0) out.common_name = name.substr(0, size);
  out.organizations = current.subject.organizations;
  out.algorithm = current.algorithm.value_or(pki::KeyAlgorithm::ecdsa_p256);
  const auto life = current.not_after - current.not_before;
  out.lifetime = std::chrono::floor<std::chrono::seconds>(life) - pki::AuthorityRequest().backdate;
  out.lifetime = std::max(out.lifetime, std::chrono::seconds(60));
  return out;
}

pki::LeafRequest request_like(const pki::Certificate& certificate) {
  pki::LeafRequest request;
  request.subject = certificate.subject;
  request.names = certificate.names;
  request.for_servers = certificate.for_servers;
  request.for_clients = certificate.for_clients;
  const auto life = certificate.not_after - certificate.not_before;
  request.lifetime = std::chrono::floor<std::chrono::seconds>(life) - request.backdate;
  request.lifetime = std::max(request.lifetime, pki::kMinLifetime);
  return request;
}

Result<pki::AuthoritySet> create_authority(AuthorityStore& store, const AuthoritySettings& settings,
                                           std::chrono::seconds crl_lifetime, SystemTime now) {
  const auto present = store.read();
  if (present) {
    return fail(Code::already_exists, store.description() + " holds an authority already",
                "to replace its CA: certsidecar ca rotate");
  }
  if (present.error().code != Code::not_found) return fail(present.error());
  BUNKER_TRY_ASSIGN(auto authority, new_authority(settings, now));
  pki::AuthoritySet set(std::move(authority));
  set.crl_lifetime = crl_lifetime;
  BUNKER_TRY(pki::refresh_crls(set, now));
  BUNKER_TRY(store.write(pki::to_files(set), ""));
  return set;
}

Result<Leaf> issue_leaf(const pki::AuthoritySet& set, const pki::LeafRequest& request,
                        pki::KeyAlgorithm algorithm, SystemTime now) {
  BUNKER_TRY(pki::check(request));
  BUNKER_TRY_ASSIGN(auto key, pki::PrivateKey::generate(algorithm));
  BUNKER_TRY_ASSIGN(auto certificate, pki::issue(set.current, key.public_key(), request, now));
  return Leaf{std::move(certificate), std::move(key), set.current.intermediates()};
}

}  // namespace bunker::certsidecar
