// One multipart upload: its parts go out beside each other while the next one is being filled, and
// nothing of it is visible before complete(). Private to the driver.
// Thread rule: one caller, on one thread at a time. Owner: the upload's writer; parts that are on
// their way when it is destroyed come to their end by themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/runtime/task_group.h"
#include "registryd/storage/s3/backend.h"

namespace bunker::storage::s3 {

class Multipart {
 public:
  // Goes on with an upload whose first `etags.size()` parts are there.
  Multipart(Backend& backend, const Executor& executor, ObjectKey key, std::string upload_id,
            std::vector<std::string> etags);
  // Does nothing to the upload itself: see abandon().
  ~Multipart() = default;
  Multipart(const Multipart&) = delete;
  Multipart& operator=(const Multipart&) = delete;

  [[nodiscard]] static Task<Result<std::unique_ptr<Multipart>>> create(Backend& backend,
                                                                       Context& context,
                                                                       ObjectKey key);

  // Starts sending the next part. An earlier part's failure is returned here.
  Task<Result<void>> add(std::shared_ptr<const PartBuffer> part, Permits memory);

  // Makes the first `length` bytes of another object the first parts, in pieces of `piece` bytes,
  // copied by the store. Before any add(). unsupported: it cannot.
  Task<Result<void>> copy(Context& context, ObjectKey source, std::uint64_t length,
                          std::uint64_t piece);

  // Waits until every part has arrived.
  Task<Result<void>> settle();

  // Makes the parts the object of `size` bytes at key(). conflict: some part is not what we sent,
  // because somebody else wrote it too; not_found: the upload is gone.
  Task<Result<void>> complete(Context& context, std::uint64_t size);

  // Throws away the upload with all its parts, at the latest when the last one has arrived. Returns
  // at once; needs no caller to go on.
  void abandon();

  [[nodiscard]] unsigned parts() const noexcept;
  [[nodiscard]] const ObjectKey& key() const noexcept;
  [[nodiscard]] const std::string& upload_id() const noexcept;
  // Of all parts; after settle().
  [[nodiscard]] std::vector<std::string> etags() const;

 private:
  struct State;
  static Task<void> send(std::shared_ptr<State> state, std::shared_ptr<const PartBuffer> part,
                         Permits memory, std::size_t index);
  static Task<Result<void>> copy_piece(std::shared_ptr<State> state, Context& context,
                                       const ObjectKey& source, std::size_t index,
                                       std::uint64_t offset, std::uint64_t length);
  static Task<void> abort(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
  TaskGroup sending_;
};

}  // namespace bunker::storage::s3
