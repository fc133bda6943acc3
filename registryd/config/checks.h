// What must be true of a configuration as a whole, across its keys. Internal to bunker::config.
#pragma once

#include "registryd/config/config.h"
#include "registryd/config/decoder.h"
#include "registryd/config/node.h"

namespace bunker::config {

// Reports what does not fit together, at the keys of `root` that `config` was read from, and folds
// old keys into the members that replaced them (validation.enabled, redis.tls). Pure.
void check_whole(Decoder& in, const Node& root, Config& config);

}  // namespace bunker::config
