// One open upload: collects bytes part by part, and puts them where they belong. Small ones are one
// PUT; bigger ones become a multipart upload while they come in. Private to the driver.
// Thread rule: one caller, one call at a time. Owner: whoever opened the upload.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "registryd/storage/s3/backend.h"
#include "registryd/storage/s3/multipart.h"
#include "registryd/storage/s3/upload_state.h"

namespace bunker::storage::s3 {

// The upload's first bytes, where they already are one object.
struct UploadBase {
  ObjectKey key;
  std::uint64_t size = 0;
  bool ours = false;  // of this upload alone: goes with it
  // When suspend_as() put it there; unset for what is ours.
  std::optional<SystemTime> placed;
};

class S3UploadWriter final : public UploadWriter {
 public:
  // An upload as it is when it is opened; a new one has only a scratch key and sizes.
  struct Opened {
    ObjectKey scratch;
    ObjectKey state_key;  // the object to remove when the token dies; empty: there is none
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> expected;  // the size in the end
    PartSizes sizes;
    std::optional<UploadBase> base;
    std::unique_ptr<Multipart> multipart;  // with the parts that lie before `tail`
    std::shared_ptr<PartBuffer> tail;
    Permits tail_memory;
    std::uint64_t tail_allowed = 0;             // what `tail` may grow to with that
    std::shared_ptr<OpenUploads::Entry> entry;  // while it is open; nullptr for a new one
  };

  S3UploadWriter(Backend& backend, const Context& context, Opened opened);
  ~S3UploadWriter() override;

  void expect_key(const ObjectKey& key) override { expected_key_ = key; }
  std::span<std::byte> room() override;
  Task<Result<void>> write(std::span<const std::byte> bytes) override;
  Task<Result<std::string>> suspend() override;
  Task<Result<std::string>> suspend_as(ObjectKey key) override;
  Task<Result<void>> commit(ObjectKey key) override;

 private:
  [[nodiscard]] Result<void> check_usable() const;
  [[nodiscard]] unsigned part() const;  // the number of the one that is being filled
  Task<Result<void>> make_room(std::size_t wanted);
  Task<Result<void>> send_buffer();
  Task<Result<void>> absorb_base();
  Task<Result<void>> commit_parts(const ObjectKey& key);
  Task<Result<void>> commit_base(const ObjectKey& key);
  Task<Result<void>> put_buffer(const ObjectKey& key);
  void finish();

  Backend& backend_;
  Context context_;
  Opened opened_;
  ObjectKey expected_key_;
  std::shared_ptr<PartBuffer> buffer_;  // the part that is being filled
  Permits memory_;                      // for `buffer_`
  std::uint64_t allowed_;               // what `buffer_` may grow to
  std::uint64_t offset_;
  bool created_multipart_ = false;  // by us: goes when we go
  bool finished_ = false;           // by a suspend() or commit() that succeeded
  bool broken_ = false;             // by a suspend() that did not
  std::vector<ObjectKey> litter_;   // objects that are of no use once we have committed
};

}  // namespace bunker::storage::s3
