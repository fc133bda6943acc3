#include "lib/kube/packer.h"

#include <stdexcept>

#define ZLIB_CONST
#include <zlib.h>

namespace bunker::kube {
namespace {

// Small windows: an object is a few kilobytes.
constexpr int kWindowBits = -14;  // raw deflate, 16 KiB
constexpr int kMemoryLevel = 6;
constexpr std::size_t kDictionaryBytes = 15 * 1024;  // what the window can reach

const Bytef* bytes(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

void check(int result) {
  if (result < 0 && result != Z_BUF_ERROR) throw std::logic_error("zlib refused what it packed");
}

// What is like something in the dictionary takes less than this part of its size.
constexpr std::size_t kAlike = 4;

// The size of the text goes before the packed bytes.
void put_size(std::string& out, std::size_t size) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((size >> shift) & 0xff);
}

std::size_t get_size(std::string_view packed) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    out |= static_cast<std::size_t>(static_cast<unsigned char>(packed.at(i))) << (8 * i);
  }
  return out;
}

// A stream's memory (100 KiB) is given back: there are many packers, and most are idle.
struct Deflater {
  Deflater() {
    check(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel,
                       Z_DEFAULT_STRATEGY));
  }
  ~Deflater() { deflateEnd(&stream); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  z_stream stream{};
};

struct Inflater {
  Inflater() { check(inflateInit2(&stream, kWindowBits)); }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
};

}  // namespace

std::string Packer::pack(std::string_view text) {
  if (dictionary_.empty()) dictionary_ = text.substr(0, kDictionaryBytes);
  std::string packed = deflated(text);
  if (packed.size() > text.size() / kAlike &&
      dictionary_.size() + text.size() <= kDictionaryBytes) {
    dictionary_.insert(0, text);
  }
  return packed;
}

std::string Packer::deflated(std::string_view text) const {
  Deflater deflater;
  z_stream& stream = deflater.stream;
  check(deflateSetDictionary(&stream, bytes(dictionary_), static_cast<uInt>(dictionary_.size())));
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = bytes(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  check(deflate(&stream, Z_FINISH));
  packed.resize(packed.size() - stream.avail_out);
  std::string out;
  out.reserve(4 + packed.size());  // exactly: this is what stays in memory
  put_size(out, text.size());
  out += packed;
  return out;
}

std::string Packer::unpack(std::string_view packed) const {
  Inflater inflater;
  z_stream& stream = inflater.stream;
  check(inflateSetDictionary(&stream, bytes(dictionary_), static_cast<uInt>(dictionary_.size())));
  std::string text(get_size(packed), '\0');
  stream.next_in = bytes(packed.substr(4));
  stream.avail_in = static_cast<uInt>(packed.size() - 4);
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  check(inflate(&stream, Z_FINISH));
  if (stream.avail_out != 0) throw std::logic_error("what was packed is too short");
  return text;
}

}  // namespace bunker::kube
