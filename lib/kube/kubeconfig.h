// Where the API server is and who we are to it: from the pod that we run in, or a kubeconfig file.
// Thread rule: pure but for reading files.
#pragma once

#include <map>
#include <string>

#include "lib/base/result.h"
#include "lib/kube/credentials.h"

namespace bunker::kube {

struct ConnectionOptions {
  std::string server;       // URL
  std::string ca;           // PEM; empty: the system's authorities
  std::string server_name;  // tls-server-name
  bool verify = true;
  std::string ns = "default";  // of the context, or the pod's own
  CredentialOptions credentials;
};

using Environment = std::map<std::string, std::string>;

// What a pod has at hand: KUBERNETES_SERVICE_HOST and _PORT, and the files of its service account
// in `folder`. not_found: this is no pod with a service account.
[[nodiscard]] Result<ConnectionOptions> in_cluster_connection(
    const Environment& environment,
    const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

// The current context of a kubeconfig, or `context`. Relative paths in it are relative to it.
// not_found: there is no such file or context; invalid: it is no kubeconfig, or asks for something
// unknown here (auth-provider, user and password).
[[nodiscard]] Result<ConnectionOptions> kubeconfig_connection(const std::string& path,
                                                              const std::string& context = {});

// `path` if given, else the pod's own, else $KUBECONFIG, else ~/.kube/config.
[[nodiscard]] Result<ConnectionOptions> find_connection(const std::string& path,
                                                        const Environment& environment);

}  // namespace bunker::kube
