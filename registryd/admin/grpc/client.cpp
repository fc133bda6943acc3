// `registryd admin …`: the admin API from a command line.
#include <algorithm>
#include <fstream>
#include <functional>
#include <iomanip>
#include <map>
#include <optional>
#include <sstream>

#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include "bunker/admin/v1/admin.grpc.pb.h"
#include "registryd/admin/grpc/parts.h"

namespace bunker::admin {
namespace {

namespace v1 = ::bunker::admin::v1;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::chrono::seconds kDeadline{30};

constexpr const char* kHelp =
    R"(registryd admin [OPTION …] COMMAND: asks a running registryd.

Commands:
  collect [--dry-run] [--delete-untagged] [--grace SECONDS] [--minimum-age SECONDS] [--wait]
                    start a collection; --wait: show its progress until it has ended
  status [--watch]  the collection under way, or the last one
  cancel            end the collection under way
  reload            read passwords, rules, token keys and certificates again, and say of each
                    whether it was; 1 where the last good one had to stay in use
  read-only on|off  refuse writes, or accept them again
  flush-cache       forget what is remembered of the store
  statistics        what registryd says of itself

Options:
  --socket PATH     bunker.admin.socket of the configuration (/run/bunker/admin.sock)
  --address HOST:PORT --ca FILE --certificate FILE --key FILE
                    bunker.admin.addr, with mutual TLS
Answers are JSON, one object a line. Exit codes: 0 done, 1 failed, 2 wrong usage.
)";

struct Command {
  std::string name;
  std::string argument;
  std::map<std::string, std::string> options;  // "--dry-run": ""
};

bool takes_value(std::string_view option) {
  for (const std::string_view name :
       {"--socket", "--address", "--ca", "--certificate", "--key", "--grace", "--minimum-age"}) {
    if (option == name) return true;
  }
  return false;
}

std::optional<Command> parse(const std::vector<std::string>& arguments) {
  Command out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!word.starts_with("--")) {
      std::string& place = out.name.empty() ? out.name : out.argument;
      if (!place.empty()) return std::nullopt;
      place = word;
    } else if (takes_value(word)) {
      if (++i == arguments.size()) return std::nullopt;
      out.options[word] = arguments[i];
    } else {
      out.options[word];
    }
  }
  return out;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<grpc::Channel> connect(const Command& command) {
  const auto option = [&](const char* name) {
    const auto found = command.options.find(name);
    return found == command.options.end() ? std::string() : found->second;
  };
  if (const std::string address = option("--address"); !address.empty()) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = read_file(option("--ca"));
    tls.pem_cert_chain = read_file(option("--certificate"));
    tls.pem_private_key = read_file(option("--key"));
    return grpc::CreateChannel(address, grpc::SslCredentials(tls));
  }
  std::string socket = option("--socket");
  if (socket.empty()) socket = "/run/bunker/admin.sock";
  return grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials());
}

class Client {
 public:
  Client(const Command& command, std::ostream& out, std::ostream& errors)
      : command_(command),
        out_(out),
        errors_(errors),
        stub_(v1::Admin::NewStub(connect(command))) {}

  int run() {
    static const std::map<std::string, int (Client::*)()> kCommands = {
        {"collect", &Client::collect},
        {"status", &Client::status},
        {"cancel", &Client::simple<&v1::Admin::Stub::CancelCollection, v1::CancelCollectionRequest,
                                   v1::CancelCollectionResponse>},
        {"reload", &Client::reload},
        {"read-only", &Client::read_only},
        {"flush-cache", &Client::simple<&v1::Admin::Stub::FlushCache, v1::FlushCacheRequest,
                                        v1::FlushCacheResponse>},
        {"statistics", &Client::simple<&v1::Admin::Stub::GetStatistics, v1::GetStatisticsRequest,
                                       v1::Statistics>},
    };
    const auto found = kCommands.find(command_.name);
    if (found == kCommands.end()) return usage();
    return (this->*found->second)();
  }

 private:
  [[nodiscard]] bool has(const char* option) const { return command_.options.contains(option); }

  int usage() {
    errors_ << kHelp;
    return kUsage;
  }

  int show(const grpc::Status& status, const google::protobuf::Message& message) {
    if (!status.ok()) {
      errors_ << "registryd admin: " << status.error_message() << '\n';
      return kFailed;
    }
    google::protobuf::util::JsonPrintOptions options;
    options.always_print_primitive_fields = true;
    options.preserve_proto_field_names = true;
    std::string json;
    if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return kFailed;
    out_ << json << std::endl;
    return 0;
  }

  template <auto kCall, class Request, class Response>
  int simple() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    Response response;
    const grpc::Status status = (*stub_.*kCall)(&context, Request(), &response);
    return show(status, response);
  }

  bool seconds(const char* option, google::protobuf::Duration* duration) {
    const std::string& text = command_.options.at(option);
    std::istringstream in(text);
    std::int64_t value = 0;
    if (!(in >> value) || !in.eof() || value < 0) return false;
    duration->set_seconds(value);
    return true;
  }

  int collect() {
    v1::StartCollectionRequest request;
    request.set_dry_run(has("--dry-run"));
    if (has("--delete-untagged")) request.set_delete_untagged(true);
    if (has("--grace") && !seconds("--grace", request.mutable_grace())) return usage();
    if (has("--minimum-age") && !seconds("--minimum-age", request.mutable_minimum_age())) {
      return usage();
    }
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    v1::StartCollectionResponse response;
    const grpc::Status status = stub_->StartCollection(&context, request, &response);
    if (!status.ok()) return show(status, response);
    return has("--wait") ? watch() : 0;
  }

  int status() {
    if (has("--watch")) return watch();
    return simple<&v1::Admin::Stub::GetCollection, v1::GetCollectionRequest, v1::Collection>();
  }

  int watch() {
    grpc::ClientContext context;
    const auto reader = stub_->WatchCollection(&context, v1::WatchCollectionRequest());
    v1::Collection message;
    while (reader->Read(&message)) {
      if (const int code = show(grpc::Status::OK, message); code != 0) return code;
    }
    const grpc::Status ended = reader->Finish();
    if (!ended.ok()) return show(ended, message);
    return message.phase() == "failed" ? kFailed : 0;
  }

  int reload() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    v1::ReloadResponse response;
    const grpc::Status status = stub_->Reload(&context, v1::ReloadRequest(), &response);
    const int code = show(status, response);
    if (code != 0) return code;
    const bool all = std::ranges::all_of(response.results(), &v1::Reloaded::loaded);
    return all ? 0 : kFailed;
  }

  int read_only() {
    if (command_.argument != "on" && command_.argument != "off") return usage();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    v1::SetReadOnlyRequest request;
    request.set_read_only(command_.argument == "on");
    v1::SetReadOnlyResponse response;
    const grpc::Status status = stub_->SetReadOnly(&context, request, &response);
    return show(status, response);
  }

  const Command& command_;
  std::ostream& out_;
  std::ostream& errors_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace

int run_admin_client(const std::vector<std::string>& arguments, std::ostream& out,
                     std::ostream& errors) {
  const auto command = parse(arguments);
  if (!command || command->name.empty() || command->options.contains("--help")) {
    const bool asked = command && command->options.contains("--help");
    (asked ? out : errors) << kHelp;
    return asked ? 0 : kUsage;
  }
  return Client(*command, out, errors).run();
}

}  // namespace bunker::admin
