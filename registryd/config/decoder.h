// Turns nodes into values and collects what is wrong with them, under the path of the key that is
// being read. Internal to bunker::config. One thread; lives as long as one reading.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registryd/config/config.h"
#include "registryd/config/finding.h"
#include "registryd/config/node.h"
#include "registryd/config/values.h"

namespace bunker::config {

// Inclusive bounds.
struct NumberRule {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  // What 0 (and, with a negative min, everything below 1) stands for: the key's default.
  bool zero_is_default = false;
};
struct BytesRule {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();
};
struct DurationRule {
  Duration min{0};
  bool zero_is_default = false;
  bool unit_required =
      false;  // else a bare number is nanoseconds, as in distribution, with a warning
};

// Whether "true" in quotes may stand for true. Distribution allows it for the S3 driver only.
enum class Quotes { refused, allowed };

class Decoder {
 public:
  explicit Decoder(std::vector<Finding>& findings) : findings_(findings) {}

  // While it lives, findings are about `name` below the present path.
  class Scope {
   public:
    Scope(Decoder& decoder, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Decoder& decoder_;
    std::size_t length_;
  };

  // Each returns nullopt for null (keep the default), and for a mistake, which it reports.
  std::optional<bool> flag(const Node& node, Quotes quotes);
  std::optional<std::int64_t> number(const Node& node, NumberRule rule);
  std::optional<std::uint64_t> bytes(const Node& node, BytesRule rule);
  std::optional<Duration> duration(const Node& node, DurationRule rule);
  std::optional<std::string> text(const Node& node, TextCheck check, bool secret);
  std::optional<std::vector<std::string>> texts(const Node& node, TextCheck check);
  std::optional<std::vector<std::string>> joined_texts(const Node& node, TextCheck check);
  std::optional<std::map<std::string, std::string>> fields(const Node& node);
  std::optional<Headers> headers(const Node& node, bool secret);
  // The index into `allowed`.
  std::optional<std::size_t> choice(const Node& node, std::span<const std::string_view> allowed);

  // Calls `read` with each item of a list, under its path; null is an empty list.
  void each_item(const Node& node, const std::function<void(const Node&)>& read);
  // True for a map, and for null, which is an empty one.
  bool expect_map(const Node& node);

  void error(const Location& at, std::string message, std::string remedy);
  void warning(const Location& at, std::string message, std::string remedy);
  void note(const Location& at, std::string message, std::string remedy);
  void refuse(const Node& node, std::string_view why, std::string_view remedy);

 private:
  void report(Severity severity, const Location& at, std::string message, std::string remedy);
  bool expect_scalar(const Node& node, std::string_view what, std::string_view example);

  std::vector<Finding>& findings_;
  std::string path_;
};

}  // namespace bunker::config
