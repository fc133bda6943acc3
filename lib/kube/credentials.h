// Who a client is to the API server: a token, a token file that is read again as it is renewed, a
// client certificate, or a program that hands out either. Secrets are never logged.
// Thread rule: any thread. Owner: the RestClient.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/kube/transport.h"

namespace bunker::kube {

// A program that prints an ExecCredential (client.authentication.k8s.io/v1 or v1beta1).
struct ExecPlugin {
  std::string command;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> env;
  std::string api_version;
};

struct CredentialOptions {
  std::string token;
  std::string token_file;        // read again every minute, and when its token is refused
  ClientIdentity identity;       // PEM
  std::string certificate_file;  // read again at each new connection
  std::string key_file;
  ExecPlugin exec;  // command empty: none
};

class Credentials {
 public:
  virtual ~Credentials() = default;

  // The bearer token for the next request; empty: none.
  virtual Result<std::string> bearer() = 0;
  // The API server did not take what bearer() gave: true where the next one may be another.
  virtual bool refused() = 0;
  // The certificate for the next connection; empty where there is none or it cannot be had.
  virtual ClientIdentity identity() = 0;
};

// `clock` outlives the result.
[[nodiscard]] std::unique_ptr<Credentials> make_credentials(CredentialOptions options,
                                                            const Clock& clock);

}  // namespace bunker::kube
