#include "certsidecar/commands/authorities.h"

#include "certsidecar/authority/folder_store.h"
#include "certsidecar/files/certificate_folder.h"

namespace bunker::certsidecar {

Result<pki::AuthoritySet> read_ca(const std::string& folder, const Console& console) {
  return read_authority(*make_folder_store(folder, console.clock));
}

Result<std::string> server_bundle(const std::string& server_ca, const pki::AuthoritySet& own,
                                  const Console& console) {
  if (server_ca.empty()) return bundle_pem(own);
  BUNKER_TRY_ASSIGN(const pki::AuthoritySet servers, read_ca(server_ca, console));
  return bundle_pem(servers);
}

}  // namespace bunker::certsidecar
