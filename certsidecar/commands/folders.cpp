// certsidecar renew, status, verify, install-client: what is in folders of certificates.
#include <algorithm>
#include <filesystem>
#include <ostream>
#include <vector>

#include "certsidecar/authority/folder_store.h"
#include "certsidecar/commands/authorities.h"
#include "certsidecar/commands/commands.h"
#include "certsidecar/duration.h"
#include "certsidecar/files/certificate_folder.h"
#include "lib/base/encoding.h"
#include "lib/pki/bundle.h"
#include "lib/pki/rotation_policy.h"
#include "lib/pki/verify.h"

namespace bunker::certsidecar {
namespace {

using pki::AuthoritySet;

struct Renewal {
  const FolderOptions& options;
  const Console& console;
  SystemTime now;
};

// Why the certificate is issued anew; empty: it is not.
std::string why_renew(const Renewal& renewal, const AuthoritySet& set, const Leaf& leaf,
                      const pki::LeafRequest& request) {
  if (renewal.options.force) return "it was asked for";
  const pki::LeafTarget target{request,
                               leaf.certificate.algorithm.value_or(pki::KeyAlgorithm::ecdsa_p256),
                               &set.current.certificate()};
  const auto reason = pki::renewal_reason({&leaf.certificate, &leaf.key}, target,
                                          pki::RotationPolicy(), renewal.now);
  return reason ? reason->message : "";
}

Result<Leaf> renewed(const Renewal& renewal, AuthorityStore& store, const Leaf& old,
                     const pki::LeafRequest& request) {
  const auto algorithm = old.certificate.algorithm.value_or(pki::KeyAlgorithm::ecdsa_p256);
  if (!request.for_clients) {
    BUNKER_TRY_ASSIGN(const AuthoritySet set, read_authority(store));
    return issue_leaf(set, request, algorithm, renewal.now);
  }
  std::optional<Leaf> leaf;
  BUNKER_TRY(update_authority(store, [&](AuthoritySet& one) -> Result<bool> {
    BUNKER_TRY_ASSIGN(leaf, issue_leaf(one, request, algorithm, renewal.now));
    pki::record_issued(one, request.subject.common_name, leaf->certificate, renewal.now);
    return true;
  }));
  return std::move(*leaf);
}

Result<void> renew_folder(const Renewal& renewal, const std::string& folder) {
  const FolderOptions& options = renewal.options;
  BUNKER_TRY_ASSIGN(CertificateFolder found, read_certificate_folder(folder));
  const auto store = make_folder_store(options.ca, renewal.console.clock);
  BUNKER_TRY_ASSIGN(const AuthoritySet set, read_authority(*store));
  Leaf leaf = std::move(*found.leaf);
  const pki::LeafRequest request = request_like(leaf.certificate);
  const std::string why = why_renew(renewal, set, leaf, request);
  if (!why.empty()) {
    BUNKER_TRY_ASSIGN(leaf, renewed(renewal, *store, leaf, request));
  }
  TrustFiles trust;
  BUNKER_TRY_ASSIGN(trust.bundle, server_bundle(options.server_ca, set, renewal.console));
  if (found.trust.client_bundle) {
    BUNKER_TRY_ASSIGN(
        const AuthoritySet clients,
        read_ca(options.client_ca.empty() ? options.ca : options.client_ca, renewal.console));
    trust.client_bundle = bundle_pem(clients);
    trust.client_crl = crl_pem(clients);
  }
  BUNKER_TRY_ASSIGN(const bool changed,
                    write_folder(folder, certificate_files(leaf, trust, found.layout, 0600),
                                 is_certificate_file, 0755));
  renewal.console.out << folder << ": ";
  if (!why.empty()) {
    renewal.console.out << "renewed until " << format_rfc3339(leaf.certificate.not_after) << " ("
                        << why << ")\n";
  } else {
    renewal.console.out << (changed ? "updated what it trusts\n" : "nothing to do\n");
  }
  return {};
}

// The bundle and lists that a folder's own certificate is to be judged by.
Result<void> verify_folder(const std::string& folder, const Console& console) {
  BUNKER_TRY_ASSIGN(const CertificateFolder found, read_certificate_folder(folder));
  const Leaf& leaf = *found.leaf;
  BUNKER_TRY_ASSIGN(const auto roots, pki::parse_bundle(found.trust.bundle));
  const pki::Trust trust{.roots = roots, .intermediates = leaf.intermediates};
  const auto purpose = leaf.certificate.for_servers ? pki::Purpose::server : pki::Purpose::client;
  auto verified = pki::verify(leaf.certificate, trust, purpose, console.clock.now());
  if (!verified) {
    verified.error().message = folder + ": " + verified.error().message;
    return verified;
  }
  console.out << folder << ": " << leaf.certificate.subject.text << " is good until "
              << format_rfc3339(leaf.certificate.not_after) << '\n';
  return {};
}

bool issued_by(const pki::Certificate& one, const pki::Certificate& issuer) {
  return one.issuer.text == issuer.subject.text && one.authority_key_id == issuer.subject_key_id;
}

// Whether all of `bundle` are CAs of the authority: one at least is today's, and the others may be
// of before a rotation, which bear its name with another mark.
bool is_of_authority(const std::vector<pki::Certificate>& bundle,
                     const std::vector<pki::Certificate>& trusted) {
  bool shared = false;
  for (const pki::Certificate& one : bundle) {
    const bool same = std::ranges::find(trusted, one) != trusted.end();
    const auto name = settings_like(one).common_name;
    const bool kin = same || std::ranges::any_of(trusted, [&](const pki::Certificate& other) {
                       return settings_like(other).common_name == name;
                     });
    if (!kin) return false;
    shared = shared || same;
  }
  return shared;
}

// invalid: the folder is of another authority, in part or whole; to keep it would change, unasked,
// whom it trusts, or who trusts it.
Result<void> check_authority(const std::string& folder, const CertificateFolder& found,
                             const AuthoritySet& set, const std::string& ca) {
  const auto foreign = [&](const std::string& what) {
    return fail(Code::invalid, folder + ": " + what + " is not of the authority in " + ca,
                "two authorities need a configuration: --config; a folder that missed a rotation "
                "is brought up to date by certsidecar renew");
  };
  const std::vector<pki::Certificate> trusted = set.trusted();
  BUNKER_TRY_ASSIGN(const auto roots, pki::parse_bundle(found.trust.bundle));
  if (!is_of_authority(roots, trusted)) return foreign("ca.crt");
  if (found.trust.client_bundle) {
    BUNKER_TRY_ASSIGN(const auto clients, pki::parse_bundle(*found.trust.client_bundle));
    if (!is_of_authority(clients, trusted)) return foreign("clientca.crt");
  }
  // One of a CA that is not trusted any more is renewed: the folder knows that CA still.
  for (const pki::Certificate& one : pki::merge(trusted, roots)) {
    if (issued_by(found.leaf->certificate, one)) return {};
  }
  return foreign("the certificate");
}

std::string remaining(SystemTime end, SystemTime now) {
  if (end <= now) return "EXPIRED";
  return format_duration(std::chrono::floor<std::chrono::seconds>(end - now)) + " left";
}

}  // namespace

Result<void> renew(const FolderOptions& options, const Console& console) {
  const Renewal renewal{options, console, console.clock.now()};
  for (const std::string& folder : options.folders) BUNKER_TRY(renew_folder(renewal, folder));
  return {};
}

Result<void> verify_folders(const FolderOptions& options, const Console& console) {
  for (const std::string& folder : options.folders) BUNKER_TRY(verify_folder(folder, console));
  return {};
}

Result<void> status(const FolderOptions& options, const Console& console) {
  const SystemTime now = console.clock.now();
  BUNKER_TRY_ASSIGN(const AuthoritySet set, read_ca(options.ca, console));
  const auto line = [&](std::string_view what, const pki::Certificate& one) {
    console.out << what << one.subject.text << ", until " << format_rfc3339(one.not_after) << " ("
                << remaining(one.not_after, now) << ")\n";
  };
  line("CA: ", set.current.certificate());
  if (set.next) line("next CA: ", set.next->authority.certificate());
  for (const auto& one : set.previous) line("previous CA: ", one.certificate);
  for (const pki::Crl& crl : set.crls) {
    console.out << "list " << crl.number << " of " << crl.issuer.text << ": " << crl.revoked.size()
                << " revoked, next update " << format_rfc3339(crl.next_update) << '\n';
  }
  for (const pki::IssuedClient& one : set.issued) {
    console.out << "client " << one.name << ": serial " << one.serial << ", until "
                << format_rfc3339(one.not_after) << " (" << remaining(one.not_after, now)
                << (one.replaced ? ", replaced)\n" : ")\n");
  }
  for (const std::string& folder : options.folders) {
    BUNKER_TRY_ASSIGN(const CertificateFolder found, read_certificate_folder(folder));
    line(folder + ": ", found.leaf->certificate);
    console.out << "  renewal at "
                << format_rfc3339(pki::renewal_time(found.leaf->certificate, pki::RotationPolicy()))
                << '\n';
  }
  return {};
}

Result<void> install_client(const FolderOptions& options, const Console& console) {
  BUNKER_TRY_ASSIGN(const CertificateFolder found, read_certificate_folder(options.folders.at(0)));
  if (!found.leaf->certificate.for_clients) {
    return fail(Code::invalid, options.folders[0] + " holds no client's certificate");
  }
  for (const std::string& host : options.hosts) {
    const std::string folder = options.certs_d + '/' + host;
    BUNKER_TRY(write_folder(folder,
                            certificate_files(*found.leaf, found.trust, Layout::certs_d, 0600),
                            is_certificate_file, 0755));
    console.out << "installed " << found.leaf->certificate.subject.text << " in " << folder << '\n';
  }
  return {};
}

Result<Config> keep(const FolderOptions& options, const std::string& replica, const Clock& clock) {
  BUNKER_TRY_ASSIGN(const AuthoritySet set, read_authority(*make_folder_store(options.ca, clock)));
  Config out;
  out.name = replica;
  AuthorityConfig authority;
  authority.name = "ca";
  authority.folder = options.ca;
  authority.settings = settings_like(set.current.certificate());
  out.authorities = {authority};
  for (const std::string& folder : options.folders) {
    BUNKER_TRY_ASSIGN(const CertificateFolder found, read_certificate_folder(folder));
    BUNKER_TRY(check_authority(folder, found, set, options.ca));
    CertificateConfig one;
    one.name = folder;
    one.authority = one.server_authority = authority.name;
    if (found.trust.client_bundle) one.client_authority = authority.name;
    one.request = request_like(found.leaf->certificate);
    one.algorithm = found.leaf->certificate.algorithm.value_or(one.algorithm);
    if (found.layout == Layout::certs_d) {
      const auto path = std::filesystem::absolute(folder).lexically_normal();
      one.hosts = {(path.has_filename() ? path : path.parent_path()).filename()};
      one.certs_d = (path.has_filename() ? path : path.parent_path()).parent_path();
    } else {
      one.folder = folder;
    }
    out.certificates.push_back(std::move(one));
  }
  return out;
}

}  // namespace bunker::certsidecar
