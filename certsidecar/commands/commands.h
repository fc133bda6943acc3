// The command line's commands, each a function of its options: reads and writes folders, and says
// on `out` what it did. Blocking; one thread. Not for `certsidecar run`.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

#include "certsidecar/authority/make.h"
#include "certsidecar/config/config.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/key.h"

namespace bunker::certsidecar {

// What every command needs.
struct Console {
  std::ostream& out;
  const Clock& clock;
};

// --- ca ------------------------------------------------------------------------------------------

struct CaOptions {
  std::string folder = "ca";
  AuthoritySettings settings;  // init; the others take over those of the CA that signs
  bool now = false;            // retire: without waiting for anybody
};

[[nodiscard]] Result<void> ca_init(const CaOptions& options, const Console& console);
[[nodiscard]] Result<void> ca_show(const CaOptions& options, const Console& console);
[[nodiscard]] Result<void> ca_prepare(const CaOptions& options, const Console& console);
[[nodiscard]] Result<void> ca_activate(const CaOptions& options, const Console& console);
[[nodiscard]] Result<void> ca_retire(const CaOptions& options, const Console& console);
[[nodiscard]] Result<void> ca_taint(const CaOptions& options, const Console& console);

// --- issue ---------------------------------------------------------------------------------------

struct IssueOptions {
  std::string ca = "ca";
  std::string client_ca;           // of a server: who its clients are of; "": `ca`
  std::string server_ca;           // of a client: who its servers are of; "": `ca`
  std::vector<std::string> names;  // a server's DNS names and addresses; a client's one name
  std::vector<std::string> organizations;
  std::vector<std::string> units;
  std::vector<std::string> uris;
  std::chrono::seconds lifetime = std::chrono::days(90);
  pki::KeyAlgorithm algorithm = pki::KeyAlgorithm::ecdsa_p256;
  std::string csr;                 // a client's: file of a request whose key is signed; "": a new
  std::string out;                 // folder; "": a server's is "certs", a client's none
  std::vector<std::string> hosts;  // a client's: for certs.d
  std::string certs_d = "/etc/docker/certs.d";
};

[[nodiscard]] Result<void> issue_server(const IssueOptions& options, const Console& console);
[[nodiscard]] Result<void> issue_client(const IssueOptions& options, const Console& console);

// --- what is there -------------------------------------------------------------------------------

struct FolderOptions {
  std::string ca = "ca";
  std::string client_ca;
  std::string server_ca;
  std::vector<std::string> folders;  // of certificates
  bool force = false;                // renew: also what is not due
  std::vector<std::string> hosts;    // install
  std::string certs_d = "/etc/docker/certs.d";
};

// Issues the certificates in `folders` anew where that is due, with the names they have, and hands
// out today's bundles and lists.
[[nodiscard]] Result<void> renew(const FolderOptions& options, const Console& console);
[[nodiscard]] Result<void> status(const FolderOptions& options, const Console& console);
// forbidden: one of them cannot be trusted, and why.
[[nodiscard]] Result<void> verify_folders(const FolderOptions& options, const Console& console);
// Copies the client certificate in folders[0] to certs.d for each host.
[[nodiscard]] Result<void> install_client(const FolderOptions& options, const Console& console);

// What `certsidecar run` is told to keep the folders as they are: the certificates in
// options.folders, all of the authority in options.ca, which is rotated when it is due. invalid: a
// folder trusts another authority, or is of another; else errors as of reading them.
[[nodiscard]] Result<Config> keep(const FolderOptions& options, const std::string& replica,
                                  const Clock& clock);

struct RevokeOptions {
  std::string ca = "ca";
  std::vector<std::string> names;
  std::vector<std::string> serials;  // hexadecimal, with or without colons
};

[[nodiscard]] Result<void> revoke(const RevokeOptions& options, const Console& console);

}  // namespace bunker::certsidecar
