// Concurrent questions for one key whose answer may change at any time, such as where a tag points.
// A few are asked at once, as they come; what comes beyond that is gathered and asked as one
// question when one of them is answered. So nobody gets an answer to a question that was asked
// before he came, and a tag that everybody pulls costs a few calls at a time, not one a client.
// JoinedCalls is for what cannot change. Thread-safe. Owner: who asks; outlives the questions.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "lib/base/result.h"
#include "lib/runtime/shared_result.h"
#include "lib/runtime/task.h"

namespace bunker::cache {

template <class T>
class FreshCalls {
 public:
  // Of one key at once, without anybody waiting for another.
  static constexpr unsigned kAtOnce = 4;

 private:
  struct Batch {
    SharedResult<bool> start;  // set when its question may be asked
    SharedResult<Result<T>> answer;
  };
  struct Asked {
    unsigned running = 0;
    std::shared_ptr<Batch> next;  // gathers, until it runs
  };

 public:
  // A question that may be asked now; others may wait for what answer() is given.
  class Lead {
   public:
    Lead(FreshCalls& calls, std::string key, std::shared_ptr<Batch> batch)
        : calls_(calls), key_(std::move(key)), batch_(std::move(batch)) {}
    ~Lead() {
      calls_.leave(key_);
      if (batch_) batch_->answer.set(std::move(result_));
    }
    Lead(const Lead&) = delete;
    Lead& operator=(const Lead&) = delete;
    void answer(const Result<T>& result) {
      if (batch_) result_ = result;
    }

   private:
    FreshCalls& calls_;
    const std::string key_;
    const std::shared_ptr<Batch> batch_;  // null: nobody waits for it
    Result<T> result_ = fail(Code::cancelled, "the question was given up");
  };

  // One who is to ask gets a Lead; everybody else the answer, or neither where it is no answer and
  // they must ask themselves.
  struct Place {
    std::unique_ptr<Lead> lead;
    std::optional<Result<T>> answer;
  };
  Task<Place> join(std::string key) {
    std::shared_ptr<Batch> batch;
    bool first = false;
    Place place;
    {
      const std::lock_guard lock(mutex_);
      Asked& asked = asked_[key];
      if (asked.running < kAtOnce) {
        ++asked.running;
        place.lead = std::make_unique<Lead>(*this, std::move(key), nullptr);
        co_return place;
      }
      first = asked.next == nullptr;
      if (first) asked.next = std::make_shared<Batch>();
      batch = asked.next;
    }
    if (first) {
      co_await batch->start.get();
      place.lead = std::make_unique<Lead>(*this, std::move(key), std::move(batch));
      co_return place;
    }
    auto result = co_await batch->answer.get();
    if (result || result.error().code == Code::not_found) place.answer = std::move(result);
    co_return place;
  }

 private:
  // A question was answered: the next may be asked, and gathers nobody any more.
  void leave(const std::string& key) {
    std::shared_ptr<Batch> next;
    {
      const std::lock_guard lock(mutex_);
      const auto place = asked_.find(key);
      next = std::exchange(place->second.next, nullptr);
      if (next == nullptr && --place->second.running == 0) asked_.erase(place);
    }
    if (next != nullptr) next->start.set(true);
  }

  std::mutex mutex_;
  std::unordered_map<std::string, Asked> asked_;
};

}  // namespace bunker::cache
