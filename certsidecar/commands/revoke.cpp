// certsidecar revoke
#include <algorithm>
#include <ostream>

#include "certsidecar/authority/folder_store.h"
#include "certsidecar/commands/commands.h"

namespace bunker::certsidecar {
namespace {

std::string plain_serial(std::string text) {
  std::erase(text, ':');
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.size() % 2 == 0 ? text : '0' + text;
}

}  // namespace

Result<void> revoke(const RevokeOptions& options, const Console& console) {
  if (options.names.empty() && options.serials.empty()) {
    return fail(Code::invalid, "it is not said which certificate to revoke",
                "give the name of a client, or --serial HEX");
  }
  const auto store = make_folder_store(options.ca, console.clock);
  const SystemTime now = console.clock.now();
  std::vector<std::string> serials;
  const auto change = [&](pki::AuthoritySet& set) -> Result<bool> {
    serials.clear();
    for (const std::string& serial : options.serials) serials.push_back(plain_serial(serial));
    for (const std::string& name : options.names) {
      const std::size_t before = serials.size();
      for (const pki::IssuedClient& one : set.issued) {
        if (one.name == name) serials.push_back(one.serial);
      }
      if (serials.size() == before) {
        return fail(Code::not_found, "no certificate of \"" + name + "\" is out",
                    "certsidecar status lists them; --serial revokes one that is not listed");
      }
    }
    BUNKER_TRY(pki::revoke(set, serials, now));
    return true;
  };
  BUNKER_TRY(update_authority(*store, change));
  for (const std::string& serial : serials) console.out << "revoked " << serial << '\n';
  console.out << "  a running certsidecar hands it out; without one: certsidecar renew FOLDER\n";
  return {};
}

}  // namespace bunker::certsidecar
