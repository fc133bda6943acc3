#include "certsidecar/sds/server.h"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <envoy/extensions/transport_sockets/tls/v3/secret.pb.h>
#include <envoy/service/secret/v3/sds.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include "certsidecar/files/posix.h"
#include "certsidecar/sds/subscription.h"

namespace bunker::certsidecar {
namespace {

namespace discovery = envoy::service::discovery::v3;
using envoy::extensions::transport_sockets::tls::v3::Secret;
using Service = envoy::service::secret::v3::SecretDiscoveryService;

constexpr std::string_view kType =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

// All secrets as they go out, and who is to be told when they change.
class Hub {
 public:
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual void poke() = 0;  // something changed; quick
    [[nodiscard]] virtual bool settled(const SecretVersions& all) = 0;
  };

  struct Snapshot {
    SecretVersions versions;
    std::map<std::string, google::protobuf::Any, std::less<>> secrets;
  };

  Hub(Logger& logger, Metrics& metrics_registry, std::function<void()> on_answer)
      : log(logger),
        metrics(metrics_registry),
        answered(std::move(on_answer)),
        subscribers_(metrics_registry.gauge("bunker_sds_subscribers",
                                            "Streams that are open on the SDS socket.")) {}

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }

  void publish(std::shared_ptr<const Snapshot> next) {
    const std::lock_guard streams(streams_mutex_);
    {
      const std::lock_guard lock(mutex_);
      if (next->versions == snapshot_->versions) return;
      snapshot_ = std::move(next);
    }
    for (Stream* stream : streams_) stream->poke();
  }

  [[nodiscard]] bool settled() const {
    const auto now = snapshot();
    const std::lock_guard lock(streams_mutex_);
    for (Stream* stream : streams_) {
      if (!stream->settled(now->versions)) return false;
    }
    return true;
  }

  void add(Stream* stream) {
    const std::lock_guard lock(streams_mutex_);
    streams_.insert(stream);
    subscribers_.set(static_cast<double>(streams_.size()));
  }
  void remove(Stream* stream) {
    const std::lock_guard lock(streams_mutex_);
    streams_.erase(stream);
    subscribers_.set(static_cast<double>(streams_.size()));
  }

  // `text` is the subscriber's: the logger escapes it, and this bounds it.
  void note(Answer answer, const std::string& node, const std::string& text) {
    if (answer == Answer::refused) {
      log.warn("SDS subscriber refused what it was sent and keeps what it has",
               {{"node", node.substr(0, 200)}, {"error", text.substr(0, 1000)}});
      metrics.counter("bunker_sds_nacks_total", "Responses that an SDS subscriber refused.").add();
    }
    if (answer == Answer::refused || answer == Answer::accepted) answered();
  }

  Logger& log;
  Metrics& metrics;
  const std::function<void()> answered;

 private:
  Gauge& subscribers_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<Snapshot>();
  mutable std::mutex streams_mutex_;
  std::set<Stream*> streams_;
};

// --- Messages ------------------------------------------------------------------------------------

std::vector<std::string> list_of(const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

FullSubscription::Request read(const discovery::DiscoveryRequest& message) {
  return {message.version_info(), message.response_nonce(), list_of(message.resource_names()),
          message.has_error_detail()};
}

DeltaSubscription::Request read(const discovery::DeltaDiscoveryRequest& message) {
  DeltaSubscription::Request out{message.response_nonce(),
                                 list_of(message.resource_names_subscribe()),
                                 list_of(message.resource_names_unsubscribe()),
                                 {},
                                 message.has_error_detail()};
  for (const auto& [name, version] : message.initial_resource_versions()) {
    out.initial[name] = version;
  }
  return out;
}

void write(const SecretsToSend& what, const Hub::Snapshot& now, discovery::DiscoveryResponse& out) {
  out.Clear();
  out.set_version_info(what.version);
  out.set_nonce(what.nonce);
  out.set_type_url(std::string(kType));
  for (const std::string& name : what.names) *out.add_resources() = now.secrets.find(name)->second;
}

void write(const SecretsToSend& what, const Hub::Snapshot& now,
           discovery::DeltaDiscoveryResponse& out) {
  out.Clear();
  out.set_system_version_info(what.version);
  out.set_nonce(what.nonce);
  out.set_type_url(std::string(kType));
  for (const std::string& name : what.names) {
    discovery::Resource& resource = *out.add_resources();
    resource.set_name(name);
    resource.set_version(now.versions.find(name)->second);
    *resource.mutable_resource() = now.secrets.find(name)->second;
  }
  for (const std::string& name : what.removed) out.add_removed_resources(name);
}

// --- Streams -------------------------------------------------------------------------------------

// One stream of either kind; deletes itself when gRPC is done with it.
template <class Request, class Response, class Subscription>
class StreamReactor final : public grpc::ServerBidiReactor<Request, Response>, public Hub::Stream {
 public:
  explicit StreamReactor(Hub& hub) : hub_(hub) {
    hub_.add(this);
    this->StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      finish(grpc::Status::OK);  // the client has no more to say
      return;
    }
    if (!request_.type_url().empty() && request_.type_url() != kType) {
      finish({grpc::StatusCode::INVALID_ARGUMENT, "this server has secrets only"});
      return;
    }
    if (request_.has_node()) node_ = request_.node().id();
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      answer = subscription_.on_request(read(request_));
    }
    hub_.note(answer, node_, request_.error_detail().message());
    send();
    this->StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
    }
    if (ok) send();
  }

  void OnCancel() override { finish(grpc::Status::CANCELLED); }

  void OnDone() override {
    hub_.remove(this);
    delete this;
  }

  void poke() override { send(); }

  bool settled(const SecretVersions& all) override {
    const std::lock_guard lock(mutex_);
    return subscription_.settled(all);
  }

 private:
  void send() {
    const auto now = hub_.snapshot();
    const std::lock_guard lock(mutex_);
    if (writing_ || finished_) return;
    const auto what = subscription_.next(now->versions);
    if (!what) return;
    write(*what, *now, response_);
    writing_ = true;
    this->StartWrite(&response_);
  }

  void finish(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    this->Finish(status);
  }

  Hub& hub_;
  Request request_;
  std::string node_;
  std::mutex mutex_;
  Response response_;
  Subscription subscription_;
  bool writing_ = false;
  bool finished_ = false;
};

