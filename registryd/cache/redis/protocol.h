// Redis's wire format (RESP 2): commands to bytes, bytes to replies. hiredis stops here. Pure; one
// caller at a time. Owner: the connection.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace bunker::cache::redis {

using Command = std::vector<std::string>;  // name and arguments

struct Reply {
  enum class Type : unsigned char { nil, status, error, integer, text, array };

  Type type = Type::nil;
  std::string text;  // of a status, an error or a text
  long long integer = 0;
  std::vector<Reply> items;  // of an array

  [[nodiscard]] bool is_error() const noexcept { return type == Type::error; }
};

[[nodiscard]] std::string format(const Command& command);

class ReplyReader {
 public:
  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::span<const std::byte> bytes);
  // The next whole reply; nullopt: more bytes are needed. invalid: this is not RESP; nothing more
  // can be read from it then.
  [[nodiscard]] Result<std::optional<Reply>> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bunker::cache::redis
