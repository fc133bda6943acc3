#include "lib/runtime/blocking_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace bunker {

struct BlockingPool::Impl {
  explicit Impl(std::size_t threads_wanted) : limit(threads_wanted) {}

  const std::size_t limit;
  std::mutex mutex;
  std::condition_variable wake;   // a job came, or the end
  std::condition_variable quiet;  // nothing is queued or running
  std::deque<std::move_only_function<void()>> jobs;
  std::size_t running = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return stopping || !jobs.empty(); });
      if (jobs.empty()) return;
      {
        auto job = std::move(jobs.front());
        jobs.pop_front();
        ++running;
        lock.unlock();
        job();
      }
      lock.lock();
      if (--running == 0 && jobs.empty()) quiet.notify_all();
    }
  }
};

BlockingPool::BlockingPool(std::size_t threads) : impl_(std::make_unique<Impl>(threads)) {}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

void BlockingPool::post(std::move_only_function<void()> job) {
  const std::lock_guard lock(impl_->mutex);
  impl_->jobs.push_back(std::move(job));
  // Threads are started as they are needed: an idle registry has none.
  const std::size_t idle = impl_->threads.size() - impl_->running;
  if (impl_->jobs.size() > idle && impl_->threads.size() < impl_->limit) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
  }
  impl_->wake.notify_one();
}

void BlockingPool::wait_idle() {
  std::unique_lock lock(impl_->mutex);
  impl_->quiet.wait(lock, [this] { return impl_->running == 0 && impl_->jobs.empty(); });
}

}  // namespace bunker
