// certsidecar ca …
#include <ostream>

#include "certsidecar/authority/folder_store.h"
#include "certsidecar/commands/commands.h"
#include "certsidecar/duration.h"
#include "lib/base/encoding.h"
#include "lib/pki/ca_rotation.h"

namespace bunker::certsidecar {
namespace {

using pki::AuthoritySet;

void describe(std::ostream& out, std::string_view role, const pki::Certificate& ca,
              std::string_view more) {
  out << role << ca.subject.text << "\n  valid " << format_rfc3339(ca.not_before) << " to "
      << format_rfc3339(ca.not_after) << more << "\n  sha256 " << ca.fingerprint << '\n';
}

void describe_set(std::ostream& out, const AuthoritySet& set, SystemTime now) {
  describe(out, "signs:    ", set.current.certificate(), "");
  if (set.next) {
    describe(out, "next:     ", set.next->authority.certificate(),
             ", trusted since " + format_rfc3339(set.next->since));
  }
  for (const pki::PreviousAuthority& one : set.previous) {
    std::string more = one.tainted ? ", tainted" : "";
    const auto held = pki::held_until(set, one, pki::CaRotationPolicy(), now);
    more += held ? ", client certificates of it are in use until " + format_rfc3339(*held)
                 : ", no client certificate of it is in use";
    describe(out, "previous: ", one.certificate, more);
  }
  out << "generation " << set.generation << ", " << set.issued.size()
      << " client certificates are out\n";
}

// Changes the authority in the folder, and signs the lists that the change calls for.
Result<AuthoritySet> change(const CaOptions& options, const Console& console,
                            const std::function<Result<void>(AuthoritySet&, SystemTime)>& what) {
  const auto store = make_folder_store(options.folder, console.clock);
  const SystemTime now = console.clock.now();
  return update_authority(*store, [&](AuthoritySet& set) -> Result<bool> {
    BUNKER_TRY(what(set, now));
    BUNKER_TRY(pki::refresh_crls(set, now));
    return true;
  });
}

Result<void> prepare_successor(AuthoritySet& set, SystemTime now) {
  BUNKER_TRY_ASSIGN(auto next, new_authority(settings_like(set.current.certificate()), now));
  pki::prepare(set, std::move(next), now);
  return {};
}

}  // namespace

Result<void> ca_init(const CaOptions& options, const Console& console) {
  const auto store = make_folder_store(options.folder, console.clock);
  // Nobody signs the lists of the command line anew every week: they last as long as the CA.
  BUNKER_TRY_ASSIGN(
      const AuthoritySet set,
      create_authority(*store, options.settings, std::chrono::seconds(0), console.clock.now()));
  const pki::Certificate& ca = set.current.certificate();
  console.out << "made " << ca.subject.text << " in " << options.folder << ", valid until "
              << format_rfc3339(ca.not_after) << "\n  " << options.folder
              << "/bundle.crt is for everybody, " << options.folder << "/ca.key for nobody else\n";
  return {};
}

Result<void> ca_show(const CaOptions& options, const Console& console) {
  const auto store = make_folder_store(options.folder, console.clock);
  BUNKER_TRY_ASSIGN(const AuthoritySet set, read_authority(*store));
  describe_set(console.out, set, console.clock.now());
  return {};
}

Result<void> ca_prepare(const CaOptions& options, const Console& console) {
  BUNKER_TRY_ASSIGN(const AuthoritySet set,
                    change(options, console, [](AuthoritySet& one, SystemTime now) -> Result<void> {
                      if (one.next) {
                        return fail(Code::already_exists, "the next CA is prepared already",
                                    "give hosts bundle.crt, then: certsidecar ca activate");
                      }
                      return prepare_successor(one, now);
                    }));
  console.out << "prepared " << set.next->authority.certificate().subject.text << "\n  give "
              << options.folder << "/bundle.crt to every host, then: certsidecar ca activate\n";
  return {};
}

Result<void> ca_activate(const CaOptions& options, const Console& console) {
  BUNKER_TRY_ASSIGN(const AuthoritySet set,
                    change(options, console, [](AuthoritySet& one, SystemTime now) {
                      return pki::activate(one, now);
                    }));
  console.out << set.current.certificate().subject.text
              << " signs now\n  issue certificates anew: certsidecar renew FOLDER\n";
  return {};
}

Result<void> ca_retire(const CaOptions& options, const Console& console) {
  std::string gone;
  const auto retire_all = [&](AuthoritySet& set, SystemTime now) -> Result<void> {
    if (set.previous.empty()) return fail(Code::not_found, "there is no previous CA to retire");
    gone.clear();
    while (!set.previous.empty()) {
      const pki::PreviousAuthority& one = set.previous.back();
      const auto held = pki::held_until(set, one, pki::CaRotationPolicy(), now);
      if (held && !options.now) {
        return fail(Code::conflict,
                    "client certificates of " + one.certificate.subject.text +
                        " are in use until " + format_rfc3339(*held),
                    "issue them anew, wait, or cut them off with --now");
      }
      gone += "distrusted " + one.certificate.subject.text + '\n';
      BUNKER_TRY(pki::retire(set, std::string(one.certificate.fingerprint)));
    }
    return {};
  };
  BUNKER_TRY(change(options, console, retire_all));
  console.out << gone << "  hand it out: certsidecar renew FOLDER\n";
  return {};
}

Result<void> ca_taint(const CaOptions& options, const Console& console) {
  BUNKER_TRY_ASSIGN(const AuthoritySet set,
                    change(options, console, [](AuthoritySet& one, SystemTime now) -> Result<void> {
                      if (!one.next) BUNKER_TRY(prepare_successor(one, now));
                      return pki::activate(one, now, true);
                    }));
  console.out << set.current.certificate().subject.text << " signs now; "
              << set.previous.front().certificate.subject.text
              << " is tainted\n  hosts refuse new server certificates until they get "
              << options.folder
              << "/bundle.crt\n  issue certificates anew, then distrust it: certsidecar ca retire "
                 "--now\n";
  return {};
}

}  // namespace bunker::certsidecar
