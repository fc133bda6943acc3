// What `certsidecar run` is told to do: the YAML of docs/certsidecar.md as plain values. Pure; any
// thread.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "certsidecar/authority/make.h"
#include "lib/base/result.h"
#include "lib/observability/log.h"
#include "lib/pki/ca_rotation.h"
#include "lib/pki/issue.h"
#include "lib/pki/key.h"
#include "lib/pki/rotation_policy.h"

namespace bunker::certsidecar {

struct AuthorityConfig {
  enum class Source { folder, mounted, secret };

  std::string name;
  Source source = Source::folder;
  std::string folder;            // folder, mounted
  std::string secret;            // its name
  std::string secret_namespace;  // "": the pod's
  bool create = false;
  AuthoritySettings settings;
  bool rotate = true;
  pki::CaRotationPolicy policy;
  std::chrono::seconds crl_lifetime = std::chrono::days(7);
};

struct CertificateConfig {
  std::string name;
  std::string authority;
  std::string client_authority;  // "": its clients are not looked at
  std::string server_authority;  // whose CAs become ca.crt
  pki::LeafRequest request;
  pki::KeyAlgorithm algorithm = pki::KeyAlgorithm::ecdsa_p256;
  pki::RotationPolicy policy;
  std::string folder;  // "": none
  mode_t key_mode = 0600;
  std::string certs_d = "/etc/docker/certs.d";
  std::vector<std::string> hosts;  // in certs_d
};

struct Config {
  std::string name;  // of this replica
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  std::string debug_address;  // "": off
  std::vector<AuthorityConfig> authorities;
  std::vector<CertificateConfig> certificates;
  std::string sds_socket;  // "": off
  mode_t sds_mode = 0660;
  std::string lease;  // "": none
};

// `default_name`: of this replica, where the text gives none. invalid: every mistake in it, one a
// line, each with the key's path.
[[nodiscard]] Result<Config> parse_config(std::string_view yaml, const std::string& default_name);

}  // namespace bunker::certsidecar
