#include "registryd/ops/instrumented_store.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace bunker::ops {
namespace {

using storage::ByteRange;
using storage::ListOptions;
using storage::ListPage;
using storage::Object;
using storage::ObjectInfo;
using storage::ObjectKey;
using storage::ObjectStore;
using storage::UploadWriter;

// Distribution's buckets, and finer ones below 5 ms, where a local disk answers.
std::vector<double> action_buckets() {
  return {.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
}

// Answers like "there is no such object" are not the store's failures.
bool is_failure(Code code) {
  return code != Code::not_found && code != Code::out_of_range && code != Code::cancelled;
}

struct StoreMetrics {
  StoreMetrics(Metrics& all, std::string_view driver_name)
      : metrics(all),
        driver(driver_name),
        bytes_read(metrics.counter("bunker_storage_read_bytes_total",
                                   "Bytes of objects that reads of the store returned or began.",
                                   {{"driver", driver}})),
        bytes_written(metrics.counter("bunker_storage_written_bytes_total",
                                      "Bytes handed to the store.", {{"driver", driver}})),
        open_uploads(metrics.gauge("bunker_uploads_in_progress",
                                   "Blob uploads that are receiving data right now.")) {}

  void count_error(std::string_view action, Code code) {
    metrics
        .counter("bunker_storage_errors_total", "Calls of the store that failed.",
                 {{"driver", driver},
                  {"action", std::string(action)},
                  {"code", std::string(to_string(code))}})
        .add();
  }

  Metrics& metrics;
  const std::string driver;
  Counter& bytes_read;
  Counter& bytes_written;
  Gauge& open_uploads;
};

// One kind of call, under the name that distribution gives it.
class Action {
 public:
  Action(StoreMetrics& store, std::string_view name)
      : store_(store),
        name_(name),
        seconds_(store.metrics.histogram(
            "registry_storage_action_seconds", "Seconds that a call of the store took.",
            action_buckets(), {{"driver", store.driver}, {"action", std::string(name)}})) {}

  // Awaits `call` and measures it; what succeeds is shown to `seen`.
  template <class T, class Seen>
  Task<Result<T>> time(Task<Result<T>> call, Seen seen) {
    const auto start = std::chrono::steady_clock::now();
    Result<T> result = co_await std::move(call);
    observe(std::chrono::steady_clock::now() - start);
    if (result) {
      if constexpr (!std::is_void_v<T>) seen(*result);
    } else if (is_failure(result.error().code)) {
      store_.count_error(name_, result.error().code);
    }
    co_return result;
  }
  template <class T>
  Task<Result<T>> time(Task<Result<T>> call) {
    auto unseen = [](const auto&) {};
    return time(std::move(call), unseen);
  }

  void observe(std::chrono::duration<double> took) { seconds_.observe(took.count()); }

 private:
  StoreMetrics& store_;
  const std::string_view name_;
  Histogram& seconds_;
};

class InstrumentedWriter final : public UploadWriter {
 public:
  InstrumentedWriter(std::unique_ptr<UploadWriter> inner, StoreMetrics& metrics, Action& write,
                     Action& move)
      : inner_(std::move(inner)), metrics_(metrics), write_(write), move_(move) {
    metrics_.open_uploads.add(1);
  }
  ~InstrumentedWriter() override { metrics_.open_uploads.add(-1); }

  std::span<std::byte> room() override { return inner_->room(); }
  Task<Result<void>> write(std::span<const std::byte> bytes) override {
    metrics_.bytes_written.add(static_cast<double>(bytes.size()));
    return write_.time(inner_->write(bytes));
  }
  void expect_key(const ObjectKey& key) override { inner_->expect_key(key); }
  Task<Result<std::string>> suspend() override { return inner_->suspend(); }
  Task<Result<std::string>> suspend_as(ObjectKey key) override {
    return inner_->suspend_as(std::move(key));
  }
  Task<Result<void>> commit(ObjectKey key) override {
    return move_.time(inner_->commit(std::move(key)));
  }

 private:
  const std::unique_ptr<UploadWriter> inner_;
  StoreMetrics& metrics_;
  Action& write_;
  Action& move_;
};

class InstrumentedStore final : public ObjectStore {
 public:
  InstrumentedStore(ObjectStore& inner, Metrics& metrics)
      : inner_(inner), metrics_(metrics, inner.driver()) {}

  [[nodiscard]] std::string_view driver() const noexcept override { return inner_.driver(); }
  [[nodiscard]] bool remote() const noexcept override { return inner_.remote(); }

  Task<Result<ObjectInfo>> head(Context& context, ObjectKey key) override {
    return stat_.time(inner_.head(context, std::move(key)));
  }

  Task<Result<Object>> get(Context& context, ObjectKey key, ByteRange range) override {
    auto count = [&read = metrics_.bytes_read](const Object& object) {
      read.add(static_cast<double>(object.body.length));
    };
    return reader_.time(inner_.get(context, std::move(key), range), count);
  }

  Task<Result<std::string>> read(Context& context, ObjectKey key, std::size_t limit) override {
    auto count = [&read = metrics_.bytes_read](const std::string& bytes) {
      read.add(static_cast<double>(bytes.size()));
    };
    return get_content_.time(inner_.read(context, std::move(key), limit), count);
  }

  Task<Result<void>> put(Context& context, ObjectKey key, std::string bytes) override {
    metrics_.bytes_written.add(static_cast<double>(bytes.size()));
    return put_content_.time(inner_.put(context, std::move(key), std::move(bytes)));
  }

  Task<Result<ListPage>> list(Context& context, std::string prefix, ListOptions options) override {
    return list_.time(inner_.list(context, std::move(prefix), std::move(options)));
  }

  Task<Result<void>> remove(Context& context, std::vector<ObjectKey> keys) override {
    return delete_.time(inner_.remove(context, std::move(keys)));
  }

  Task<Result<std::unique_ptr<UploadWriter>>> open_upload(
      Context& context, ObjectKey scratch, std::string token, std::uint64_t offset,
      std::optional<std::uint64_t> expected_size) override {
    auto writer = co_await inner_.open_upload(context, std::move(scratch), std::move(token), offset,
                                              expected_size);
    if (!writer) co_return writer;
    std::unique_ptr<UploadWriter> counted =
        std::make_unique<InstrumentedWriter>(std::move(*writer), metrics_, writer_, move_);
    co_return counted;
  }

  Task<Result<Object>> read_upload(Context& context, ObjectKey scratch,
                                   std::string token) override {
    return inner_.read_upload(context, std::move(scratch), std::move(token));
  }

  Task<Result<void>> abort_upload(Context& context, ObjectKey scratch, std::string token) override {
    return inner_.abort_upload(context, std::move(scratch), std::move(token));
  }

  [[nodiscard]] std::optional<std::string> presign_get(const ObjectKey& key,
                                                       unsigned seconds) override {
    const auto start = std::chrono::steady_clock::now();
    auto url = inner_.presign_get(key, seconds);
    if (url) redirect_.observe(std::chrono::steady_clock::now() - start);
    return url;
  }

 private:
  ObjectStore& inner_;
  StoreMetrics metrics_;
  // Reader and Writer are additions: distribution does not time them.
  Action stat_{metrics_, "Stat"};
  Action get_content_{metrics_, "GetContent"};
  Action put_content_{metrics_, "PutContent"};
  Action list_{metrics_, "List"};
  Action delete_{metrics_, "Delete"};
  Action move_{metrics_, "Move"};
  Action reader_{metrics_, "Reader"};
  Action writer_{metrics_, "Writer"};
  Action redirect_{metrics_, "RedirectURL"};
};

}  // namespace

std::unique_ptr<ObjectStore> instrument(ObjectStore& inner, Metrics& metrics) {
  return std::make_unique<InstrumentedStore>(inner, metrics);
}

}  // namespace bunker::ops
