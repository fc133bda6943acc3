#include "registryd/cache/redis_facts.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "lib/runtime/io_threads.h"
#include "registryd/cache/ages.h"
#include "registryd/cache/redis/client.h"
#include "registryd/core/digest.h"

namespace bunker::cache {
namespace {

using redis::Command;
using redis::Reply;
using storage::ObjectKey;

constexpr std::string_view kDeleted = "-";
constexpr std::chrono::milliseconds kTryAgainAfter{500};
constexpr std::size_t kMostOwed = 100'000;  // deletions that Redis was not told yet
constexpr std::size_t kAtOnce = 128;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

std::vector<double> seconds_buckets() {
  return {.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25};
}

// Tells one store from all others, whatever is in its name.
std::string prefix_of(const std::string& store) {
  const auto digest = registry::Digest::of(registry::Algorithm::sha256, store);
  return "bunker:" + std::string(digest.hex().substr(0, 16)) + ":";
}

class RedisFacts final : public SharedFacts {
 public:
  RedisFacts(net::Dialer& dialer, redis::Settings settings, const std::string& store, Logger& log,
             Metrics& metrics)
      : state_(std::make_shared<State>(dialer, std::move(settings), store, log, metrics)) {}

  Task<std::optional<Fact>> find(ObjectKey key) override {
    const auto reply = co_await state_->call(state_->find_seconds, key, {"GET", state_->name(key)});
    if (!reply || reply->type != Reply::Type::text) co_return std::nullopt;
    co_return parse_fact(reply->text);
  }

  Task<void> keep(ObjectKey key, Fact fact) override {
    // Nobody waits for it.
    start_detached(co_await this_executor(), keep_it(state_, std::move(key), print_fact(fact)));
  }

  Task<void> forget(std::vector<ObjectKey> keys) override {
    return forget(state_, std::move(keys));
  }

  Task<void> clear() override { return clear(state_); }

 private:
  struct State {
    State(net::Dialer& dialer, redis::Settings settings, const std::string& store, Logger& logger,
          Metrics& metrics)
        : prefix(prefix_of(store)),
          log(logger),
          errors(metrics.counter("registry_storage_cache_errors_total",
                                 "Questions to Redis that it did not answer.")),
          find_seconds(seconds_of(metrics, "Stat")),
          keep_seconds(seconds_of(metrics, "SetDescriptor")),
          forget_seconds(seconds_of(metrics, "Clear")),
          client(dialer, std::move(settings),
                 [this](const net::Destination& to, const Error* error) { tell(to, error); }) {}

    static Histogram& seconds_of(Metrics& metrics, std::string_view operation) {
      return metrics.histogram("registry_storage_cache_redis_seconds",
                               "Seconds that a question to Redis took.", seconds_buckets(),
                               {{"operation", std::string(operation)}});
    }

    [[nodiscard]] std::string name(const ObjectKey& key) const { return prefix + key; }

    Task<Result<Reply>> call(Histogram& seconds, ObjectKey key, Command command) {
      const SteadyTime start = now();
      auto reply = co_await client.call(name(key), std::move(command));
      seconds.observe(std::chrono::duration<double>(now() - start).count());
      if (reply) co_return reply;
      errors.add();
      if (reply.error().code == Code::forbidden && !refused.exchange(true)) {
        log.warn("Redis refuses a command; blobs are served without it",
                 {{"error", reply.error().message},
                  {"remedy", "see docs/redis.md for what its user must be allowed"}});
      }
      co_return reply;
    }

    void tell(const net::Destination& to, const Error* error) const {
      const std::string address = to.port == 0 ? to.host : to.host + ":" + std::to_string(to.port);
      if (error == nullptr) {
        log.info("Redis answers", {{"address", address}});
      } else {
        log.warn("Redis does not answer; the store is asked instead",
                 {{"address", address}, {"error", error->message}, {"detail", error->detail}});
      }
    }

    const std::string prefix;
    Logger& log;
    Counter& errors;
    Histogram& find_seconds;
    Histogram& keep_seconds;
    Histogram& forget_seconds;
    std::atomic<bool> refused = false;
    redis::Client client;

    std::mutex mutex;
    std::map<ObjectKey, SteadyTime> owed;  // deletions, and until when Redis may say otherwise
    bool paying = false;
  };
  using StatePtr = std::shared_ptr<State>;

