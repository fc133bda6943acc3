#include "lib/kube/event_recorder.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "lib/kube/micro_time.h"
#include "lib/kube/object_json.h"

namespace bunker::kube {
namespace {

const Resource kEvents{{"events.k8s.io", "v1", "Event"}, "events", true};
constexpr std::chrono::minutes kSeries{10};
constexpr std::chrono::minutes kBetweenWrites{1};
constexpr std::size_t kRemembered = 512;
constexpr std::size_t kNoteBytes = 1024;
constexpr std::size_t kNameBytes = 200;

// The first `most` bytes, without half a character at the end.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  text.resize(most);
  return text;
}

}  // namespace

EventRecorder::EventRecorder(Client& client, Options options, const Clock& clock, Logger& log)
    : client_(client), options_(std::move(options)), clock_(clock), log_(log) {}

void EventRecorder::record(const Object& regarding, const Happening& what) {
  const SystemTime now = clock_.now();
  const std::string key =
      std::string(regarding.uid()) + '\n' + what.reason + '\n' + what.action + '\n' + what.note;
  Result<Object> done;
  {
    const std::lock_guard lock(mutex_);
    if (Series* series = find(key, now)) {
      ++series->count;
      series->last = now;
      if (series->count > 2 && now - series->written < kBetweenWrites) return;
      series->written = now;
      const nlohmann::json patch = {
          {"series", {{"count", series->count}, {"lastObservedTime", micro_time(now)}}}};
      done = client_.merge(kEvents, series->event, Object(patch));
    } else {
      const std::string ns(regarding.ns().empty() ? "default" : regarding.ns());
      const ObjectKey event{
          ns, cut(std::string(regarding.name()), kNameBytes) + "." + hex_encode(random_bytes(8))};
      recent_.push_front({key, event, 1, now, now});
      by_key_[key] = recent_.begin();
      done = client_.create(kEvents, build(regarding, what, event, now));
    }
  }
  if (!done && done.error().code != Code::cancelled) {
    log_.warn("an event was not written", {{"reason", what.reason},
                                           {"object", to_string(regarding.key())},
                                           {"error", done.error().message}});
  }
}

EventRecorder::Series* EventRecorder::find(const std::string& key, SystemTime now) {
  while (recent_.size() > kRemembered) {
    by_key_.erase(recent_.back().key);
    recent_.pop_back();
  }
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return nullptr;
  if (now - at->second->last > kSeries) {
    recent_.erase(at->second);
    by_key_.erase(at);
    return nullptr;
  }
  recent_.splice(recent_.begin(), recent_, at->second);
  return &recent_.front();
}

Object EventRecorder::build(const Object& regarding, const Happening& what, const ObjectKey& key,
                            SystemTime now) const {
  const Gvk gvk = regarding.gvk();
  return Object(nlohmann::json{{"apiVersion", "events.k8s.io/v1"},
                               {"kind", "Event"},
                               {"metadata", {{"name", key.name}, {"namespace", key.ns}}},
                               {"eventTime", micro_time(now)},
                               {"reportingController", options_.controller},
                               {"reportingInstance", cut(options_.instance, 128)},
                               {"type", what.warning ? "Warning" : "Normal"},
                               {"reason", what.reason},
                               {"action", what.action},
                               {"note", cut(what.note, kNoteBytes)},
                               {"regarding",
                                {{"apiVersion", gvk.api_version()},
                                 {"kind", gvk.kind},
                                 {"name", std::string(regarding.name())},
                                 {"namespace", std::string(regarding.ns())},
                                 {"uid", std::string(regarding.uid())},
                                 {"resourceVersion", std::string(regarding.resource_version())}}}});
}

}  // namespace bunker::kube
