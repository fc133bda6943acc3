// An ObjectStore in this process's memory (storage.inmemory): for tests and for trying things out.
// Its bytes are gone with it. Thread-safe; no call blocks longer than a copy of its bytes.
#pragma once

#include <memory>

#include "registryd/storage/object_store.h"

namespace bunker::storage {

// The store outlives every UploadWriter that it opened, and is outlived by `clock`, which says when
// an object was written; null: the system's.
[[nodiscard]] std::unique_ptr<ObjectStore> make_memory_store(const Clock* clock = nullptr);

}  // namespace bunker::storage
