#include "registryd/core/digest.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <variant>

// OpenSSL's EVP hides the midstate, which uploads must carry from one replica to another; the
// contexts of its low-level interface are plain structs that show it.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "lib/base/encoding.h"
#include "registryd/core/errors.h"
#include "registryd/core/in_quotes.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kSha256Hex = 64;
constexpr std::size_t kSha512Hex = 128;

std::size_t hex_length(Algorithm algorithm) noexcept {
  return algorithm == Algorithm::sha256 ? kSha256Hex : kSha512Hex;
}

bool is_lower_hex(std::string_view text) noexcept {
  for (const char c : text) {
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return false;
  }
  return true;
}

// algorithm ::= component (("+" | "." | "_" | "-") component)*, component ::= [a-z0-9]+
bool is_algorithm_name(std::string_view text) noexcept {
  bool after_separator = true;
  for (const char c : text) {
    const bool separator = c == '+' || c == '.' || c == '_' || c == '-';
    if (separator && after_separator) return false;
    if (!separator && (c < 'a' || c > 'z') && (c < '0' || c > '9')) return false;
    after_separator = separator;
  }
  return !after_separator;
}

// encoded ::= [a-zA-Z0-9=_-]+
bool is_encoded(std::string_view text) noexcept {
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && (c < '0' || c > '9') && c != '=' && c != '_' && c != '-') return false;
  }
  return !text.empty();
}

std::unexpected<Error> invalid_digest(std::string_view text) {
  return fail(Code::invalid, in_quotes(text) + " is not a digest",
              "a digest is sha256:<64 lower-case hex digits> or sha512:<128>",
              reason::kDigestInvalid);
}

