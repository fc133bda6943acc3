// The admin service over Operations.
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bunker/admin/v1/admin.grpc.pb.h"
#include "registryd/admin/grpc/parts.h"

namespace bunker::admin {
namespace {

namespace v1 = ::bunker::admin::v1;
using grpc::ServerContext;
using grpc::Status;
using std::chrono::milliseconds;

constexpr milliseconds kShortestInterval{50};
constexpr std::chrono::seconds kDefaultInterval{1};

grpc::StatusCode status_code(Code code) {
  switch (code) {
    case Code::not_found:
      return grpc::StatusCode::NOT_FOUND;
    case Code::already_exists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case Code::invalid:
    case Code::too_large:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::unauthenticated:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Code::forbidden:
      return grpc::StatusCode::PERMISSION_DENIED;
    case Code::conflict:
      return grpc::StatusCode::ABORTED;
    case Code::out_of_range:
      return grpc::StatusCode::OUT_OF_RANGE;
    case Code::unsupported:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::retry_later:
      return grpc::StatusCode::UNAVAILABLE;
    case Code::cancelled:
      return grpc::StatusCode::CANCELLED;
    case Code::data_loss:
      return grpc::StatusCode::DATA_LOSS;
    case Code::internal:
      return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::UNKNOWN;
}

Status status_of(const Error& error) {
  std::string text = error.message;
  if (!error.detail.empty()) text += "; " + error.detail;
  return {status_code(error.code), std::move(text)};
}

template <class T>
Status status_of(const Result<T>& result) {
  return result ? Status::OK : status_of(result.error());
}

void fill(const CollectionStatus& from, v1::Collection& to) {
  to.set_phase(from.phase);
  to.set_run(from.run);
  to.set_dry_run(from.dry_run);
  to.set_resumed(from.resumed);
  to.set_repositories(from.repositories);
  to.set_manifests(from.manifests);
  to.set_blobs(from.blobs);
  to.set_bytes(from.bytes);
  to.set_candidates(from.candidates);
  to.set_candidate_bytes(from.candidate_bytes);
  to.set_rescued(from.rescued);
  to.set_deleted(from.deleted);
  to.set_deleted_blobs(from.deleted_blobs);
  to.set_deleted_bytes(from.deleted_bytes);
  to.set_error(from.error);
  for (const std::string& warning : from.warnings) to.add_warnings(warning);
}

class Service final : public v1::Admin::Service {
 public:
  explicit Service(Operations& operations) : operations_(operations) {}

  Status StartCollection(ServerContext*, const v1::StartCollectionRequest* request,
                         v1::StartCollectionResponse*) override {
    CollectionRequest wanted;
    wanted.dry_run = request->dry_run();
    if (request->has_delete_untagged()) wanted.delete_untagged = request->delete_untagged();
    if (request->has_grace()) wanted.grace = std::chrono::seconds(request->grace().seconds());
    if (request->has_minimum_age()) {
      wanted.minimum_age = std::chrono::seconds(request->minimum_age().seconds());
    }
    if (wanted.grace.value_or(std::chrono::seconds(0)).count() < 0 ||
        wanted.minimum_age.value_or(std::chrono::seconds(0)).count() < 0) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "times of a collection are not negative"};
    }
    return status_of(operations_.start_collection(wanted));
  }

  Status GetCollection(ServerContext*, const v1::GetCollectionRequest*,
                       v1::Collection* response) override {
    fill(operations_.collection(), *response);
    return Status::OK;
  }

  Status WatchCollection(ServerContext* context, const v1::WatchCollectionRequest* request,
                         grpc::ServerWriter<v1::Collection>* writer) override {
    milliseconds interval = kDefaultInterval;
    if (request->has_interval()) {
      interval = milliseconds(request->interval().seconds() * 1000 +
                              request->interval().nanos() / 1'000'000);
    }
    interval = std::max(interval, kShortestInterval);
    while (!context->IsCancelled()) {
      const CollectionStatus status = operations_.collection();
      v1::Collection message;
      fill(status, message);
      if (!writer->Write(message) || !status.running) return Status::OK;
      std::this_thread::sleep_for(interval);
    }
    return Status::CANCELLED;
  }

