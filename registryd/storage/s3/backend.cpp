#include "registryd/storage/s3/backend.h"

namespace bunker::storage::s3 {

std::shared_ptr<OpenUploads::Entry> OpenUploads::open(const std::string& token) {
  auto mine = std::make_shared<Entry>(*this, token);
  {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[token];
    if (entry.expired()) {
      entry = mine;
      return mine;
    }
  }
  return nullptr;
}

void OpenUploads::abort(const std::string& token) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = entries_.find(token); it != entries_.end()) entry = it->second.lock();
  }
  if (entry) entry->aborted = true;
}

void OpenUploads::close(const std::string& token) {
  const std::lock_guard lock(mutex_);
  // Somebody may have opened it again already.
  const auto it = entries_.find(token);
  if (it != entries_.end() && it->second.expired()) entries_.erase(it);
}

Task<Result<Permits>> Backend::memory_for(std::uint64_t bytes, SteadyTime deadline) {
  return (bytes <= Blocks::kSmall ? first_memory : part_memory).acquire(bytes, deadline);
}

Task<Result<Reply>> Backend::expect_done(Context& context, const Call& call) {
  BUNKER_CO_TRY_ASSIGN(Reply reply, co_await client.call(context, call));
  if (!reply.ok()) co_return std::unexpected(client.error_of(call, reply));
  co_return reply;
}

}  // namespace bunker::storage::s3
