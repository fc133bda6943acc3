#include "tests/sim/collection_sim.h"

#include <array>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "registryd/collect/collector.h"
#include "tests/sim/oracle.h"
#include "tests/sim/process_store.h"
#include "tests/sim/world.h"

namespace bunker::sim {
namespace {

using namespace std::chrono_literals;
using registry::blob_descriptor;
using registry::Digest;
using registry::name_of;
using registry::sha256_of;

constexpr std::size_t kClients = 5;
constexpr std::size_t kReplicas = 3;
constexpr std::size_t kLayers = 6;  // few, so that everybody meets at the same ones
constexpr std::size_t kTags = 2;
constexpr auto kDuration = 6min;
constexpr auto kGrace = 30s;

// One registryd: its own store of calls that take time, its own view of the runs.
struct Replica {
  Replica(storage::ObjectStore& shared, World& world, registry::Registry::Options options)
      : store(shared, world), registry(store, world.clock(), std::move(options)) {}
  ProcessStore store;
  registry::Registry registry;
};

class Simulation {
 public:
  explicit Simulation(const SimOptions& options) : options_(options), world_(options.seed) {
    for (std::size_t i = 0; i < kReplicas; ++i) replicas_.push_back(new_replica());
  }

  SimReport run() {
    for (std::size_t i = 0; i < kClients; ++i) world_.start(client(i));
    for (std::size_t i = 0; i < 2; ++i) world_.start(collect_now_and_then());
    world_.start(kill_now_and_then());
    world_.run();
    oracle_.check_all(tags_);
    if (report_.loss.empty()) {
      world_.start(collect_the_rest());
      world_.run();
      oracle_.check_all(tags_);
      oracle_.check_waste(kClients, damaged_);
    }
    return report_;
  }

 private:
  std::shared_ptr<Replica> new_replica() {
    registry::Registry::Options options;
    options.delete_enabled = true;
    options.manifest_cache_bytes = 0;
    options.timer = &world_;
    if (options_.replicas_never_look) {
      options.collection.view_age = 24h;
      options.collection.link_within = 24h;
    }
    return std::make_shared<Replica>(*memory_, world_, options);
  }
  std::shared_ptr<Replica> any_replica() { return replicas_[world_.pick(replicas_.size())]; }
  [[nodiscard]] bool over() const { return world_.now() - began_ >= kDuration; }

  static std::string layer(std::size_t number) { return "layer " + std::to_string(number); }

  // --- Clients: each has a repository of its own, and layers in common with all ---

