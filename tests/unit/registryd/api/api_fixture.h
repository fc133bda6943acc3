// Drives the handler without sockets: real registry over the memory store, requests built by hand.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lib/base/clock.h"
#include "lib/http/message.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/api/api.h"
#include "registryd/core/digest.h"
#include "registryd/core/registry.h"
#include "registryd/storage/memory/memory_store.h"

namespace bunker::api {

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";

[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string sha512(std::string_view bytes);

struct Answer {
  int status = 0;
  http::Headers headers;
  std::string body;
  std::optional<std::uint64_t> head_length;

  [[nodiscard]] std::string header(std::string_view name) const;
  // The code of the one error in the body; what is wrong with the body when it has none.
  [[nodiscard]] std::string code() const;
  [[nodiscard]] nlohmann::json json() const;
};

class ApiTest : public testing::Test {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

 protected:
  ApiTest();
  ~ApiTest() override;

  // A request; `target` is path and query. `body` is announced with its length.
  Answer send(std::string_view method, std::string_view target, const Fields& fields = {},
              std::string body = {});
  // The same without an announced length, as chunked bodies arrive.
  Answer send_chunked(std::string_view method, std::string_view target, const Fields& fields,
                      std::string body);

  // Builds the handler again with what the test changed below. The store stays.
  void restart();

  // Pushes with POST and PUT; returns the digest.
  std::string push_blob(std::string_view repository, const std::string& bytes);
  // An image of one layer under `reference`; returns the manifest's digest.
  std::string push_image(std::string_view repository, std::string_view reference,
                         const std::string& seed);
  // The bytes of that image's manifest.
  std::string image_manifest(std::string_view repository, const std::string& seed);
  // Adds a query parameter to a Location, as clients do.
  static std::string with(std::string location, std::string_view parameter);

  // What was logged since the last call; restarts.
  std::string logged();

  registry::Registry::Options registry_options_;
  Options options_;
  auth::Guard* guard_ = nullptr;
  Metrics metrics_;

 private:
  Answer run(std::string_view method, std::string_view target, const Fields& fields,
             std::string body, bool announced);

  SystemClock clock_;
  int log_read_ = -1;
  int log_write_ = -1;
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<storage::ObjectStore> store_ = storage::make_memory_store();
  std::unique_ptr<registry::Registry> registry_;
  http::Handler handler_;
};

}  // namespace bunker::api
