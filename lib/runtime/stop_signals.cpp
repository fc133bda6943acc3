#include "lib/runtime/stop_signals.h"

namespace bunker {

StopSignals::StopSignals(Hangup hangup) {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  if (hangup == Hangup::reloads) sigaddset(&set_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

std::string_view StopSignals::wait(const std::function<void()>& reload) const {
  int number = 0;
  do {
    while (sigwait(&set_, &number) != 0) {
    }
    if (number == SIGHUP) reload();
  } while (number == SIGHUP);
  return number == SIGINT ? "SIGINT" : "SIGTERM";
}

}  // namespace bunker
