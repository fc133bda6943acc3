#include "registryd/open_store.h"

namespace bunker {

Result<std::unique_ptr<OpenStore>> OpenStore::open(const config::Config& config) {
  std::unique_ptr<OpenStore> out(new OpenStore());
  BUNKER_TRY_ASSIGN(out->backend_, open_backend(config, out->pool_, out->clock_, out->metrics_));
  BUNKER_TRY_ASSIGN(out->caching_, open_caching(config, out->backend_->store(), out->pool_,
                                                out->log_, out->metrics_));
  return out;
}

}  // namespace bunker
