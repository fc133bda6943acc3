#include "tests/unit/registryd/api/api_fixture.h"

#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "lib/runtime/io_threads.h"

namespace bunker::api {
namespace {

http::Method to_method(std::string_view name) {
  using http::Method;
  for (const Method method : {Method::get, Method::head, Method::post, Method::put, Method::patch,
                              Method::del, Method::options}) {
    if (http::to_string(method) == name) return method;
  }
  return Method::other;
}

Task<Answer> perform(const http::Handler& handler, http::Request& request) {
  Context context;
  http::Response response = co_await handler(context, request);
  auto on_delivered = std::move(response.on_delivered);
  Answer answer{response.status, std::move(response.headers), {}, response.head_length};
  const std::uint64_t length = response.body.length;
  const auto source = make_source(std::move(response.body));
  Result<std::string> body = co_await read_all(*source, 64u << 20);
  EXPECT_TRUE(body) << to_string(body.error());
  if (body) answer.body = *std::move(body);
  EXPECT_EQ(answer.body.size(), length);
  if (on_delivered) on_delivered({answer.status, length, true});
  co_return answer;
}

}  // namespace

std::string sha256(std::string_view bytes) {
  return registry::Digest::of(registry::Algorithm::sha256, bytes).str();
}

std::string sha512(std::string_view bytes) {
  return registry::Digest::of(registry::Algorithm::sha512, bytes).str();
}

std::string Answer::header(std::string_view name) const {
  return headers.joined(name).value_or("");
}

nlohmann::json Answer::json() const {
  return nlohmann::json::parse(body, nullptr, false);
}

std::string Answer::code() const {
  const nlohmann::json document = json();
  if (!document.is_object() || !document.contains("errors")) return "no errors in: " + body;
  if (document["errors"].size() != 1) return "not one error in: " + body;
  if (header("Content-Type") != "application/json") return "not JSON by its type";
  return document["errors"][0]["code"];
}

ApiTest::ApiTest() {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  log_read_ = ends[0];
  log_write_ = ends[1];
  registry_options_.delete_enabled = true;
  options_.secret = "a secret of the test";
  restart();
}

ApiTest::~ApiTest() {
  handler_ = nullptr;
  logger_.reset();
  close(log_read_);
  close(log_write_);
}

void ApiTest::restart() {
  handler_ = nullptr;
  Logger::Options log;
  log.format = LogFormat::json;
  log.fd = log_write_;
  logger_ = std::make_unique<Logger>(std::move(log));
  registry_ = std::make_unique<registry::Registry>(*store_, clock_, registry_options_);
  handler_ = make_handler({*registry_, *logger_, metrics_, guard_}, options_);
}

Answer ApiTest::run(std::string_view method, std::string_view target, const Fields& fields,
                    std::string body, bool announced) {
  http::Request request;
  request.method = to_method(method);
  request.method_name = method;
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  request.peer.address = "192.0.2.1:1234";
  for (const auto& [name, value] : fields) request.headers.add(name, value);
  if (announced) request.content_length = body.size();
  const auto source = make_source(Body(std::move(body)));
  request.body = source.get();
  return run_task(perform(handler_, request));
}

Answer ApiTest::send(std::string_view method, std::string_view target, const Fields& fields,
                     std::string body) {
  return run(method, target, fields, std::move(body), true);
}

Answer ApiTest::send_chunked(std::string_view method, std::string_view target, const Fields& fields,
                             std::string body) {
  return run(method, target, fields, std::move(body), false);
}

std::string ApiTest::with(std::string location, std::string_view parameter) {
  location += location.find('?') == std::string::npos ? '?' : '&';
  return location.append(parameter);
}

std::string ApiTest::push_blob(std::string_view repository, const std::string& bytes) {
  std::string digest = sha256(bytes);
  const Answer started =
      send("POST", std::string("/v2/").append(repository).append("/blobs/uploads/"));
  EXPECT_EQ(started.status, 202) << started.body;
  const Answer finished =
      send("PUT", with(started.header("Location"), "digest=" + digest), {}, bytes);
  EXPECT_EQ(finished.status, 201) << finished.body;
  return digest;
}

std::string ApiTest::image_manifest(std::string_view repository, const std::string& seed) {
  const std::string config = "{\"seed\":\"" + seed + "\"}";
  const std::string layer = "layer " + seed;
  nlohmann::json manifest;
  manifest["schemaVersion"] = 2;
  manifest["mediaType"] = kOciManifest;
  manifest["config"] = {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                        {"digest", push_blob(repository, config)},
                        {"size", config.size()}};
  manifest["layers"] =
      nlohmann::json::array({{{"mediaType", "application/vnd.oci.image.layer.v1.tar"},
                              {"digest", push_blob(repository, layer)},
                              {"size", layer.size()}}});
  return manifest.dump();
}

std::string ApiTest::push_image(std::string_view repository, std::string_view reference,
                                const std::string& seed) {
  const std::string manifest = image_manifest(repository, seed);
  const Answer answer =
      send("PUT", std::string("/v2/").append(repository).append("/manifests/").append(reference),
           {{"Content-Type", std::string(kOciManifest)}}, manifest);
  EXPECT_EQ(answer.status, 201) << answer.body;
  return sha256(manifest);
}

std::string ApiTest::logged() {
  restart();  // the logger that was there has written everything when it is gone
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = read(log_read_, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace bunker::api
