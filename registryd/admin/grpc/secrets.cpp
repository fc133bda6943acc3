// TLS certificates from an SDS server: one stream of StreamSecrets for all names, opened again
// whenever it ends. A response is answered by ACK when its set is in use, else by NACK, and the
// last good set stays.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <envoy/extensions/transport_sockets/tls/v3/secret.pb.h>
#include <envoy/service/secret/v3/sds.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include "registryd/admin/grpc/parts.h"

namespace bunker::admin {
namespace {

namespace discovery = envoy::service::discovery::v3;
namespace core = envoy::config::core::v3;
using envoy::extensions::transport_sockets::tls::v3::Secret;
using Service = envoy::service::secret::v3::SecretDiscoveryService;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kType =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
constexpr int kLargestMessage = 64 << 20;  // a revocation list may be long
constexpr milliseconds kConnectTime{500};
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{5000};
// A stream that lasted so long was no failed attempt.
constexpr std::chrono::seconds kGoodStream{10};

using Secrets = std::map<std::string, Secret, std::less<>>;

std::string text_of(const Error& error) {
  return error.detail.empty() ? error.message : error.message + "; " + error.detail;
}

Result<std::string> inline_of(const core::DataSource& source, const std::string& what) {
  if (source.has_inline_bytes()) return source.inline_bytes();
  if (source.has_inline_string()) return source.inline_string();
  return fail(Code::invalid, what + " is not in the message",
              "registryd takes inline_bytes and inline_string; files are named in http.tls");
}

// `before` with the response's secrets laid over it.
Result<Secrets> laid_over(const Secrets& before, const discovery::DiscoveryResponse& response) {
  Secrets out = before;
  for (const google::protobuf::Any& any : response.resources()) {
    Secret secret;
    if (any.type_url() != kType || !secret.ParseFromString(any.value())) {
      return fail(Code::invalid, "a resource of the SDS server is no secret: " + any.type_url());
    }
    out[secret.name()] = std::move(secret);
  }
  return out;
}

// Which names of `options` are not in `secrets`, for a message.
std::string missing(const SecretsOptions& options, const Secrets& secrets) {
  std::string out;
  for (const std::string& name : {options.certificate, options.client_ca}) {
    if (name.empty() || secrets.contains(name)) continue;
    out += (out.empty() ? "" : " and ") + ("\"" + name + "\"");
  }
  return out;
}

// None of the names is missing.
Result<net::TlsMaterial> material_of(const SecretsOptions& options, const Secrets& secrets) {
  net::TlsMaterial out;
  const Secret& pair = secrets.find(options.certificate)->second;
  if (!pair.has_tls_certificate()) {
    return fail(Code::invalid, "the secret " + options.certificate + " is no TLS certificate");
  }
  BUNKER_TRY_ASSIGN(out.certificate, inline_of(pair.tls_certificate().certificate_chain(),
                                               "the chain of " + options.certificate));
  BUNKER_TRY_ASSIGN(out.key, inline_of(pair.tls_certificate().private_key(),
                                       "the key of " + options.certificate));
  if (options.client_ca.empty()) return out;
  const Secret& trust = secrets.find(options.client_ca)->second;
  if (!trust.has_validation_context()) {
    return fail(Code::invalid, "the secret " + options.client_ca + " is no validation context");
  }
  const auto& context = trust.validation_context();
  BUNKER_TRY_ASSIGN(out.client_authorities,
                    inline_of(context.trusted_ca(), "the authorities of " + options.client_ca));
  if (out.client_authorities.empty()) {  // which would mean that clients need no certificate
    return fail(Code::invalid, "the secret " + options.client_ca + " holds no authorities");
  }
  if (context.has_crl()) {
    BUNKER_TRY_ASSIGN(out.revocations,
                      inline_of(context.crl(), "the revocations of " + options.client_ca));
  }
  return out;
}

std::shared_ptr<grpc::Channel> open_channel(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kLargestMessage);
  // A channel of its own each time, so that no earlier failure holds it up.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstPause.count());
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

class SecretSource final : public net::TlsMaterialSource {
 public:
  SecretSource(SecretsOptions options, SecretsObserver& observer)
      : options_(std::move(options)), observer_(observer) {}
  ~SecretSource() override { stop(); }

  Result<net::TlsMaterial> load() override {
    thread_ = std::thread([this] { run(); });
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, options_.patience, [this] { return first_.has_value(); });
    if (first_) return *first_;
    return fail(Code::retry_later,
                "the SDS server at " + options_.socket + " has sent no TLS certificates",
                problem_ + ": is certsidecar running, with this socket and these names?");
  }

  // Waits for a moment, so that the server gets to know.
  void refuse(const Error& why) override {
    decide(std::unexpected(why));
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kFirstPause, [this] { return refused_; });
  }

  void watch(Offer offer, std::function<void(const Error&)> unreadable) override {
    {
      const std::lock_guard lock(mutex_);
      offer_ = std::move(offer);
      unreadable_ = std::move(unreadable);
    }
    decide({});
  }

  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (context_ != nullptr) context_->TryCancel();
      changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  using Stream =
      grpc::ClientReaderWriter<discovery::DiscoveryRequest, discovery::DiscoveryResponse>;