template <class Integer>
void append_big_endian(std::string& out, Integer value) {
  for (int shift = 8 * (static_cast<int>(sizeof(Integer)) - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
}

template <class Integer>
Integer read_big_endian(std::string_view bytes) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>(value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

// What differs between the two algorithms, so that freezing is written once.
struct Sha256 {
  using Context = SHA256_CTX;
  using Word = std::uint32_t;
  static constexpr Algorithm kAlgorithm = Algorithm::sha256;
  static constexpr std::size_t kBlock = SHA256_CBLOCK;
  static constexpr std::size_t kSize = SHA256_DIGEST_LENGTH;
  static constexpr std::string_view kMagic = "sha\x03";

  static void init(Context& c) { SHA256_Init(&c); }
  static void update(Context& c, const void* data, std::size_t size) {
    SHA256_Update(&c, data, size);
  }
  static void final(Context& c, unsigned char* out) { SHA256_Final(out, &c); }
  static unsigned char* buffer(Context& c) { return reinterpret_cast<unsigned char*>(c.data); }
  static std::uint64_t bytes(const Context& c) {
    return (static_cast<std::uint64_t>(c.Nh) << 32 | c.Nl) >> 3;
  }
  static void set_bytes(Context& c, std::uint64_t count) {
    c.Nl = static_cast<SHA_LONG>(count << 3);
    c.Nh = static_cast<SHA_LONG>(count >> 29);
  }
};

struct Sha512 {
  using Context = SHA512_CTX;
  using Word = std::uint64_t;
  static constexpr Algorithm kAlgorithm = Algorithm::sha512;
  static constexpr std::size_t kBlock = SHA512_CBLOCK;
  static constexpr std::size_t kSize = SHA512_DIGEST_LENGTH;
  static constexpr std::string_view kMagic = "sha\x07";

  static void init(Context& c) { SHA512_Init(&c); }
  static void update(Context& c, const void* data, std::size_t size) {
    SHA512_Update(&c, data, size);
  }
  static void final(Context& c, unsigned char* out) { SHA512_Final(out, &c); }
  static unsigned char* buffer(Context& c) { return c.u.p; }
  static std::uint64_t bytes(const Context& c) { return c.Nl >> 3 | c.Nh << 61; }
  static void set_bytes(Context& c, std::uint64_t count) {
    c.Nl = count << 3;
    c.Nh = count >> 61;
  }
};

template <class Sha>
struct State {
  using Kind = Sha;
  typename Sha::Context context;
  State() { Sha::init(context); }
};

// The layout of Go's crypto/sha256 and crypto/sha512 MarshalBinary, which distribution keeps under
// `hashstates`: magic, eight big-endian words, the unhashed block padded with zeros, byte count.
template <class Sha>
constexpr std::size_t frozen_size() {
  return Sha::kMagic.size() + 8 * sizeof(typename Sha::Word) + Sha::kBlock + sizeof(std::uint64_t);
}

template <class Sha>
std::string freeze_state(typename Sha::Context context) {
  std::string out(Sha::kMagic);
  out.reserve(frozen_size<Sha>());
  for (const auto word : context.h) append_big_endian<typename Sha::Word>(out, word);
  const std::uint64_t count = Sha::bytes(context);
  const std::size_t pending = count % Sha::kBlock;
  out.append(reinterpret_cast<const char*>(Sha::buffer(context)), pending);
  out.append(Sha::kBlock - pending, '\0');
  append_big_endian<std::uint64_t>(out, count);
  return out;
}

template <class Sha>
std::optional<State<Sha>> thaw_state(std::string_view frozen) {
  if (frozen.size() != frozen_size<Sha>() || !frozen.starts_with(Sha::kMagic)) return std::nullopt;
  frozen.remove_prefix(Sha::kMagic.size());
  State<Sha> state;
  for (auto& word : state.context.h) {
    word = read_big_endian<typename Sha::Word>(frozen);
    frozen.remove_prefix(sizeof(typename Sha::Word));
  }
  const auto count = read_big_endian<std::uint64_t>(frozen.substr(Sha::kBlock));
  const std::size_t pending = count % Sha::kBlock;
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 60;
  if (count > kMaxBytes) return std::nullopt;
  const std::string_view padding = frozen.substr(pending, Sha::kBlock - pending);
  if (padding.find_first_not_of('\0') != std::string_view::npos) return std::nullopt;
  Sha::set_bytes(state.context, count);
  state.context.num = static_cast<unsigned>(pending);
  std::ranges::copy(frozen.substr(0, pending), Sha::buffer(state.context));
  return state;
}

}  // namespace

std::string_view to_string(Algorithm algorithm) noexcept {
  return algorithm == Algorithm::sha256 ? "sha256" : "sha512";
}

std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept {
  if (name == "sha256") return Algorithm::sha256;
  if (name == "sha512") return Algorithm::sha512;
  return std::nullopt;
}

Result<Digest> Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return invalid_digest(text);
  const std::string_view name = text.substr(0, colon);
  const std::string_view encoded = text.substr(colon + 1);
  if (const auto algorithm = parse_algorithm(name)) {
    if (encoded.size() != hex_length(*algorithm) || !is_lower_hex(encoded)) {
      return invalid_digest(text);
    }
    return Digest(*algorithm, std::string(text));
  }
  constexpr std::size_t kLongestName = 64;
  if (name.size() > kLongestName || !is_algorithm_name(name) || !is_encoded(encoded)) {
    return invalid_digest(text);
  }
  return fail(Code::unsupported, "the digest algorithm " + std::string(name) + " is not supported",
              "use sha256 or sha512", reason::kDigestInvalid);
}

Digest Digest::of(Algorithm algorithm, std::string_view bytes) {
  Hasher hasher(algorithm);
  hasher.update(std::as_bytes(std::span(bytes)));
  return hasher.digest();
}

std::string_view Digest::hex() const noexcept {
  return std::string_view(text_).substr(text_.size() - hex_length(algorithm_));
}

struct Hasher::Impl {
  std::variant<State<Sha256>, State<Sha512>> state;
};

Hasher::Hasher(Algorithm algorithm) : impl_(std::make_unique<Impl>()) {
  if (algorithm == Algorithm::sha512) impl_->state = State<Sha512>();
}

Hasher::Hasher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Algorithm Hasher::algorithm() const noexcept {
  return std::holds_alternative<State<Sha256>>(impl_->state) ? Algorithm::sha256
                                                             : Algorithm::sha512;
}

void Hasher::update(std::span<const std::byte> bytes) {
  auto update = [bytes](auto& state) {
    std::decay_t<decltype(state)>::Kind::update(state.context, bytes.data(), bytes.size());
  };
  std::visit(update, impl_->state);
}

Digest Hasher::digest() const {
  auto finish = [](auto state) {  // a copy: the hasher can go on
    using Sha = typename decltype(state)::Kind;
    std::array<unsigned char, Sha::kSize> out{};
    Sha::final(state.context, out.data());
    std::string text(to_string(Sha::kAlgorithm));
    text += ':';
    text += hex_encode({reinterpret_cast<const char*>(out.data()), out.size()});
    return text;
  };
  return Digest(algorithm(), std::visit(finish, impl_->state));
}

std::string Hasher::freeze() const {
  auto freeze = [](const auto& state) {
    return freeze_state<typename std::decay_t<decltype(state)>::Kind>(state.context);
  };
  return std::visit(freeze, impl_->state);
}

Result<Hasher> Hasher::thaw(Algorithm algorithm, std::string_view state) {
  auto impl = std::make_unique<Impl>();
  auto put = [&impl](auto thawed) {
    if (thawed) impl->state = *thawed;
    return thawed.has_value();
  };
  const bool known = algorithm == Algorithm::sha256 ? put(thaw_state<Sha256>(state))
                                                    : put(thaw_state<Sha512>(state));
  if (!known) return fail(Code::invalid, "a hash state is damaged");
  return Hasher(std::move(impl));
}

}  // namespace bunker::registry
