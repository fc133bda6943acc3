#include "registryd/storage/s3/s3_store.h"

#include <algorithm>
#include <utility>

#include "registryd/storage/object_key.h"
#include "registryd/storage/s3/backend.h"
#include "registryd/storage/s3/lister.h"
#include "registryd/storage/s3/reader.h"
#include "registryd/storage/s3/remove.h"
#include "registryd/storage/s3/unfinished.h"

namespace bunker::storage::s3 {
namespace {

constexpr std::uint64_t kFirstMemory = std::uint64_t{32} << 20;
constexpr unsigned kMaxPresigned = 7 * 24 * 3600;  // the longest that S3 takes

// Of all three steps that a call begins with, the first that fails.
Result<void> check_call(const Context& context, const ObjectKey& key) {
  BUNKER_TRY(check_key(key));
  return check_deadline(context);
}

class S3Store final : public ObjectStore {
 public:
  S3Store(StoreOptions options, Endpoint endpoint, Endpoint redirect, const StoreDeps& deps)
      : redirect_(std::move(redirect)),
        can_redirect_(
            !options.settings.redirect_disabled &&
            (!options.settings.redirect_endpoint.empty() || is_public_host(redirect_.host))),
        backend_{.settings = options.settings,
                 .calls = Calls(options.settings, endpoint),
                 .client = Client(client_options(options, endpoint), deps.dialer, deps.credentials,
                                  deps.clock),
                 .clock = deps.clock,
                 .part_memory = Semaphore(options.part_memory_bytes),
                 .first_memory = Semaphore(kFirstMemory)} {}

  [[nodiscard]] std::string_view driver() const noexcept override { return "s3"; }
  [[nodiscard]] bool remote() const noexcept override { return true; }

  Task<Result<ObjectInfo>> head(Context& context, ObjectKey key) override {
    BUNKER_CO_TRY(check_call(context, key));
    const Call call = backend_.calls.head(key);
    BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend_.expect_done(context, call));
    co_return info_of(reply);
  }

  Task<Result<Object>> get(Context& context, ObjectKey key, ByteRange range) override {
    BUNKER_CO_TRY(check_call(context, key));
    co_return co_await open_object(backend_, context, std::move(key), range);
  }

  Task<Result<std::string>> read(Context& context, ObjectKey key, std::size_t limit) override {
    BUNKER_CO_TRY(check_call(context, key));
    BUNKER_CO_TRY_ASSIGN(Object object, co_await open_object(backend_, context, key, {}));
    if (object.info.size > limit) {
      co_return fail(Code::too_large, key + " is over " + std::to_string(limit) + " bytes");
    }
    const auto source = make_source(std::move(object.body));
    co_return co_await read_all(*source, limit);
  }

  Task<Result<void>> put(Context& context, ObjectKey key, std::string bytes) override {
    BUNKER_CO_TRY(check_call(context, key));
    Call call = backend_.calls.put(key);
    call.body = std::move(bytes);
    BUNKER_CO_TRY(co_await backend_.expect_done(context, call));
    co_return Result<void>();
  }

  Task<Result<ListPage>> list(Context& context, std::string prefix, ListOptions options) override {
    BUNKER_CO_TRY(check_deadline(context));
    co_return co_await list_objects(backend_, context, std::move(prefix), std::move(options));
  }

  Task<Result<void>> remove(Context& context, std::vector<ObjectKey> keys) override {
    for (const ObjectKey& key : keys) BUNKER_CO_TRY(check_key(key));
    BUNKER_CO_TRY(check_deadline(context));
    co_return co_await remove_objects(backend_, context, std::move(keys));
  }

  Task<Result<std::unique_ptr<UploadWriter>>> open_upload(
      Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override {
    BUNKER_CO_TRY(check_call(context, scratch));
    co_return co_await s3::open_upload(backend_, context, std::move(scratch), std::move(token),
                                       offset, expected_size);
  }

  Task<Result<Object>> read_upload(Context& context, ObjectKey scratch,
                                   std::string token) override {
    BUNKER_CO_TRY(check_call(context, scratch));
    co_return co_await s3::read_upload(backend_, context, std::move(scratch), std::move(token));
  }

  Task<Result<void>> abort_upload(Context& context, ObjectKey scratch, std::string token) override {
    BUNKER_CO_TRY(check_call(context, scratch));
    co_return co_await s3::abort_upload(backend_, context, std::move(scratch), std::move(token));
  }

  [[nodiscard]] std::optional<std::string> presign_get(const ObjectKey& key,
                                                       unsigned seconds) override {
    if (!can_redirect_ || !check_key(key)) return std::nullopt;
    return backend_.client.presign(redirect_, backend_.calls.path_at(redirect_, key),
                                   std::clamp(seconds, 1u, kMaxPresigned));
  }

 private:
  static Client::Options client_options(const StoreOptions& options, const Endpoint& endpoint) {
    Client::Options out;
    out.endpoint = endpoint;
    out.region = options.settings.region;
    out.bucket = options.settings.bucket;
    out.user_agent = options.settings.user_agent;
    // What TLS protects, or never leaves the machine, needs no second hash of every blob.
    out.sign_payloads =
        options.settings.sign_payloads.value_or(!endpoint.tls && !is_loopback(endpoint.host));
    out.retries = options.retries;
    out.observer = options.observer;
    return out;
  }

  const Endpoint redirect_;
  const bool can_redirect_;
  Backend backend_;
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> make_s3_store(StoreOptions options, const StoreDeps& deps) {
  BUNKER_TRY(check(options.settings));
  BUNKER_TRY_ASSIGN(Endpoint endpoint, resolve_endpoint(options.settings));
  BUNKER_TRY_ASSIGN(Endpoint redirect, resolve_redirect_endpoint(options.settings));
  return std::make_unique<S3Store>(std::move(options), std::move(endpoint), std::move(redirect),
                                   deps);
}

}  // namespace bunker::storage::s3
