// Makes calls to S3: signs them, sends them, and sends them again as long as that makes sense.
// What the answer means for the registry's objects is the store's business, not this one's.
// Thread-safe. Owner: the S3 store.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/http/client.h"
#include "lib/net/dialer.h"
#include "lib/runtime/context.h"
#include "lib/runtime/task.h"
#include "registryd/storage/s3/calls.h"
#include "registryd/storage/s3/credentials.h"
#include "registryd/storage/s3/endpoint.h"
#include "registryd/storage/s3/outcome.h"
#include "registryd/storage/s3/retry.h"

namespace bunker::storage::s3 {

class PartBuffer;

// One attempt at a call, for metrics and logs. Called on I/O threads, must be cheap.
struct CallRecord {
  std::string_view operation;  // "GetObject"
  int status = 0;              // 0: no answer
  Outcome outcome = Outcome::done;
  std::chrono::nanoseconds duration{0};  // until the answer's head, or its whole where it is small
  unsigned attempt = 1;
};
using CallObserver = std::function<void(const CallRecord&)>;

// What a store answered in the end. `outcome` is never a retryable one.
struct Reply {
  Outcome outcome = Outcome::done;
  http::ClientResponse head;  // its body is set only by open()
  std::string body;           // of call()
  ErrorBody error;

  [[nodiscard]] bool ok() const noexcept { return outcome == Outcome::done; }
  // A header of the answer; empty when it has none of that name.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept {
    return head.headers.get(name).value_or(std::string_view());
  }
};

class Client {
 public:
  struct Options {
    Endpoint endpoint;
    std::string region;
    std::string bucket;      // for error messages
    std::string user_agent;  // added to ours
    // Whether the bodies of parts and objects are signed with their hash.
    bool sign_payloads = true;
    RetryPolicy retries;
    // A connection on which nothing moves for so long is broken.
    std::chrono::milliseconds stall_time{30'000};
    // The same where the store itself has work to do that grows with the object.
    std::chrono::milliseconds patience{600'000};
    CallObserver observer;  // may be empty
  };

  // All three outlive the client.
  Client(Options options, net::Dialer& dialer, CredentialKeeper& credentials, const Clock& clock);

  // Makes a call whose answer is small. An Error only where there was no answer that settles the
  // matter: retry_later, or forbidden without credentials.
  Task<Result<Reply>> call(Context& context, const Call& call);
  // The same with the bytes of `part` as the body.
  Task<Result<Reply>> send_part(Context& context, const Call& call,
                                std::shared_ptr<const PartBuffer> part);
  // The same, once, leaving the body of a successful answer to be read.
  Task<Result<Reply>> open(Context& context, const Call& call);

  // The Error for a reply that is not what was hoped for.
  [[nodiscard]] Error error_of(const Call& call, const Reply& reply) const;

  // "https://host/path?X-Amz-…" for a GET of `path` (encoded) at `endpoint`, good for `seconds` or
  // as long as the credentials are; nullopt while there are none.
  [[nodiscard]] std::optional<std::string> presign(const Endpoint& endpoint, std::string_view path,
                                                   unsigned seconds) const;

  [[nodiscard]] bool signs_payloads() const noexcept { return options_.sign_payloads; }

 private:
  enum class Answer : unsigned char { whole, streamed };
  struct Attempt;

  Task<Result<Reply>> run(Context& context, const Call& call, const PartBuffer* part,
                          Answer answer);
  Task<Attempt> attempt(const Call& call, const PartBuffer* part, Answer answer,
                        SteadyTime deadline);
  [[nodiscard]] http::ClientRequest sign(const Call& call, const PartBuffer* part,
                                         const Credentials& who) const;
  void learn_clock(const Reply& reply) noexcept;
  void record(const Call& call, const Attempt& attempt, unsigned number, SteadyTime start);

  const Options options_;
  const Scope scope_;
  const net::Destination destination_;
  http::Client http_;
  http::Client patient_http_;
  CredentialKeeper& credentials_;
  const Clock& clock_;
  RetryBudget budget_;
  AdaptiveRate rate_;
  std::atomic<std::int64_t> clock_offset_s_ = 0;  // the store's clock less ours
};

}  // namespace bunker::storage::s3
