#include "registryd/storage/s3/client.h"

#include <algorithm>
#include <random>
#include <utility>

#include "lib/base/encoding.h"
#include "lib/observability/metrics.h"
#include "lib/runtime/io_threads.h"
#include "registryd/storage/s3/hash.h"
#include "registryd/storage/s3/http_date.h"
#include "registryd/storage/s3/part_buffer.h"

namespace bunker::storage::s3 {
namespace {

constexpr std::size_t kMaxAnswer = std::size_t{8} << 20;  // 1,000 keys of 1,024 bytes, encoded
constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10;

// A URL that ends with the credentials must still be of use to who gets it.
constexpr unsigned kShortestUrl = 60;  // seconds

double chance() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

http::Client::Options http_options(std::chrono::milliseconds stall_time) {
  http::Client::Options options;
  options.stall_time = stall_time;
  return options;
}

}  // namespace

// One attempt: a settled reply, or why it should be made again.
struct Client::Attempt {
  Outcome outcome = Outcome::retry;
  Reply reply;
  std::optional<Error> error;  // set: there was no answer, or half of one
};

Client::Client(Options options, net::Dialer& dialer, CredentialKeeper& credentials,
               const Clock& clock)
    : options_(std::move(options)),
      scope_{options_.region.empty() ? "us-east-1" : options_.region, "s3"},
      destination_(options_.endpoint.host, options_.endpoint.port, options_.endpoint.tls),
      http_(dialer, http_options(options_.stall_time)),
      patient_http_(dialer, http_options(options_.patience)),
      credentials_(credentials),
      clock_(clock) {}

Task<Result<Reply>> Client::call(Context& context, const Call& call) {
  return run(context, call, nullptr, Answer::whole);
}

Task<Result<Reply>> Client::send_part(Context& context, const Call& call,
                                      std::shared_ptr<const PartBuffer> part) {
  co_return co_await run(context, call, part.get(), Answer::whole);
}

Task<Result<Reply>> Client::open(Context& context, const Call& call) {
  return run(context, call, nullptr, Answer::streamed);
}

Task<Result<Reply>> Client::run(Context& context, const Call& call, const PartBuffer* part,
                                Answer answer) {
  Retries retries(options_.retries);
  while (true) {
    const SteadyTime start = steady_now();
    const auto slot = rate_.reserve(start);
    if (context.deadline - start <= slot) {
      co_return fail(Code::retry_later, "the object store did not answer in time",
                     "it is slow or has asked for fewer requests");
    }
    if (slot.count() > 0) co_await sleep_for(slot);
    Attempt attempt = co_await this->attempt(call, part, answer, context.deadline);
    record(call, attempt, retries.attempts(), start + slot);
    rate_.answered(attempt.outcome == Outcome::slow_down, steady_now());
    if (!is_retryable(attempt.outcome)) {
      if (attempt.error) co_return std::unexpected(std::move(*attempt.error));
      budget_.refill();
      co_return std::move(attempt.reply);
    }
    const auto delay = retries.next(attempt.outcome, steady_now(), context.deadline, chance());
    if (!delay || !budget_.take()) {
      if (attempt.error) co_return std::unexpected(std::move(*attempt.error));
      co_return std::unexpected(error_of(call, attempt.reply));
    }
    if (delay->count() > 0) co_await sleep_for(*delay);
  }
}

Task<Client::Attempt> Client::attempt(const Call& call, const PartBuffer* part, Answer answer,
                                      SteadyTime deadline) {
  Attempt out;
  auto who = co_await credentials_.get();
  if (!who) {
    out.outcome = who.error().code == Code::retry_later ? Outcome::retry : Outcome::refused;
    out.error = std::move(who).error();
    co_return out;
  }
  http::Client& http = call.slow ? patient_http_ : http_;
  auto response = co_await http.send(destination_, sign(call, part, *who), deadline);
  if (!response) {
    // A certificate that is not to be trusted today will not be in a second.
    const bool hopeless = response.error().code == Code::forbidden;
    out.outcome = hopeless ? Outcome::refused : Outcome::retry;
    out.error = std::move(response).error();
    if (!hopeless) out.error->code = Code::retry_later;
    out.error->message =
        "S3 " + std::string(call.operation) + " of " + call.path + ": " + out.error->message;
    co_return out;
  }
  out.reply.head = std::move(*response);
  const int status = out.reply.head.status;
  const bool fine = status >= 200 && status < 300;
  if (fine && answer == Answer::streamed) {
    out.outcome = out.reply.outcome = Outcome::done;
    co_return out;
  }
  auto body = co_await read_all(*out.reply.head.body, fine ? kMaxAnswer : kMaxErrorBody);
  out.reply.head.body = nullptr;
  if (!body && fine) {
    out.error = std::move(body).error();
    out.error->code = Code::retry_later;
    co_return out;
  }
  if (body) out.reply.body = std::move(*body);
  // Some calls answer with 200 before they have failed.
  if (!fine || out.reply.body.starts_with('<')) {
    if (auto error = parse_error(out.reply.body)) out.reply.error = std::move(*error);
  }
  out.outcome = out.reply.outcome = classify(status, out.reply.error.code);
  if (out.outcome == Outcome::renew_credentials) credentials_.reject(who->access_key);
  if (out.outcome == Outcome::set_clock) learn_clock(out.reply);
  co_return out;
}

http::ClientRequest Client::sign(const Call& call, const PartBuffer* part,
                                 const Credentials& who) const {
  const SystemTime now =
      clock_.now() + std::chrono::seconds(clock_offset_s_.load(std::memory_order_relaxed));
  std::string payload(kEmptyPayload);
  if (part != nullptr) {
    payload = part->digest();
  } else if (!call.body.empty()) {
    payload = hex_encode(sha256(call.body));
  }

  SignableRequest signable;
  signable.method = call.method;
  signable.path = call.path;
  signable.query = call.query;
  signable.headers = call.headers;
  signable.headers.emplace_back("host", options_.endpoint.host_header);
  signable.headers.emplace_back("x-amz-content-sha256", payload);
  signable.headers.emplace_back("x-amz-date", amz_date(now));
  if (!who.session_token.empty()) {
    signable.headers.emplace_back("x-amz-security-token", who.session_token);
  }
  signable.payload = payload;

  http::ClientRequest wire(std::string(call.method), call.path);
  if (const std::string query = canonical_query(call.query); !query.empty()) {
    wire.target += '?' + query;
  }
  std::string proof = authorization(signable, who, scope_, now);
  wire.headers.reserve(signable.headers.size() + 2);
  for (const auto& [name, value] : signable.headers) wire.headers.add(name, value);
  wire.headers.add("authorization", proof);
  std::string agent = "bunker-registryd/" + std::string(build_version());
  if (!options_.user_agent.empty()) agent += ' ' + options_.user_agent;
  wire.headers.add("user-agent", agent);
  if (part != nullptr) {
    wire.body = Body(part->source(), part->size());
  } else if (!call.body.empty()) {
    wire.body = Body(call.body);
  }
  return wire;
}

void Client::learn_clock(const Reply& reply) noexcept {
  const auto theirs = parse_http_date(reply.header("date"));
  if (!theirs) return;
  const auto offset = std::chrono::duration_cast<std::chrono::seconds>(*theirs - clock_.now());
  clock_offset_s_.store(offset.count(), std::memory_order_relaxed);
}

void Client::record(const Call& call, const Attempt& attempt, unsigned number, SteadyTime start) {
  if (!options_.observer) return;
  options_.observer({.operation = call.operation,
                     .status = attempt.error ? 0 : attempt.reply.head.status,
                     .outcome = attempt.outcome,
                     .duration = steady_now() - start,
                     .attempt = number});
}

Error Client::error_of(const Call& call, const Reply& reply) const {
  return make_error(reply.outcome, call.operation, call.path, reply.head.status, reply.error,
                    "bucket " + options_.bucket + " at " + options_.endpoint.url());
}

std::optional<std::string> Client::presign(const Endpoint& endpoint, std::string_view path,
                                           unsigned seconds) const {
  const auto who = credentials_.good_for(kShortestUrl);
  if (!who) return std::nullopt;
  if (who->expires) {
    const auto left =
        std::chrono::duration_cast<std::chrono::seconds>(*who->expires - clock_.now());
    seconds = static_cast<unsigned>(std::min<std::int64_t>(seconds, left.count()));
  }
  const SystemTime now =
      clock_.now() + std::chrono::seconds(clock_offset_s_.load(std::memory_order_relaxed));
  SignableRequest request;
  request.method = "GET";
  request.path = path;
  request.headers = {{"host", endpoint.host_header}};
  return endpoint.url() + std::string(path) + '?' +
         presigned_query(std::move(request), *who, scope_, now, seconds);
}

}  // namespace bunker::storage::s3
