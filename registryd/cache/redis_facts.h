// What replicas know of objects, shared in Redis, under keys of its own: `bunker:<store>:<key>`,
// where <store> is a digest of which bucket it is about. What distribution keeps in Redis is never
// read, and registries of other buckets may use the same Redis. Values: "+SIZE" or "+SIZE CONTENT"
// for what is there, "-" for what was deleted a moment ago. Keys expire (ages.h), so that no
// eviction policy is needed.
//
// Redis being down, slow or wrong costs calls to the store, never a request. Thread-safe.
// Owner: the composition root; outlives the I/O threads.
#pragma once

#include <memory>
#include <string>

#include "lib/observability/log.h"
#include "lib/observability/metrics.h"
#include "registryd/cache/facts.h"
#include "registryd/cache/redis/settings.h"

namespace bunker::cache {

// `store`: what tells this store from all others. All that is referred to outlives the I/O threads.
[[nodiscard]] std::unique_ptr<SharedFacts> make_redis_facts(net::Dialer& dialer,
                                                            redis::Settings settings,
                                                            const std::string& store, Logger& log,
                                                            Metrics& metrics);

// The value of a fact, and the fact of a value; nullopt for what is none, as the mark of a
// deletion.
[[nodiscard]] std::string print_fact(const Fact& fact);
[[nodiscard]] std::optional<Fact> parse_fact(const std::string& value);

}  // namespace bunker::cache
