// Concurrent questions for one key, joined into one call of the store. Only what was found is
// shared: that there is no such object may stop being true between the two questions, so whoever
// joined asks again. Thread-safe. Owner: who asks; outlives the questions.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "lib/base/result.h"
#include "lib/runtime/shared_result.h"
#include "lib/runtime/task.h"

namespace bunker::cache {

template <class T>
class JoinedCalls {
  using Answer = SharedResult<Result<T>>;

 public:
  // A question that others may join until it is destroyed; they get what answer() was given.
  class Lead {
   public:
    Lead(JoinedCalls& calls, std::string key, std::shared_ptr<Answer> answer)
        : calls_(calls), key_(std::move(key)), answer_(std::move(answer)) {}
    ~Lead() {
      calls_.leave(key_, answer_);
      answer_->set(std::move(result_));
    }
    Lead(const Lead&) = delete;
    Lead& operator=(const Lead&) = delete;
    void answer(const Result<T>& result) { result_ = result; }

   private:
    JoinedCalls& calls_;
    std::string key_;
    std::shared_ptr<Answer> answer_;
    Result<T> result_ = fail(Code::cancelled, "the question was given up");
  };

  // The one who asks gets a Lead; everybody else waits for its answer and gets that, or null and
  // no answer where they must ask themselves.
  struct Place {
    std::unique_ptr<Lead> lead;
    std::optional<T> found;
  };
  Task<Place> join(std::string key) {
    std::shared_ptr<Answer> answer;
    Place place;
    {
      const std::lock_guard lock(mutex_);
      auto& waiting = asked_[key];
      if (waiting == nullptr) {
        waiting = std::make_shared<Answer>();
        place.lead = std::make_unique<Lead>(*this, std::move(key), waiting);
        co_return place;
      }
      answer = waiting;
    }
    auto result = co_await answer->get();
    if (result) place.found = *std::move(result);
    co_return place;
  }

  // Nobody joins a question any more that was asked before this.
  void detach(const std::string& key) {
    const std::lock_guard lock(mutex_);
    asked_.erase(key);
  }

 private:
  void leave(const std::string& key, const std::shared_ptr<Answer>& answer) {
    const std::lock_guard lock(mutex_);
    const auto place = asked_.find(key);
    if (place != asked_.end() && place->second == answer) asked_.erase(place);
  }

  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Answer>> asked_;
};

}  // namespace bunker::cache
