#include "registryd/storage/s3/credential_sources.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/xml.h"

namespace bunker::storage::s3 {
namespace {

using std::chrono::seconds;

constexpr std::string_view kInstanceMetadata = "http://169.254.169.254";
constexpr std::string_view kContainerHost = "http://169.254.170.2";

SteadyTime in(seconds time) {
  return std::chrono::steady_clock::now() + time;
}

std::unexpected<Error> none(std::string_view where) {
  return fail(Code::not_found, "no credentials in " + std::string(where));
}

// A few kilobytes at most; nullopt when it cannot be read.
std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return std::nullopt;
  return text;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::unexpected<Error> answered(std::string_view service, int status) {
  const Code code = status == 429 || status >= 500 ? Code::retry_later : Code::forbidden;
  return fail(code, std::string(service) + " answered " + std::to_string(status) +
                        " when asked for credentials");
}

class StaticSource final : public CredentialSource {
 public:
  StaticSource(std::string_view name, Credentials credentials)
      : name_(name), credentials_(std::move(credentials)) {}
  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  Task<Result<Credentials>> load() override { co_return credentials_; }

 private:
  std::string_view name_;
  Credentials credentials_;
};

// Reads its file each time: whoever rotates keys there needs no restart.
class SharedFileSource final : public CredentialSource {
 public:
  explicit SharedFileSource(const Environment& environment)
      : path_(environment("AWS_SHARED_CREDENTIALS_FILE")), profile_(environment("AWS_PROFILE")) {
    if (path_.empty()) path_ = environment("HOME") + "/.aws/credentials";
    if (profile_.empty()) profile_ = "default";
  }
  [[nodiscard]] std::string_view name() const noexcept override { return "shared file"; }
  Task<Result<Credentials>> load() override {
    const auto text = read_file(path_);
    if (!text) co_return none(path_);
    auto credentials = parse_shared_file(*text, profile_);
    // Looked at again soon, since a file cannot say when its keys end.
    if (credentials) credentials->expires = std::chrono::system_clock::now() + kRecheck;
    co_return credentials;
  }

 private:
  static constexpr std::chrono::minutes kRecheck{15};
  std::string path_;
  std::string profile_;
};

class WebIdentitySource final : public CredentialSource {
 public:
  WebIdentitySource(const Environment& environment, std::string_view region, HttpFetcher& fetcher)
      : token_file_(environment("AWS_WEB_IDENTITY_TOKEN_FILE")),
        role_(environment("AWS_ROLE_ARN")),
        session_(environment("AWS_ROLE_SESSION_NAME")),
        url_(environment("AWS_ENDPOINT_URL_STS")),
        fetcher_(fetcher) {
    if (session_.empty()) session_ = "registryd";
    std::string place(region);
    if (place.empty()) place = environment("AWS_REGION");
    if (place.empty()) place = "us-east-1";
    if (url_.empty()) {
      url_ = "https://sts." + place + ".amazonaws.com";
      if (place.starts_with("cn-")) url_ += ".cn";
    }
    if (!url_.ends_with('/')) url_ += '/';
  }
  [[nodiscard]] std::string_view name() const noexcept override { return "web identity"; }

  Task<Result<Credentials>> load() override {
    if (token_file_.empty() || role_.empty()) co_return none("AWS_WEB_IDENTITY_TOKEN_FILE");
    const auto token = read_file(token_file_);  // renewed by the kubelet: read each time
    if (!token) {
      co_return fail(Code::retry_later, "cannot read the web identity token " + token_file_,
                     "AWS_WEB_IDENTITY_TOKEN_FILE must name a file that this user may read");
    }
    FetchRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers = {{"content-type", "application/x-www-form-urlencoded"},
                       {"accept", "application/xml"}};
    request.body =
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + percent_encode(role_) +
        "&RoleSessionName=" + percent_encode(session_) +
        "&WebIdentityToken=" + percent_encode(trim(*token));
    BUNKER_CO_TRY_ASSIGN(const FetchReply reply,
                         co_await fetcher_.fetch(std::move(request), in(seconds(10))));
    if (reply.status != 200) {
      auto refusal = answered("the token service " + url_, reply.status);
      const std::string code = parse_sts_error_code(reply.body);
      if (!code.empty()) refusal.error().message += ": " + code;
      if (code == "IDPCommunicationError" || code == "Throttling") {
        refusal.error().code = Code::retry_later;
      }
      co_return refusal;
    }
    co_return parse_assumed_role(reply.body);
  }

