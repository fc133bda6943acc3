// Where credentials come from: the places that AWS's own tools look in, in their order. Each source
// is asked again whenever what it gave is about to expire; credentials.h decides when.
// Thread-safe where the HttpFetcher is. Owner: Credentials' keeper.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/runtime/task.h"
#include "registryd/storage/s3/sigv4.h"

namespace bunker::storage::s3 {

struct FetchRequest {
  std::string_view method = "GET";
  std::string url;
  NameValues headers;
  std::string body;
};
struct FetchReply {
  int status = 0;
  std::string body;
};

// A whole small HTTP exchange with a metadata or token service. Follows no redirects and uses no
// proxy: these services are beside us, or must be reached as they are named.
class HttpFetcher {
 public:
  virtual ~HttpFetcher() = default;
  // retry_later: nobody answered in time.
  virtual Task<Result<FetchReply>> fetch(FetchRequest request, SteadyTime deadline) = 0;
};

// The variables of the process, e.g. of getenv(). Unset and empty are the same.
using Environment = std::function<std::string(const char* name)>;

class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // "environment", "web identity": for logs.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  // Fresh credentials. not_found: this source has none, ask the next one.
  virtual Task<Result<Credentials>> load() = 0;
};

struct SourceOptions {
  // storage.s3.accesskey and its like; used alone when they are there.
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  std::string region;  // of the token service
};

// The sources that may have credentials here, in order: static keys, the environment, web identity
// (IRSA), the shared file, container credentials (ECS, EKS Pod Identity), instance metadata
// (IMDSv2). `fetcher` outlives them.
[[nodiscard]] std::vector<std::unique_ptr<CredentialSource>> make_sources(
    const SourceOptions& options, Environment environment, HttpFetcher& fetcher);

// --- Pure parts
// -----------------------------------------------------------------------------------

// What a container or instance metadata service answers (JSON).
[[nodiscard]] Result<Credentials> parse_metadata_credentials(std::string_view json);

// One profile of a shared credentials file. not_found: it has no keys there.
[[nodiscard]] Result<Credentials> parse_shared_file(std::string_view text,
                                                    std::string_view profile);

// Whether credentials may be fetched from `url` without TLS or with: HTTPS anywhere, HTTP from this
// host and from the link-local addresses that ECS and EKS use.
[[nodiscard]] bool is_allowed_container_url(std::string_view url);

}  // namespace bunker::storage::s3
