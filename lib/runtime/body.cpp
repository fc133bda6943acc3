#include "lib/runtime/body.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <unistd.h>

namespace bunker {
namespace {

constexpr std::size_t kFilePiece = 256 * 1024;

class EmptySource final : public ByteSource {
 public:
  Task<Result<std::span<const std::byte>>> read() override {
    co_return std::span<const std::byte>();
  }
};

class BytesSource final : public ByteSource {
 public:
  explicit BytesSource(SharedBytes bytes) : bytes_(std::move(bytes)) {}

  Task<Result<std::span<const std::byte>>> read() override {
    if (done_) co_return std::span<const std::byte>();
    done_ = true;
    co_return std::as_bytes(std::span(*bytes_));
  }

 private:
  SharedBytes bytes_;
  bool done_ = false;
};

class FileSource final : public ByteSource {
 public:
  explicit FileSource(FileRegion region) : region_(std::move(region)) {}

  Task<Result<std::span<const std::byte>>> read() override {
    if (region_.length == 0) co_return std::span<const std::byte>();
    buffer_.resize(std::min<std::uint64_t>(kFilePiece, region_.length));
    ssize_t got = 0;
    do {
      got = ::pread(region_.file->fd(), buffer_.data(), buffer_.size(),
                    static_cast<off_t>(region_.offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) co_return fail(Code::internal, "cannot read a stored file", std::strerror(errno));
    if (got == 0) co_return fail(Code::data_loss, "a stored file is shorter than it was");
    region_.offset += static_cast<std::uint64_t>(got);
    region_.length -= static_cast<std::uint64_t>(got);
    co_return std::span<const std::byte>(buffer_.data(), static_cast<std::size_t>(got));
  }

 private:
  FileRegion region_;
  std::vector<std::byte> buffer_;
};

}  // namespace

Task<std::size_t> ByteSource::read_to_pipe(int pipe, std::size_t most) {
  (void)pipe;
  (void)most;
  co_return std::size_t{0};
}

Task<std::size_t> ByteSource::read_into(std::span<std::byte> room) {
  (void)room;
  co_return std::size_t{0};
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) ::close(fd_);
}

Body::Body(std::string bytes)
    : content(std::make_shared<const std::string>(std::move(bytes))),
      length(std::get<SharedBytes>(content)->size()) {}

Body::Body(SharedBytes bytes) : content(std::move(bytes)) {
  length = std::get<SharedBytes>(content)->size();
}

Body::Body(FileRegion region) : length(region.length) {
  content = std::move(region);
}

Body::Body(std::unique_ptr<ByteSource> stream, std::uint64_t stream_length)
    : content(std::move(stream)), length(stream_length) {}

std::unique_ptr<ByteSource> make_source(Body body) {
  if (auto* bytes = std::get_if<SharedBytes>(&body.content)) {
    return std::make_unique<BytesSource>(std::move(*bytes));
  }
  if (auto* region = std::get_if<FileRegion>(&body.content)) {
    return std::make_unique<FileSource>(std::move(*region));
  }
  if (auto* stream = std::get_if<std::unique_ptr<ByteSource>>(&body.content)) {
    return std::move(*stream);
  }
  return std::make_unique<EmptySource>();
}

Task<Result<std::string>> read_all(ByteSource& source, std::size_t limit) {
  std::string out;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(const auto piece, co_await source.read());
    if (piece.empty()) co_return out;
    if (piece.size() > limit - out.size()) {
      co_return fail(Code::too_large, "the body is over " + std::to_string(limit) + " bytes");
    }
    out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
}

}  // namespace bunker