 private:
  std::string token_file_;
  std::string role_;
  std::string session_;
  std::string url_;
  HttpFetcher& fetcher_;
};

// ECS tasks, and EKS Pod Identity, which speaks the same protocol.
class ContainerSource final : public CredentialSource {
 public:
  ContainerSource(const Environment& environment, HttpFetcher& fetcher)
      : url_(environment("AWS_CONTAINER_CREDENTIALS_FULL_URI")),
        token_(environment("AWS_CONTAINER_AUTHORIZATION_TOKEN")),
        token_file_(environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")),
        fetcher_(fetcher) {
    const std::string path = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    if (!path.empty()) url_ = std::string(kContainerHost) + path;
  }
  [[nodiscard]] std::string_view name() const noexcept override { return "container"; }

  Task<Result<Credentials>> load() override {
    if (url_.empty()) co_return none("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!is_allowed_container_url(url_)) {
      co_return fail(Code::invalid, "credentials are not fetched from " + url_,
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or this host's, ECS's or "
                     "EKS's own address");
    }
    FetchRequest request;
    request.url = url_;
    std::string token = token_;
    if (!token_file_.empty()) {
      const auto text = read_file(token_file_);  // rotated: read each time
      if (!text) {
        co_return fail(Code::retry_later, "cannot read the authorization token " + token_file_,
                       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE must name a readable file");
      }
      token = trim(*text);
    }
    if (!token.empty()) request.headers.emplace_back("authorization", token);
    BUNKER_CO_TRY_ASSIGN(const FetchReply reply,
                         co_await fetcher_.fetch(std::move(request), in(seconds(5))));
    if (reply.status != 200) co_return answered("the container's agent " + url_, reply.status);
    co_return parse_metadata_credentials(reply.body);
  }

 private:
  std::string url_;
  std::string token_;
  std::string token_file_;
  HttpFetcher& fetcher_;
};

class InstanceSource final : public CredentialSource {
 public:
  InstanceSource(const Environment& environment, HttpFetcher& fetcher)
      : base_(environment("AWS_EC2_METADATA_SERVICE_ENDPOINT")), fetcher_(fetcher) {
    if (base_.empty()) base_ = kInstanceMetadata;
    while (base_.ends_with('/')) base_.pop_back();
  }
  [[nodiscard]] std::string_view name() const noexcept override { return "instance metadata"; }

  Task<Result<Credentials>> load() override {
    FetchRequest open;
    open.method = "PUT";
    open.url = base_ + "/latest/api/token";
    open.headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "300"}};
    BUNKER_CO_TRY_ASSIGN(const std::string token, co_await ask(std::move(open)));
    const std::string list = "/latest/meta-data/iam/security-credentials/";
    BUNKER_CO_TRY_ASSIGN(const std::string roles, co_await ask(with_token(list, token)));
    const std::string role(trim(std::string_view(roles).substr(0, roles.find('\n'))));
    if (role.empty()) co_return none("the instance's metadata");
    BUNKER_CO_TRY_ASSIGN(const std::string json, co_await ask(with_token(list + role, token)));
    co_return parse_metadata_credentials(json);
  }

 private:
  [[nodiscard]] FetchRequest with_token(const std::string& path, const std::string& token) const {
    FetchRequest request;
    request.url = base_ + path;
    request.headers = {{"x-aws-ec2-metadata-token", token}};
    return request;
  }

  // Nobody answers where there is no such service: a short wait must do.
  Task<Result<std::string>> ask(FetchRequest request) {
    auto reply = co_await fetcher_.fetch(std::move(request), in(seconds(2)));
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->status == 404) co_return none("the instance's metadata");
    if (reply->status != 200) co_return answered("the instance's metadata service", reply->status);
    co_return std::move(reply->body);
  }

