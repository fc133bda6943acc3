// SIGTERM and SIGINT as something that main waits for; and SIGHUP, where a program reads its files
// again for it. Construct it before any thread is started: the signals are blocked in this thread
// and all that it starts, so that wait() gets them.
// Thread rule: the main thread. Owner: a program's composition root.
#pragma once

#include <functional>
#include <string_view>

#include <signal.h>

namespace bunker {

class StopSignals {
 public:
  enum class Hangup : unsigned char { ends, reloads };
  // `hangup`: whether SIGHUP ends the program, as it does by default, or is left to wait().
  explicit StopSignals(Hangup hangup = Hangup::ends);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Blocks until one comes that ends the program; its name. Calls `reload` for each SIGHUP until
  // then.
  [[nodiscard]] std::string_view wait(const std::function<void()>& reload = {}) const;

 private:
  sigset_t set_{};
};

}  // namespace bunker