  // What became of the set that load() gave.
  void decide(Result<void> verdict) {
    const std::lock_guard lock(mutex_);
    verdict_ = std::move(verdict);
    changed_.notify_all();
  }

  void run() {
    milliseconds pause = kFirstPause;
    while (true) {
      const auto begun = steady_clock::now();
      const std::string reason = stream_once();
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        problem_ = reason;
      }
      observer_.lost(reason);
      if (steady_clock::now() - begun > kGoodStream) pause = kFirstPause;
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, pause, [this] { return stopping_; })) return;
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  // Returns why the stream ended.
  std::string stream_once() {
    const auto channel = open_channel(options_.socket);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + kConnectTime)) {
      return "nobody answers at " + options_.socket;
    }
    observer_.connected();
    grpc::ClientContext context;
    if (!use(&context)) return "stopping";
    const auto stub = Service::NewStub(channel);
    const auto stream = stub->StreamSecrets(&context);
    if (stream->Write(request({}))) {
      note(missing(options_, secrets_));
      discovery::DiscoveryResponse response;
      while (stream->Read(&response) && answer(*stream, response)) {
      }
    }
    context.TryCancel();  // where the end was our side's
    const grpc::Status status = stream->Finish();
    use(nullptr);
    return status.error_message().empty() ? "the server ended the stream" : status.error_message();
  }

  // Whom stop() cancels. False: it has been called, and nothing is kept.
  bool use(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    context_ = stopping_ ? nullptr : context;
    return !stopping_;
  }

  void note(const std::string& names) {
    const std::lock_guard lock(mutex_);
    problem_ = names.empty() ? "it is silent" : "it has not sent the secret " + names;
  }

  [[nodiscard]] discovery::DiscoveryRequest request(const std::string& nonce) const {
    discovery::DiscoveryRequest out;
    out.set_version_info(version_);
    out.mutable_node()->set_id(options_.node);
    out.mutable_node()->set_cluster("registryd");
    out.add_resource_names(options_.certificate);
    if (!options_.client_ca.empty()) out.add_resource_names(options_.client_ca);
    out.set_type_url(kType);
    out.set_response_nonce(nonce);
    return out;
  }

  bool answer(Stream& stream, const discovery::DiscoveryResponse& response) {
    auto taken = take(response);
    if (taken) version_ = response.version_info();
    discovery::DiscoveryRequest reply = request(response.nonce());
    if (!taken) {
      reply.mutable_error_detail()->set_code(grpc::StatusCode::INVALID_ARGUMENT);
      reply.mutable_error_detail()->set_message(text_of(taken.error()));
    }
    observer_.answered(taken.has_value());
    const bool sent = stream.Write(reply);
    const std::lock_guard lock(mutex_);
    refused_ = !taken.has_value();
    changed_.notify_all();
    return sent;
  }

  // Takes what the response changes into use, once nothing is missing.
  Result<void> take(const discovery::DiscoveryResponse& response) {
    auto all = laid_over(secrets_, response);
    if (!all) return unreadable(all.error());
    const std::string absent = missing(options_, *all);
    note(absent);
    if (absent.empty()) {
      auto set = material_of(options_, *all);
      if (!set) return unreadable(set.error());
      if (in_use_ != *set) BUNKER_TRY(offer(*set));
      in_use_ = std::move(*set);
    }
    secrets_ = std::move(*all);
    return {};
  }

  Result<void> unreadable(const Error& error) {
    std::function<void(const Error&)> told;
    {
      const std::lock_guard lock(mutex_);
      told = unreadable_;
      problem_ = text_of(error);
    }
    if (told) told(error);
    return std::unexpected(error);
  }

  // The first set goes through load(), whose caller decides on it.
  Result<void> offer(const net::TlsMaterial& set) {
    std::unique_lock lock(mutex_);
    if (offer_) {
      const Offer offered = offer_;
      lock.unlock();
      return offered(set);
    }
    first_ = set;
    changed_.notify_all();
    changed_.wait(lock, [this] { return verdict_.has_value() || stopping_; });
    if (verdict_) return *std::exchange(verdict_, std::nullopt);
    return fail(Code::cancelled, "registryd stops");
  }

  const SecretsOptions options_;
  SecretsObserver& observer_;

  // The thread's alone.
  std::string version_;  // of what is in use
  Secrets secrets_;      // the last good ones
  std::optional<net::TlsMaterial> in_use_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Offer offer_;
  std::function<void(const Error&)> unreadable_;
  std::optional<net::TlsMaterial> first_;
  std::optional<Result<void>> verdict_;  // on `first_`
  std::string problem_ = "it was not reached";
  grpc::ClientContext* context_ = nullptr;
  bool refused_ = false;  // the last answer was NACK
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace

std::unique_ptr<net::TlsMaterialSource> make_secret_source(SecretsOptions options,
                                                           SecretsObserver& observer) {
  return std::make_unique<SecretSource>(std::move(options), observer);
}

}  // namespace bunker::admin