  std::string base_;
  HttpFetcher& fetcher_;
};

}  // namespace

std::vector<std::unique_ptr<CredentialSource>> make_sources(const SourceOptions& options,
                                                            Environment environment,
                                                            HttpFetcher& fetcher) {
  std::vector<std::unique_ptr<CredentialSource>> sources;
  if (!options.access_key.empty()) {
    sources.push_back(std::make_unique<StaticSource>(
        "configuration",
        Credentials{options.access_key, options.secret_key, options.session_token, std::nullopt}));
    return sources;
  }
  const auto first_of = [&](const char* name, const char* other) {
    std::string value = environment(name);
    return value.empty() ? environment(other) : value;
  };
  Credentials from_environment{first_of("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
                               first_of("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
                               environment("AWS_SESSION_TOKEN"), std::nullopt};
  if (!from_environment.access_key.empty() && !from_environment.secret_key.empty()) {
    sources.push_back(std::make_unique<StaticSource>("environment", std::move(from_environment)));
    return sources;
  }
  sources.push_back(std::make_unique<WebIdentitySource>(environment, options.region, fetcher));
  sources.push_back(std::make_unique<SharedFileSource>(environment));
  sources.push_back(std::make_unique<ContainerSource>(environment, fetcher));
  std::string disabled = environment("AWS_EC2_METADATA_DISABLED");
  std::ranges::transform(disabled, disabled.begin(), [](char c) { return char(c | 0x20); });
  if (disabled != "true") sources.push_back(std::make_unique<InstanceSource>(environment, fetcher));
  return sources;
}

Result<Credentials> parse_metadata_credentials(std::string_view text) {
  const auto bad = [] {
    return fail(Code::retry_later, "a metadata service's credentials are not what AWS sends");
  };
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return bad();
  const auto field = [&json](const char* name) {
    const auto it = json.find(name);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const std::string code = field("Code");
  if (!code.empty() && code != "Success") {
    return fail(Code::retry_later, "a metadata service has no credentials now: " + code);
  }
  Credentials out{field("AccessKeyId"), field("SecretAccessKey"), field("Token"),
                  parse_rfc3339(field("Expiration"))};
  if (out.access_key.empty() || out.secret_key.empty() || !out.expires) return bad();
  return out;
}

Result<Credentials> parse_shared_file(std::string_view text, std::string_view profile) {
  std::map<std::string, std::string, std::less<>> values;
  bool inside = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[') && line.ends_with(']')) {
      std::string_view name = trim(line.substr(1, line.size() - 2));
      // The config file says "profile NAME" for all but the default one.
      if (name.starts_with("profile ")) name = trim(name.substr(8));
      inside = name == profile;
    } else if (const auto equals = line.find('='); inside && equals != std::string_view::npos) {
      values[std::string(trim(line.substr(0, equals)))] = trim(line.substr(equals + 1));
    }
  }
  Credentials out{values["aws_access_key_id"], values["aws_secret_access_key"],
                  values["aws_session_token"], std::nullopt};
  if (out.access_key.empty() || out.secret_key.empty()) {
    return none("profile " + std::string(profile) + " of the shared file");
  }
  return out;
}

bool is_allowed_container_url(std::string_view url) {
  if (url.starts_with("https://")) return true;
  if (!url.starts_with("http://")) return false;
  url.remove_prefix(7);
  std::string_view host = url.substr(0, url.find_first_of("/?#"));
  if (host.find('@') != std::string_view::npos) return false;
  // A port may follow a name or an address in brackets; nothing else may.
  const auto name_end = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  const std::string_view rest = host.substr(std::min(name_end, host.size()));
  if (!rest.empty() && !rest.starts_with(':')) return false;
  host = host.substr(0, name_end);
  constexpr std::array<std::string_view, 6> kAllowed = {
      "localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  return std::ranges::find(kAllowed, host) != kAllowed.end();
}

}  // namespace bunker::storage::s3
