// What the parts of the S3 driver share: the client, the calls it makes, and the memory that all
// uploads together may use. Private to the driver. Thread-safe. Owner: the store.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "lib/runtime/io_threads.h"
#include "lib/runtime/semaphore.h"
#include "registryd/storage/object_store.h"
#include "registryd/storage/s3/client.h"
#include "registryd/storage/s3/part_buffer.h"

namespace bunker::storage::s3 {

// The uploads that writers of this process have open, so that a second writer of the same one is
// told so, and that an abort stops the first. Between processes the store itself decides: see
// Multipart::complete(). Thread-safe.
class OpenUploads {
 public:
  // Open as long as it lives. Destroyed before the OpenUploads.
  class Entry {
   public:
    Entry(OpenUploads& owner, std::string token) : owner_(owner), token_(std::move(token)) {}
    ~Entry() { owner_.close(token_); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    // Set by abort(): whoever has it open fails from then on.
    std::atomic<bool> aborted = false;

   private:
    OpenUploads& owner_;
    const std::string token_;
  };

  // nullptr: somebody has it open. `token` with its scratch key.
  [[nodiscard]] std::shared_ptr<Entry> open(const std::string& token);
  void abort(const std::string& token);

 private:
  void close(const std::string& token);

  std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<Entry>> entries_;
};

struct Backend {
  Settings settings;
  Calls calls;
  Client client;
  const Clock& clock;
  Blocks blocks;
  // Bytes of parts in memory, and of the first blocks of uploads that may turn out to be small:
  // these never wait for the big ones.
  Semaphore part_memory;
  Semaphore first_memory;
  OpenUploads uploads;
  // Set when the store turns out not to have the call.
  std::atomic<bool> lacks_delete_objects = false;
  std::atomic<bool> lacks_list_v2 = false;
  std::atomic<bool> lacks_copy = false;

  // Memory for `bytes` of an upload: see part_memory and first_memory.
  Task<Result<Permits>> memory_for(std::uint64_t bytes, SteadyTime deadline);

  // The answer to `call` or the Error that it amounts to.
  Task<Result<Reply>> expect_done(Context& context, const Call& call);
};

}  // namespace bunker::storage::s3