  static Task<void> keep_it(StatePtr state, ObjectKey key, std::string value) {
    // NX: neither over the mark of a deletion, nor to make what is known younger.
    const std::string age = std::to_string(kSharedAge.count());
    Command command{"SET", state->name(key), std::move(value), "NX", "EX", age};
    (void)co_await state->call(state->keep_seconds, std::move(key), std::move(command));
  }

  // The key, where Redis could not be told.
  static Task<std::optional<ObjectKey>> mark(StatePtr state, ObjectKey key) {
    const std::string age = std::to_string(kTombstoneAge.count());
    Command command{"SET", state->name(key), std::string(kDeleted), "EX", age};
    const auto reply = co_await state->call(state->forget_seconds, key, std::move(command));
    if (reply) co_return std::nullopt;
    co_return key;
  }

  static Task<std::vector<ObjectKey>> mark_all(StatePtr state, std::vector<ObjectKey> keys) {
    std::vector<Task<std::optional<ObjectKey>>> calls;
    calls.reserve(keys.size());
    for (ObjectKey& key : keys) calls.push_back(mark(state, std::move(key)));
    std::vector<ObjectKey> left;
    for (auto& key : co_await when_all(std::move(calls), kAtOnce)) {
      if (key) left.push_back(*std::move(key));
    }
    co_return left;
  }

  static Task<void> forget(StatePtr state, std::vector<ObjectKey> keys) {
    auto left = co_await mark_all(state, std::move(keys));
    if (left.empty()) co_return;
    {
      const std::lock_guard lock(state->mutex);
      for (ObjectKey& key : left) {
        if (state->owed.size() < kMostOwed) state->owed[std::move(key)] = now() + kSharedAge;
      }
      if (std::exchange(state->paying, true)) co_return;
    }
    start_detached(co_await this_executor(), pay(state));
  }

  // Tells Redis of deletions until it knows of all, or has forgotten the objects by itself.
  static Task<void> pay(StatePtr state) {
    while (true) {
      co_await sleep_for(kTryAgainAfter);
      std::vector<ObjectKey> keys;
      {
        const std::lock_guard lock(state->mutex);
        std::erase_if(state->owed, [](const auto& debt) { return debt.second <= now(); });
        if (state->owed.empty()) {
          state->paying = false;
          co_return;
        }
        // One, to see whether Redis is back; then all.
        keys.push_back(state->owed.begin()->first);
      }
      if (!(co_await mark_all(state, keys)).empty()) continue;
      {
        const std::lock_guard lock(state->mutex);
        for (const auto& [key, until] : state->owed) keys.push_back(key);
      }
      const auto left = co_await mark_all(state, keys);
      const std::lock_guard lock(state->mutex);
      for (const ObjectKey& key : keys) {
        if (std::ranges::find(left, key) == left.end()) state->owed.erase(key);
      }
    }
  }

  static Task<void> clear(StatePtr state) {
    for (const net::Destination& node : state->client.nodes()) {
      std::string cursor = "0";
      do {
        auto page = co_await state->client.call_at(
            node, {"SCAN", cursor, "MATCH", state->prefix + "*", "COUNT", "1000"});
        if (!page || page->items.size() != 2) break;
        cursor = page->items[0].text;
        for (Reply& key : page->items[1].items) {
          (void)co_await state->client.call_at(node, {"UNLINK", std::move(key.text)});
        }
      } while (cursor != "0");
    }
  }

  StatePtr state_;
};

}  // namespace

std::string print_fact(const Fact& fact) {
  std::string value = "+" + std::to_string(fact.size);
  if (fact.content) value += " " + *fact.content;
  return value;
}

std::optional<Fact> parse_fact(const std::string& value) {
  if (!value.starts_with('+')) return std::nullopt;
  Fact fact;
  const char* const last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data() + 1, last, fact.size);
  if (error != std::errc()) return std::nullopt;
  if (end == last) return fact;
  if (*end != ' ') return std::nullopt;
  fact.content = std::string(end + 1, last);
  return fact;
}

std::unique_ptr<SharedFacts> make_redis_facts(net::Dialer& dialer, redis::Settings settings,
                                              const std::string& store, Logger& log,
                                              Metrics& metrics) {
  return std::make_unique<RedisFacts>(dialer, std::move(settings), store, log, metrics);
}

}  // namespace bunker::cache
