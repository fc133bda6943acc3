// certsidecar issue …
#include "lib/pki/issue.h"

#include <filesystem>
#include <ostream>
#include <system_error>

#include "certsidecar/authority/folder_store.h"
#include "certsidecar/commands/authorities.h"
#include "certsidecar/commands/commands.h"
#include "certsidecar/files/certificate_folder.h"
#include "certsidecar/files/posix.h"
#include "lib/base/encoding.h"
#include "lib/pki/bundle.h"
#include "lib/pki/signing_request.h"

namespace bunker::certsidecar {
namespace {

namespace fs = std::filesystem;

using pki::AuthoritySet;

pki::LeafRequest request_of(const IssueOptions& options) {
  pki::LeafRequest request;
  if (!options.names.empty()) request.subject.common_name = options.names.front();
  // A host name may be longer than a common name can be; nobody looks at a server's.
  if (request.subject.common_name.size() > 64) request.subject.common_name.clear();
  request.subject.organizations = options.organizations;
  request.subject.organizational_units = options.units;
  request.names.uris = options.uris;
  request.lifetime = options.lifetime;
  return request;
}

void report(const Console& console, const pki::Certificate& leaf, const std::string& where) {
  console.out << "issued " << leaf.subject.text << " by " << leaf.issuer.text << ", valid until "
              << format_rfc3339(leaf.not_after) << ", in " << where << '\n';
}

// The key of a request file, which asks to be called what the command line says, or nothing.
Result<pki::PublicKey> key_to_sign(const IssueOptions& options) {
  BUNKER_TRY_ASSIGN(const auto text, read_file(options.csr));
  auto request = pki::parse_signing_request(text.view());
  if (!request) {
    return fail(Code::invalid, options.csr + ": " + request.error().message,
                request.error().detail);
  }
  const std::string& asked = request->subject.common_name;
  if (!asked.empty() && asked != options.names.front()) {
    return fail(Code::invalid,
                options.csr + " is of \"" + asked + "\", not of \"" + options.names.front() + '"',
                "give the name that the certificate is to have; only the key is taken from it");
  }
  return std::move(request->key);
}

// invalid: the certificate would lie beside another's key. The request's own may be there.
Result<void> check_no_other_key(const std::string& folder, const pki::PublicKey& key) {
  const auto holds = [&](const char* name) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(folder + '/' + name, ignored));
  };
  bool taken = holds("..data") || holds("client.key");
  if (!taken && holds("tls.key")) {
    BUNKER_TRY_ASSIGN(const auto text, read_file(folder + "/tls.key"));
    const auto present = pki::PrivateKey::from_pem(text.view());
    taken = !present || present->public_key() != key;
  }
  if (!taken) return {};
  return fail(Code::invalid, folder + " holds a certificate with its key already",
              "give another folder for a request's");
}

// A certificate for a key that stays where it was made: the folder gets all but the key.
Result<void> sign_request(const IssueOptions& options, const Console& console) {
  if (options.out.empty() || !options.hosts.empty()) {
    return fail(Code::invalid, "a signed request goes into a folder, as its key is elsewhere",
                "give --out FOLDER, and no --host");
  }
  BUNKER_TRY_ASSIGN(const auto key, key_to_sign(options));
  BUNKER_TRY(check_no_other_key(options.out, key));
  pki::LeafRequest request = request_of(options);
  request.for_clients = true;
  const auto store = make_folder_store(options.ca, console.clock);
  const SystemTime now = console.clock.now();
  std::optional<pki::Certificate> leaf;
  BUNKER_TRY_ASSIGN(const AuthoritySet set,
                    update_authority(*store, [&](AuthoritySet& one) -> Result<bool> {
                      BUNKER_TRY_ASSIGN(leaf, pki::issue(one.current, key, request, now));
                      pki::record_issued(one, request.subject.common_name, *leaf, now);
                      return true;
                    }));
  BUNKER_TRY_ASSIGN(const std::string bundle, server_bundle(options.server_ca, set, console));
  const std::string chain = pki::to_pem(*leaf) + pki::to_pem(set.current.intermediates());
  BUNKER_TRY(make_folders(options.out, 0755));
  BUNKER_TRY(replace_file(options.out + "/tls.crt", chain, 0644));
  BUNKER_TRY(replace_file(options.out + "/ca.crt", bundle, 0644));
  report(console, *leaf, options.out);
  return {};
}

}  // namespace

Result<void> issue_server(const IssueOptions& options, const Console& console) {
  pki::LeafRequest request = request_of(options);
  request.for_servers = true;
  const pki::AlternativeNames hosts = pki::names_of_hosts(options.names);
  request.names.dns = hosts.dns;
  request.names.ips = hosts.ips;
  BUNKER_TRY_ASSIGN(const AuthoritySet set, read_ca(options.ca, console));
  BUNKER_TRY_ASSIGN(const AuthoritySet clients,
                    read_ca(options.client_ca.empty() ? options.ca : options.client_ca, console));
  BUNKER_TRY_ASSIGN(const Leaf leaf,
                    issue_leaf(set, request, options.algorithm, console.clock.now()));
  const std::string folder = options.out.empty() ? "certs" : options.out;
  const TrustFiles trust{bundle_pem(set), bundle_pem(clients), crl_pem(clients)};
  BUNKER_TRY(write_folder(folder, certificate_files(leaf, trust, Layout::pair, 0600),
                          is_certificate_file, 0755));
  report(console, leaf.certificate, folder);
  return {};
}

Result<void> issue_client(const IssueOptions& options, const Console& console) {
  if (!options.csr.empty()) return sign_request(options, console);
  if (options.out.empty() && options.hosts.empty()) {
    return fail(Code::invalid, "it is not said where to put the certificate",
                "add --host HOST[:PORT] for docker's certs.d, or --out FOLDER");
  }
  pki::LeafRequest request = request_of(options);
  request.for_clients = true;
  const auto store = make_folder_store(options.ca, console.clock);
  const SystemTime now = console.clock.now();
  std::optional<Leaf> leaf;
  // On record before it is handed out, so that it can be revoked, and holds its CA in place.
  BUNKER_TRY_ASSIGN(const AuthoritySet set,
                    update_authority(*store, [&](AuthoritySet& one) -> Result<bool> {
                      BUNKER_TRY_ASSIGN(leaf, issue_leaf(one, request, options.algorithm, now));
                      pki::record_issued(one, request.subject.common_name, leaf->certificate, now);
                      return true;
                    }));
  TrustFiles trust;
  BUNKER_TRY_ASSIGN(trust.bundle, server_bundle(options.server_ca, set, console));
  if (!options.out.empty()) {
    BUNKER_TRY(write_folder(options.out, certificate_files(*leaf, trust, Layout::pair, 0600),
                            is_certificate_file, 0755));
    report(console, leaf->certificate, options.out);
  }
  for (const std::string& host : options.hosts) {
    const std::string folder = options.certs_d + '/' + host;
    BUNKER_TRY(write_folder(folder, certificate_files(*leaf, trust, Layout::certs_d, 0600),
                            is_certificate_file, 0755));
    report(console, leaf->certificate, folder);
  }
  return {};
}

}  // namespace bunker::certsidecar