class SecretService final : public Service::CallbackService {
 public:
  explicit SecretService(Hub& hub) : hub_(hub) {}

  grpc::ServerBidiReactor<discovery::DiscoveryRequest, discovery::DiscoveryResponse>* StreamSecrets(
      grpc::CallbackServerContext*) override {
    return new StreamReactor<discovery::DiscoveryRequest, discovery::DiscoveryResponse,
                             FullSubscription>(hub_);
  }

  grpc::ServerBidiReactor<discovery::DeltaDiscoveryRequest, discovery::DeltaDiscoveryResponse>*
  DeltaSecrets(grpc::CallbackServerContext*) override {
    return new StreamReactor<discovery::DeltaDiscoveryRequest, discovery::DeltaDiscoveryResponse,
                             DeltaSubscription>(hub_);
  }

  grpc::ServerUnaryReactor* FetchSecrets(grpc::CallbackServerContext* context,
                                         const discovery::DiscoveryRequest* request,
                                         discovery::DiscoveryResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    FullSubscription once;
    FullSubscription::Request asked = read(*request);
    asked.version.clear();
    once.on_request(asked);
    const auto now = hub_.snapshot();
    const auto what = once.next(now->versions);
    if (!what) {
      reactor->Finish({grpc::StatusCode::NOT_FOUND, "there is no secret of these names"});
      return reactor;
    }
    write(*what, *now, *response);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  Hub& hub_;
};

google::protobuf::Any message_of(const Delivered& one) {
  Secret secret;
  secret.set_name(one.name);
  if (const auto* pair = std::get_if<DeliveredPair>(&one.content)) {
    auto& out = *secret.mutable_tls_certificate();
    out.mutable_certificate_chain()->set_inline_bytes(pair->chain);
    out.mutable_private_key()->set_inline_bytes(std::string(pair->key.view()));
  } else {
    const auto& trust = std::get<DeliveredTrust>(one.content);
    auto& out = *secret.mutable_validation_context();
    out.mutable_trusted_ca()->set_inline_bytes(trust.bundle);
    if (!trust.crl.empty()) out.mutable_crl()->set_inline_bytes(trust.crl);
    out.set_only_verify_leaf_cert_crl(true);
  }
  google::protobuf::Any any;
  any.set_type_url(std::string(kType));
  any.set_value(secret.SerializeAsString());
  return any;
}

class SdsServer final : public Delivery {
 public:
  SdsServer(SdsOptions options, Logger& log, Metrics& metrics)
      : hub_(log, metrics, std::move(options.answered)), service_(hub_) {}

  ~SdsServer() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }

  Result<void> start(const std::string& socket, mode_t mode) {
    const std::size_t slash = socket.rfind('/');
    if (slash != std::string::npos && slash > 0) {
      BUNKER_TRY(make_folders(socket.substr(0, slash), 0755));
    }
    grpc::ServerBuilder builder;
    // Nobody but who may open the socket gets here.
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(1 << 20);
    server_ = builder.BuildAndStart();
    if (!server_) {
      return fail(Code::internal, "cannot listen on the SDS socket " + socket,
                  "is another certsidecar running, or may the folder not be written to?");
    }
    if (::chmod(socket.c_str(), mode) != 0) return file_error("set the mode of", socket);
    return {};
  }

  void publish(std::vector<Delivered> all) override {
    auto next = std::make_shared<Hub::Snapshot>();
    for (const Delivered& one : all) {
      next->versions[one.name] = one.version;
      next->secrets[one.name] = message_of(one);
    }
    hub_.publish(std::move(next));
  }

  [[nodiscard]] bool settled() const override { return hub_.settled(); }

 private:
  Hub hub_;
  SecretService service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<Delivery>> start_sds(SdsOptions options, Logger& log, Metrics& metrics) {
  const std::string socket = options.socket;
  const mode_t mode = options.mode;
  auto server = std::make_unique<SdsServer>(std::move(options), log, metrics);
  BUNKER_TRY(server->start(socket, mode));
  return server;
}

}  // namespace bunker::certsidecar
