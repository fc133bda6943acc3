#include "registryd/core/upload_token.h"

#include <array>
#include <chrono>
#include <cstdint>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/base/encoding.h"
#include "registryd/core/errors.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kMacSize = 32;
constexpr std::size_t kMaxToken = 4096;
constexpr char kVersion = 1;

using Micros = std::chrono::microseconds;

std::string mac_of(std::string_view payload, std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(payload.data()), payload.size(), out.data(), &size);
  return {reinterpret_cast<const char*>(out.data()), size};
}

void put_number(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  out += static_cast<char>(text.size() >> 8 & 0xff);
  out += static_cast<char>(text.size() & 0xff);
  out += text;
}

// Reads what put_number() and put_text() wrote. `ok` turns false at the first byte that is missing.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string text() { return std::string(take(static_cast<std::size_t>(number(2)))); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) ok_ = false;
    const std::string_view out = ok_ ? rest_.substr(0, size) : std::string_view();
    rest_.remove_prefix(out.size());
    return out;
  }
  std::string_view rest_;
  bool ok_ = true;
};

std::string encode(const Upload& upload) {
  std::string out(1, kVersion);
  out += upload.algorithm == Algorithm::sha256 ? '\0' : '\1';
  const auto since_epoch = upload.started.time_since_epoch();
  put_number(out,
             static_cast<std::uint64_t>(std::chrono::duration_cast<Micros>(since_epoch).count()));
  put_number(out, upload.offset);
  put_text(out, upload.repository.str());
  put_text(out, upload.uuid);
  put_text(out, upload.hash_state);
  put_text(out, upload.store_token);
  return out;
}

std::optional<Upload> decode(std::string_view payload) {
  Reader reader(payload);
  if (reader.number(1) != static_cast<std::uint64_t>(kVersion)) return std::nullopt;
  const auto algorithm = reader.number(1) == 0 ? Algorithm::sha256 : Algorithm::sha512;
  const auto micros = static_cast<std::int64_t>(reader.number(8));
  const std::uint64_t offset = reader.number(8);
  auto name = RepositoryName::parse(reader.text());
  if (!name) return std::nullopt;
  Upload upload{
      *std::move(name), reader.text(), SystemTime(Micros(micros)), algorithm, offset, {}, {}};
  upload.hash_state = reader.text();
  upload.store_token = reader.text();
  if (!reader.at_end()) return std::nullopt;
  return upload;
}

std::unexpected<Error> damaged() {
  return fail(Code::invalid, "the upload's state is damaged or was signed with another secret",
              "use the Location of the last response as it is; replicas of one registry must share "
              "http.secret",
              reason::kBlobUploadInvalid);
}

}  // namespace

std::string seal_upload(const Upload& upload, std::string_view secret) {
  const std::string payload = encode(upload);
  return base64url_encode(mac_of(payload, secret) + payload);
}

Result<Upload> unseal_upload(std::string_view token, std::string_view secret,
                             const RepositoryName& name, std::string_view uuid) {
  if (token.size() > kMaxToken) return damaged();
  const auto sealed = base64url_decode(token);
  if (!sealed || sealed->size() < kMacSize) return damaged();
  const std::string_view payload = std::string_view(*sealed).substr(kMacSize);
  const std::string expected = mac_of(payload, secret);
  if (CRYPTO_memcmp(expected.data(), sealed->data(), kMacSize) != 0) return damaged();
  auto upload = decode(payload);
  if (!upload) return damaged();
  if (upload->repository != name || upload->uuid != uuid) {
    return fail(Code::not_found, "the upload is not known in repository " + name.str(),
                "start a new one with POST /v2/" + name.str() + "/blobs/uploads/",
                reason::kBlobUploadUnknown);
  }
  return *std::move(upload);
}

}  // namespace bunker::registry