  Task<void> client(std::size_t self) {
    while (!over()) {
      co_await world_.sleep(std::chrono::milliseconds(world_.pick(4'000)));
      const std::string tag = "t" + std::to_string(world_.pick(kTags));
      if (world_.chance(0.35)) {
        co_await remove(self, tag);
      } else {
        co_await push(self, tag);
      }
    }
  }

  // As docker does: what is there is not sent, what another repository has is mounted. A client
  // that is refused sends all of it again.
  Task<void> push(std::size_t self, std::string tag) {
    std::set<std::size_t> layers{world_.pick(kLayers), world_.pick(kLayers)};
    // Where untagged manifests stay, nothing is to be left untagged, or nothing is ever collected.
    if (!options_.delete_untagged) co_await remove(self, tag);
    const bool index = options_.delete_untagged && world_.chance(0.3);
    for (int attempt = 0; attempt < 4; ++attempt) {
      const auto replica = any_replica();
      const auto done = co_await push_once(*replica, self, tag, layers, index, attempt > 0);
      if (done) {
        ++report_.pushes;
        tags_.insert({self, tag});
        oracle_.check({self, tag});
        co_return;
      }
      ++report_.refused;
      // It may have come through all the same, so nobody knows what the tag is.
      tags_.erase({self, tag});
    }
  }

  Task<Result<void>> push_once(Replica& replica, std::size_t self, const std::string& tag,
                               const std::set<std::size_t>& layers, bool index, bool everything) {
    BUNKER_CO_TRY(co_await give(replica, self, "{}", everything));
    std::vector<std::string> descriptors;
    for (const std::size_t number : layers) {
      BUNKER_CO_TRY(co_await give(replica, self, layer(number), everything));
      descriptors.push_back(blob_descriptor(layer(number)));
    }
    const std::string image = registry::image(blob_descriptor("{}"), descriptors);
    if (!index) co_return co_await put(replica, self, *registry::parse_reference(tag), image);
    BUNKER_CO_TRY(co_await put(replica, self, sha256_of(image), image));
    const std::string list = registry::index_of(
        {registry::descriptor(registry::media_type::kOciImage, sha256_of(image), image.size())});
    co_return co_await put(replica, self, *registry::parse_reference(tag), list);
  }

  Task<Result<void>> give(Replica& replica, std::size_t self, std::string bytes, bool everything) {
    Context context;
    const auto name = name_of(repository_of(self));
    const Digest digest = sha256_of(bytes);
    if (!everything) {
      if (co_await replica.registry.stat_blob(context, name, digest)) co_return Result<void>();
      if (world_.chance(0.5)) {
        const auto from = name_of(repository_of(world_.pick(kClients)));
        const auto mounted = co_await replica.registry.mount(context, name, digest, from);
        if (mounted && *mounted) {
          ++report_.mounts;
          co_return Result<void>();
        }
      }
    }
    BUNKER_CO_TRY_ASSIGN(auto upload, co_await replica.registry.start_upload(
                                          context, name, registry::Algorithm::sha256));
    registry::PiecesSource body(bytes);
    registry::PiecesSource nothing("");
    if (world_.chance(0.3)) {
      BUNKER_CO_TRY_ASSIGN(upload, co_await replica.registry.append(context, upload, body,
                                                                    std::nullopt, std::nullopt));
      BUNKER_CO_TRY(co_await replica.registry.finish(context, upload, digest, nothing, std::nullopt,
                                                     std::nullopt));
      co_return Result<void>();
    }
    BUNKER_CO_TRY(co_await replica.registry.finish(context, upload, digest, body, std::nullopt,
                                                   std::nullopt));
    co_return Result<void>();
  }

  Task<Result<void>> put(Replica& replica, std::size_t self, registry::Reference reference,
                         std::string manifest) {
    Context context;
    const auto pushed = co_await replica.registry.put_manifest(
        context, name_of(repository_of(self)), std::move(reference), {}, std::move(manifest), {});
    if (!pushed) co_return fail(pushed.error());
    co_return Result<void>();
  }

  Task<void> remove(std::size_t self, std::string tag) {
    const auto known = tags_.find({self, tag});
    if (known == tags_.end()) co_return;
    Context context;
    const auto name = name_of(repository_of(self));
    const auto replica = any_replica();
    registry::Reference reference = *registry::parse_reference(tag);
    if (!options_.delete_untagged || world_.chance(0.6)) {
      const auto manifest = co_await replica->registry.get_manifest(context, name, reference);
      if (!manifest) co_return;
      reference = manifest->digest;
      // Whatever other tag says the same goes with it.
      std::erase_if(tags_, [self](const OracleTag& tag) { return tag.first == self; });
    }
    tags_.erase({self, tag});
    ++report_.deletions;
    (void)co_await replica->registry.delete_manifest(context, name, reference);
  }

  // --- Collectors ---

  collect::Options collector_options() const {
    collect::Options options;
    options.minimum_age = 0s;
    options.grace = options_.collectors_ignore_grace ? 16s : std::chrono::nanoseconds(kGrace);
    options.delete_untagged = options_.delete_untagged;
    options.round_items = 1 + options_.seed % 3;
    options.bounds.known_for = 0s;
    if (options_.collectors_ignore_grace) {
      options.offline = true;
      options.minimum_age = 1ns;
    }
    return options;
  }

  Task<void> collect_once(ProcessStore& store) {
    collect::Collector collector({store, world_, world_.clock()}, collector_options(), {});
    Context context;
    const auto done = co_await collector.run(context);
    const auto progress = collector.progress();
    report_.collected += progress.deleted;
    report_.rescued += progress.rescued;
    damaged_ = progress.scanned.damaged_repositories > 0;
    if (store.dead()) ++report_.killed;
    if (done) ++report_.collections;
    if (done && progress.resumed) ++report_.resumed;
  }

  Task<void> collect_now_and_then() {
    while (!over()) {
      co_await world_.sleep(std::chrono::milliseconds(world_.pick(20'000)));
      ProcessStore store(*memory_, world_);
      if (world_.chance(0.3)) store.kill_within(300);
      if (world_.chance(0.1)) store.set_pause(std::chrono::seconds(20 + world_.pick(120)));
      co_await collect_once(store);
    }
  }

  // A replica that dies is followed by another one, with nothing in its memory.
  Task<void> kill_now_and_then() {
    while (!over()) {
      co_await world_.sleep(std::chrono::milliseconds(5'000 + world_.pick(40'000)));
      auto& place = replicas_[world_.pick(replicas_.size())];
      place->store.kill();
      graves_.push_back(place);
      place = new_replica();
    }
  }

  // What was uploaded by a push that gave up, and by pushes to come, is nobody's any more.
  Task<void> collect_the_rest() {
    co_await world_.sleep(5min);
    for (int quiet = 0; quiet < 2;) {
      ProcessStore store(*memory_, world_);
      const auto before = std::pair(report_.collections, report_.collected);
      co_await collect_once(store);
      const bool idle = report_.collections > before.first && report_.collected == before.second;
      quiet = idle ? quiet + 1 : 0;
      co_await world_.sleep(5min);
    }
  }

  const SimOptions options_;
  World world_;
  const SteadyTime began_ = world_.now();
  std::unique_ptr<storage::ObjectStore> memory_ = storage::make_memory_store(&world_.clock());
  std::vector<std::shared_ptr<Replica>> replicas_;
  std::vector<std::shared_ptr<Replica>> graves_;
  std::set<OracleTag> tags_;  // that clients were told of
  bool damaged_ = false;
  SimReport report_;
  Oracle oracle_{*memory_, options_, report_};
};

}  // namespace

SimReport simulate(const SimOptions& options) {
  return Simulation(options).run();
}

}  // namespace bunker::sim
