// Authorities and leaves for the tests of lib/pki, made with lib/pki at a fixed time.
#pragma once

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/pki/authority.h"
#include "lib/pki/issue.h"

namespace bunker::pki {

// 2026-11-24T12:00:00Z
inline const SystemTime kNow = SystemTime(std::chrono::seconds(1'795'521'600));

inline PrivateKey new_key(KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256) {
  return PrivateKey::generate(algorithm).value();
}

inline Authority new_authority(const std::string& name = "Test CA", SystemTime now = kNow,
                               std::chrono::seconds lifetime = std::chrono::days(3650)) {
  AuthorityRequest request;
  request.common_name = name;
  request.lifetime = lifetime;
  return make_authority(new_key(), request, now).value();
}

inline LeafRequest server_request(const std::string& host = "registry.example.com") {
  LeafRequest request;
  request.subject.common_name = host;
  request.names.dns = {host};
  request.for_servers = true;
  return request;
}

inline LeafRequest client_request(const std::string& name = "ci") {
  LeafRequest request;
  request.subject.common_name = name;
  request.for_clients = true;
  return request;
}

}  // namespace bunker::pki
