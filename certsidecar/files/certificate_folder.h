// The folders that certificates are handed over in: docs/certsidecar.md, "What it writes". Blocking
// where it reads; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certsidecar/files/atomic_folder.h"
#include "lib/base/result.h"
#include "lib/pki/authority_set.h"
#include "lib/pki/certificate.h"
#include "lib/pki/key.h"

namespace bunker::certsidecar {

// A certificate with all that its holder shows and needs to show it.
struct Leaf {
  pki::Certificate certificate;
  pki::PrivateKey key;
  std::vector<pki::Certificate> intermediates;

  // Leaf and intermediates, PEM.
  [[nodiscard]] std::string chain_pem() const;
};

// What the holder of a certificate trusts, PEM.
struct TrustFiles {
  std::string bundle;                        // those that it, or its peer, verifies servers with
  std::optional<std::string> client_bundle;  // of a server: those that clients must be of
  std::optional<std::string> client_crl;
};

enum class Layout {
  pair,     // tls.crt, tls.key, tls.pem, ca.crt, clientca.crt, clientca.crl
  certs_d,  // ca.crt, client.cert, client.key
};

[[nodiscard]] FolderFiles certificate_files(const Leaf& leaf, const TrustFiles& trust,
                                            Layout layout, mode_t key_mode);

// Whether certificate_files() may make a file of this name.
[[nodiscard]] bool is_certificate_file(std::string_view name);

// A folder as found: what is missing or unreadable in it is absent.
struct CertificateFolder {
  Layout layout = Layout::pair;
  std::optional<Leaf> leaf;
  TrustFiles trust;
};

// not_found: there is no such folder, or neither layout's certificate in it; invalid: its
// certificate or key is malformed, or they do not belong together.
[[nodiscard]] Result<CertificateFolder> read_certificate_folder(const std::string& folder);

// What holders of the set's certificates are given to trust, and its lists, as PEM.
[[nodiscard]] std::string bundle_pem(const pki::AuthoritySet& set);
[[nodiscard]] std::string crl_pem(const pki::AuthoritySet& set);

}  // namespace bunker::certsidecar
