// A real S3 server for tests: versitygw on a port and a folder of its own, and what its access log
// says. Needs the program in build/tools (tests/tools/install_tools.sh versitygw), or
// BUNKER_VERSITYGW.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "registryd/storage/s3/credential_sources.h"
#include "registryd/storage/s3/settings.h"
#include "tests/support/temp_folder.h"

namespace bunker::test {

class S3Gateway {
 public:
  static constexpr const char* kAccessKey = "test-access-key";
  static constexpr const char* kSecretKey = "test-secret-key";

  // Starts the server and waits until it answers. Throws std::runtime_error when it does not.
  S3Gateway();
  ~S3Gateway();
  S3Gateway(const S3Gateway&) = delete;
  S3Gateway& operator=(const S3Gateway&) = delete;

  [[nodiscard]] unsigned port() const { return port_; }
  [[nodiscard]] std::string endpoint() const;

  // A new, empty bucket.
  [[nodiscard]] std::string make_bucket();
  // Settings for it, and the keys that open it.
  [[nodiscard]] storage::s3::Settings settings(const std::string& bucket) const;
  [[nodiscard]] static storage::s3::SourceOptions keys();

  // Multipart uploads of `bucket` that are neither completed nor aborted.
  [[nodiscard]] std::vector<std::string> open_uploads(const std::string& bucket) const;

  // The calls since the start or the last forget_calls(), by name: {"PutObject", 2}.
  [[nodiscard]] std::map<std::string, int> calls() const;
  void forget_calls();

 private:
  const TempFolder folder_;
  unsigned port_ = 0;
  pid_t process_ = -1;
  int buckets_ = 0;
  std::streamoff log_start_ = 0;
};

}  // namespace bunker::test
