#include "registryd/cache/disk/disk_folder.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/random.h"

namespace bunker::cache {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 256 << 10;

std::unexpected<Error> unusable(const std::string& folder, const std::string& why) {
  return fail(Code::invalid, "cannot cache blobs in " + folder + ": " + why,
              "bunker.cache.disk.folder must be a folder of its own that registryd may write");
}

// Whether the file holds `size` bytes of this digest.
bool proves(int fd, const registry::Digest& digest, std::uint64_t size) {
  registry::Hasher hasher(digest.algorithm());
  std::vector<std::byte> piece(kPiece);
  std::uint64_t at = 0;
  while (true) {
    const ssize_t count = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(at));
    if (count < 0) return false;
    if (count == 0) break;
    at += static_cast<std::uint64_t>(count);
    hasher.update(std::span(piece).first(static_cast<std::size_t>(count)));
  }
  return at == size && hasher.digest() == digest;
}

struct Found {
  registry::Digest digest;
  std::uint64_t size = 0;
  fs::file_time_type used;
};

}  // namespace

Result<std::unique_ptr<DiskFolder>> DiskFolder::open(std::string folder, std::uint64_t max_bytes) {
  std::error_code error;
  fs::create_directories(folder + "/drafts", error);
  if (!error) fs::create_directories(folder + "/blobs", error);
  if (error) return unusable(folder, error.message());
  const int lock = ::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return unusable(folder, std::strerror(errno));
  std::unique_ptr<DiskFolder> out(new DiskFolder(std::move(folder), max_bytes, lock));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return unusable(out->folder_, "another process uses it");
  }
  BUNKER_TRY(out->scan());
  return out;
}

DiskFolder::DiskFolder(std::string folder, std::uint64_t max_bytes, int lock)
    : folder_(std::move(folder)), max_bytes_(max_bytes), lock_(lock) {}

DiskFolder::~DiskFolder() = default;

Result<void> DiskFolder::scan() {
  std::error_code error;
  fs::remove_all(folder_ + "/drafts", error);
  if (!error) fs::create_directory(folder_ + "/drafts", error);
  if (error) return unusable(folder_, error.message());
  std::vector<Found> found;
  fs::directory_iterator files(folder_ + "/blobs", error);
  if (error) return unusable(folder_, error.message());
  for (const auto& file : files) {
    std::string name = file.path().filename();
    std::ranges::replace(name, '-', ':');
    auto digest = registry::Digest::parse(name);
    if (!digest || !file.is_regular_file(error)) continue;
    found.push_back({*std::move(digest), file.file_size(error), file.last_write_time(error)});
  }
  std::ranges::sort(found, std::ranges::greater(), &Found::used);
  const std::lock_guard lock(mutex_);
  for (Found& blob : found) {
    bytes_ += blob.size;
    entries_.push_back({std::move(blob.digest), blob.size, false});
    places_.emplace(entries_.back().digest, std::prev(entries_.end()));
  }
  make_room(0);
  return {};
}

std::string DiskFolder::path_of(const registry::Digest& digest) const {
  std::string name = digest.str();
  std::ranges::replace(name, ':', '-');
  return folder_ + "/blobs/" + name;
}

void DiskFolder::drop(Entries::iterator entry) {
  ::unlink(path_of(entry->digest).c_str());  // who reads it goes on reading
  bytes_ -= entry->size;
  places_.erase(entry->digest);
  entries_.erase(entry);
}

void DiskFolder::make_room(std::uint64_t bytes) {
  while (!entries_.empty() && bytes_ + promised_ + bytes > max_bytes_) {
    drop(std::prev(entries_.end()));
  }
}

std::optional<FileRegion> DiskFolder::find(const registry::Digest& digest) {
  std::shared_ptr<const FileHandle> file;
  std::uint64_t size = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto place = places_.find(digest);
    if (place == places_.end()) return std::nullopt;
    const int fd = ::open(path_of(digest).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      drop(place->second);
      return std::nullopt;
    }
    file = std::make_shared<const FileHandle>(fd);
    ::futimens(fd, nullptr);  // what the next process sorts by
    entries_.splice(entries_.begin(), entries_, place->second);
    size = place->second->size;
    if (place->second->verified) return FileRegion{std::move(file), 0, size};
  }
  const bool good = proves(file->fd(), digest, size);
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(digest);
  if (!good) {
    if (place != places_.end()) drop(place->second);
    return std::nullopt;
  }
  if (place != places_.end()) place->second->verified = true;
  return FileRegion{std::move(file), 0, size};
}

Result<DiskFolder::Draft> DiskFolder::begin(std::uint64_t size) {
  if (size > max_bytes_ / 4) return fail(Code::too_large, "the blob is too large for the cache");
  Draft draft;
  draft.path = folder_ + "/drafts/" + random_uuid();
  draft.size = size;
  const int fd = ::open(draft.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::retry_later, "cannot write " + draft.path, std::strerror(errno));
  draft.file = std::make_shared<const FileHandle>(fd);
  {
    const std::lock_guard lock(mutex_);
    make_room(size);
    promised_ += size;
  }
  if (const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(size)); error != 0) {
    discard(draft);
    return fail(Code::retry_later, "cannot write " + draft.path, std::strerror(error));
  }
  return draft;
}

void DiskFolder::keep(const registry::Digest& digest, const Draft& draft) {
  const std::lock_guard lock(mutex_);
  promised_ -= draft.size;
  const bool known = places_.contains(digest);
  if (known || ::rename(draft.path.c_str(), path_of(digest).c_str()) != 0) {
    ::unlink(draft.path.c_str());
    return;
  }
  entries_.push_front({digest, draft.size, true});
  places_.emplace(digest, entries_.begin());
  bytes_ += draft.size;
}

void DiskFolder::discard(const Draft& draft) {
  ::unlink(draft.path.c_str());
  const std::lock_guard lock(mutex_);
  promised_ -= draft.size;
}

void DiskFolder::remove(const registry::Digest& digest) {
  const std::lock_guard lock(mutex_);
  if (const auto place = places_.find(digest); place != places_.end()) drop(place->second);
}

DiskFolder::Usage DiskFolder::usage() const {
  const std::lock_guard lock(mutex_);
  return {entries_.size(), bytes_};
}

}  // namespace bunker::cache
