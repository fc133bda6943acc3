#include "lib/http/multipart.h"

#include <cassert>
#include <memory>
#include <utility>

#include "lib/base/encoding.h"
#include "lib/base/random.h"

namespace bunker::http {
namespace {

// Reads several bodies as if they were one.
class ChainSource final : public ByteSource {
 public:
  void add(Body body) {
    length_ += body.length;
    bodies_.push_back(std::move(body));
  }
  [[nodiscard]] std::uint64_t length() const noexcept { return length_; }

  Task<Result<std::span<const std::byte>>> read() override {
    while (true) {
      if (current_ == nullptr) {
        if (next_ == bodies_.size()) co_return std::span<const std::byte>();
        left_ = bodies_[next_].length;
        current_ = make_source(std::move(bodies_[next_++]));
      }
      BUNKER_CO_TRY_ASSIGN(const auto piece, co_await current_->read());
      if (piece.empty() && left_ == 0) {
        current_.reset();
        continue;
      }
      if (piece.empty() || piece.size() > left_) {
        co_return fail(Code::data_loss, "a part is not as long as was announced");
      }
      left_ -= piece.size();
      co_return piece;
    }
  }

 private:
  std::vector<Body> bodies_;
  std::uint64_t length_ = 0;
  std::size_t next_ = 0;
  std::unique_ptr<ByteSource> current_;
  std::uint64_t left_ = 0;  // of the current part
};

}  // namespace

std::string make_boundary() {
  return hex_encode(random_bytes(16));
}

Body make_multipart(const std::string& boundary, std::vector<Part> parts) {
  auto chain = std::make_unique<ChainSource>();
  std::string head;
  for (Part& part : parts) {
    assert(part.body.length != kUnknownLength);
    head += "--" + boundary + "\r\n";
    for (const auto& [name, value] : part.headers.fields()) {
      head.append(name).append(": ").append(value).append("\r\n");
    }
    head += "\r\n";
    chain->add(Body(std::exchange(head, "\r\n")));
    chain->add(std::move(part.body));
  }
  chain->add(Body(head + "--" + boundary + "--\r\n"));
  const std::uint64_t length = chain->length();
  return {std::move(chain), length};
}

}  // namespace bunker::http
