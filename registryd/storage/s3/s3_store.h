// The ObjectStore on an S3 bucket, of AWS or of whoever speaks its API (storage.s3). Keeps to what
// all of them have: no conditional writes, no listing of multipart uploads, no checksum trailers.
// Thread-safe. Owner: the composition root.
#pragma once

#include <memory>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/net/dialer.h"
#include "registryd/storage/object_store.h"
#include "registryd/storage/s3/client.h"
#include "registryd/storage/s3/credentials.h"
#include "registryd/storage/s3/settings.h"

namespace bunker::storage::s3 {

struct StoreOptions {
  Settings settings;
  RetryPolicy retries;
  CallObserver observer;  // of every attempt at a call; may be empty
  // For parts of uploads on their way, of all uploads together.
  std::uint64_t part_memory_bytes = std::uint64_t{64} << 20;
};

// All of these outlive the store.
struct StoreDeps {
  net::Dialer& dialer;
  CredentialKeeper& credentials;
  const Clock& clock;
};

// invalid: what check(settings) finds. Makes no call.
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> make_s3_store(StoreOptions options,
                                                                 const StoreDeps& deps);

}  // namespace bunker::storage::s3
