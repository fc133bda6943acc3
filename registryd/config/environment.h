// Overrides by REGISTRY_A_B_C, as distribution's parser does them. Internal to bunker::config.
#pragma once

#include <vector>

#include "registryd/config/finding.h"
#include "registryd/config/load.h"
#include "registryd/config/node.h"
#include "registryd/config/schema.h"

namespace bunker::config {

// Writes every REGISTRY_… variable into `root`, in the order of their names, so that one of a whole
// section comes before those within it. The name's parts are keys below `top` in any case, free
// names of a map (made in lower case), or indexes of a list (its length appends). The value is
// YAML. A name that fits nothing is a warning (a note where it looks like Kubernetes's), since
// others than the user set variables, too; a value that is not YAML, or a bad index, is an error.
void apply_environment(const Environment& environment, const Key& top, Node& root,
                       std::vector<Finding>& findings);

}  // namespace bunker::config
