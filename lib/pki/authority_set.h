// All that an authority is over time: the CA that signs, the one that is prepared to follow, those
// that are trusted still, their revocation lists, and which client certificates are out. Values in,
// values out; stored as the files of docs/certsidecar.md, in a folder or a Secret. Pure; any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/pki/authority.h"
#include "lib/pki/crl.h"
#include "lib/pki/secret_text.h"

namespace bunker::pki {

struct PreparedAuthority {
  Authority authority;
  SystemTime since;
  std::uint64_t generation = 0;  // in which it came to be trusted
};

struct PreviousAuthority {
  Certificate certificate;
  std::optional<PrivateKey> key;  // to sign its revocation list with
  SystemTime since;               // when it stopped to sign
  std::uint64_t generation = 0;   // in which it did
  bool tainted = false;           // it stopped because its key may be known to others
};

// A client certificate that may be in use.
struct IssuedClient {
  std::string name;  // whose it is
  std::string serial;
  std::string authority;  // fingerprint of the CA's certificate
  SystemTime not_after;
  std::optional<SystemTime> replaced;  // when a newer one was issued for the same name
};

struct AuthoritySet {
  explicit AuthoritySet(Authority signer) : current(std::move(signer)) {}

  Authority current;
  std::optional<PreparedAuthority> next;
  std::vector<PreviousAuthority> previous;  // newest first
  std::vector<Crl> crls;
  std::vector<IssuedClient> issued;
  std::uint64_t generation = 1;          // counts changes of who signs and who is trusted
  std::chrono::seconds crl_lifetime{0};  // 0: lists last as long as their CA

  // Who signs, then who is prepared, then the previous ones.
  [[nodiscard]] std::vector<Certificate> trusted() const;
};

// File name -> content. Private keys are among them.
using AuthorityFiles = std::map<std::string, SecretText, std::less<>>;

// Whether `name` is one of the files that to_files() may write: such a file that it does not write
// any more is to be removed.
[[nodiscard]] bool is_authority_file(std::string_view name);

// not_found: there is no ca.crt (nor tls.crt); invalid: which file, and what is wrong with it.
[[nodiscard]] Result<AuthoritySet> parse_authority(const AuthorityFiles& files);
[[nodiscard]] AuthorityFiles to_files(const AuthoritySet& set);

// --- Changes -----------------------------------------------------------------------------------

// `next` is trusted from now on; one that was prepared before is forgotten.
void prepare(AuthoritySet& set, Authority next, SystemTime now);

// The prepared CA signs; the one that did becomes a previous one. invalid: none is prepared.
[[nodiscard]] Result<void> activate(AuthoritySet& set, SystemTime now, bool taint = false);

// The previous CA of this fingerprint is not trusted any more. not_found: there is none.
[[nodiscard]] Result<void> retire(AuthoritySet& set, std::string_view fingerprint);

// Notes a client certificate that one of the set's CAs signed; those of the same name count as
// replaced from now on. Expired ones are forgotten.
void record_issued(AuthoritySet& set, const std::string& name, const Certificate& certificate,
                   SystemTime now);

// Adds serials to the list of the CA that signed them (of every trusted one, where that is not
// known) and signs the lists anew.
[[nodiscard]] Result<void> revoke(AuthoritySet& set, const std::vector<std::string>& serials,
                                  SystemTime now);

// Signs the lists that are missing or due (a third of their life is over), and drops those of CAs
// that are not trusted. Whether anything changed. A CA whose key is not there keeps its list.
[[nodiscard]] Result<bool> refresh_crls(AuthoritySet& set, SystemTime now);

}  // namespace bunker::pki