  Status CancelCollection(ServerContext*, const v1::CancelCollectionRequest*,
                          v1::CancelCollectionResponse*) override {
    operations_.cancel_collection();
    return Status::OK;
  }

  Status Reload(ServerContext*, const v1::ReloadRequest*, v1::ReloadResponse* response) override {
    for (const Reloaded& from : operations_.reload()) {
      v1::Reloaded& to = *response->add_results();
      to.set_what(from.what);
      to.set_path(from.path);
      to.set_loaded(from.error.empty());
      to.set_error(from.error);
    }
    return Status::OK;
  }

  Status SetReadOnly(ServerContext*, const v1::SetReadOnlyRequest* request,
                     v1::SetReadOnlyResponse*) override {
    operations_.set_read_only(request->read_only());
    return Status::OK;
  }

  Status FlushCache(ServerContext*, const v1::FlushCacheRequest*,
                    v1::FlushCacheResponse*) override {
    return status_of(operations_.flush_cache());
  }

  Status GetStatistics(ServerContext*, const v1::GetStatisticsRequest*,
                       v1::Statistics* response) override {
    const Statistics from = operations_.statistics();
    response->set_version(from.version);
    response->set_revision(from.revision);
    response->mutable_uptime()->set_seconds(from.uptime.count());
    response->set_read_only(from.read_only);
    response->set_healthy(from.healthy);
    response->set_storage_driver(from.storage_driver);
    response->set_cache_requests(from.cache_requests);
    response->set_cache_hits(from.cache_hits);
    response->set_cache_entries(from.cache_entries);
    response->set_collection_looks(from.collection_looks);
    response->set_collection_rescues(from.collection_rescues);
    return Status::OK;
  }

 private:
  Operations& operations_;
};

Result<std::string> read_file(const std::string& path, const char* key) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    return fail(Code::invalid, std::string("bunker.admin.") + key + " cannot be read: " + path,
                "with bunker.admin.addr, name PEM files that registryd may read");
  }
  return text.str();
}

Result<std::shared_ptr<grpc::ServerCredentials>> mutual_tls(const ServerOptions& options) {
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  BUNKER_TRY_ASSIGN(std::string certificate, read_file(options.certificate, "certificate"));
  BUNKER_TRY_ASSIGN(std::string key, read_file(options.key, "key"));
  BUNKER_TRY_ASSIGN(tls.pem_root_certs, read_file(options.client_ca, "clientca"));
  tls.pem_key_cert_pairs.push_back({std::move(key), std::move(certificate)});
  return grpc::SslServerCredentials(tls);
}

class GrpcServer final : public Server {
 public:
  explicit GrpcServer(Operations& operations) : service_(operations) {}
  ~GrpcServer() override {
    if (!server_) return;
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
    if (!socket_.empty()) ::unlink(socket_.c_str());
  }

  Result<void> start(const ServerOptions& options) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(1 << 20);
    builder.RegisterService(&service_);
    if (!options.socket.empty()) {
      builder.AddListeningPort("unix:" + options.socket, grpc::InsecureServerCredentials());
    }
    if (!options.address.empty()) {
      BUNKER_TRY_ASSIGN(const auto tls, mutual_tls(options));
      builder.AddListeningPort(options.address, tls, &port_);
    }
    // The socket is born with the mode it keeps. No other thread makes files while registryd
    // starts.
    const mode_t mask = ::umask(0177);
    if (!options.socket.empty()) ::unlink(options.socket.c_str());
    server_ = builder.BuildAndStart();
    ::umask(mask);
    if (!server_ || (!options.address.empty() && port_ == 0)) {
      return fail(Code::invalid, "the admin API cannot listen",
                  "look at bunker.admin: is the socket's folder there, is the address free, are "
                  "the certificates valid?");
    }
    socket_ = options.socket;
    return {};
  }

  [[nodiscard]] int port() const override { return port_; }

 private:
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::string socket_;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> start_server(Operations& operations, const ServerOptions& options) {
  auto server = std::make_unique<GrpcServer>(operations);
  BUNKER_TRY(server->start(options));
  return server;
}

}  // namespace bunker::admin
