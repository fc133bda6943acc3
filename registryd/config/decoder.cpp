#include "registryd/config/decoder.h"

#include <algorithm>
#include <utility>

#include "registryd/config/suggest.h"

namespace bunker::config {
namespace {

std::string_view describe(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "something else";
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
           c == 0x7F;
  });
}

bool equal_fold(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

std::string join(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

}  // namespace

Decoder::Scope::Scope(Decoder& decoder, std::string_view name)
    : decoder_(decoder), length_(decoder.path_.size()) {
  if (!decoder.path_.empty() && !name.starts_with('[')) decoder.path_ += '.';
  decoder.path_ += name;
}
Decoder::Scope::~Scope() {
  decoder_.path_.resize(length_);
}

void Decoder::report(Severity severity, const Location& at, std::string message,
                     std::string remedy) {
  findings_.push_back({severity, at.source ? *at.source : std::string(), at.line, at.column, path_,
                       std::move(message), std::move(remedy)});
}
void Decoder::error(const Location& at, std::string message, std::string remedy) {
  report(Severity::error, at, std::move(message), std::move(remedy));
}
void Decoder::warning(const Location& at, std::string message, std::string remedy) {
  report(Severity::warning, at, std::move(message), std::move(remedy));
}
void Decoder::note(const Location& at, std::string message, std::string remedy) {
  report(Severity::note, at, std::move(message), std::move(remedy));
}
void Decoder::refuse(const Node& node, std::string_view why, std::string_view remedy) {
  error(node.at, std::string(why), std::string(remedy));
}

bool Decoder::expect_scalar(const Node& node, std::string_view what, std::string_view example) {
  if (node.kind == Node::Kind::scalar) return true;
  if (node.kind != Node::Kind::null) {
    error(node.at, "must be " + std::string(what) + ", not " + std::string(describe(node.kind)),
          "write it as in " + std::string(example));
  }
  return false;
}

bool Decoder::expect_map(const Node& node) {
  if (node.kind == Node::Kind::map || node.kind == Node::Kind::null) return true;
  error(node.at, "must hold keys, not " + std::string(describe(node.kind)),
        "write its keys below it, indented");
  return false;
}

void Decoder::each_item(const Node& node, const std::function<void(const Node&)>& read) {
  if (node.kind == Node::Kind::null) return;
  if (node.kind != Node::Kind::list) {
    error(node.at, "must be a list, not " + std::string(describe(node.kind)),
          "begin each item with \"- \", or put them in brackets: [a, b]");
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Scope scope(*this, '[' + std::to_string(i) + ']');
    read(node.items[i]);
  }
}

std::optional<bool> Decoder::flag(const Node& node, Quotes quotes) {
  if (!expect_scalar(node, "true or false", "true")) return std::nullopt;
  const std::optional<bool> value = parse_flag(node.text);
  if (value && (!node.quoted || quotes == Quotes::allowed)) return value;
  if (quotes == Quotes::allowed && (node.text == "1" || node.text == "0")) return node.text == "1";
  if (value) {
    error(node.at, "must be true or false, and in quotes it is a text", "leave the quotes out");
  } else {
    error(node.at, "must be true or false, not " + in_quotes(node.text), "write true or false");
  }
  return std::nullopt;
}

std::optional<std::int64_t> Decoder::number(const Node& node, NumberRule rule) {
  if (!expect_scalar(node, "a whole number", "10")) return std::nullopt;
  const std::optional<std::int64_t> value = parse_integer(node.text);
  if (!value) {
    error(node.at, "must be a whole number, not " + in_quotes(node.text), "write it as in 10");
    return std::nullopt;
  }
  if (*value < rule.min || *value > rule.max) {
    const std::string upper =
        rule.max == NumberRule{}.max ? " or more" : " to " + std::to_string(rule.max);
    error(node.at,
          "must be " + std::to_string(rule.min) + upper + ", not " + std::to_string(*value),
          "choose a number within that");
    return std::nullopt;
  }
  if (rule.zero_is_default && *value <= 0) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> Decoder::bytes(const Node& node, BytesRule rule) {
  if (!expect_scalar(node, "a number of bytes", "10485760 or 10MiB")) return std::nullopt;
  const std::optional<std::uint64_t> value = parse_bytes(node.text);
  if (!value) {
    error(node.at, "must be a number of bytes, not " + in_quotes(node.text),
          "write it as in 10485760 or 10MiB");
    return std::nullopt;
  }
  if (*value < rule.min || *value > rule.max) {
    error(node.at,
          "must be " + std::to_string(rule.min) + " to " + std::to_string(rule.max) +
              " bytes, not " + std::to_string(*value),
          "choose a size within that");
    return std::nullopt;
  }
  return value;
}

std::optional<Duration> Decoder::duration(const Node& node, DurationRule rule) {
  if (!expect_scalar(node, "a duration", "10s, 1h30m or 300ms")) return std::nullopt;
  const std::optional<ParsedDuration> parsed = parse_duration(node.text);
  if (!parsed) {
    error(node.at, "must be a duration, not " + in_quotes(node.text),
          "write it with units (ns, us, ms, s, m, h), as in 10s, 1h30m or 300ms");
    return std::nullopt;
  }
  const bool bare = !parsed->has_unit && parsed->value.count() != 0;
  if (bare && (rule.unit_required || node.quoted)) {
    error(node.at, "must have a unit",
          "write " + node.text + "h, " + node.text + "m or " + node.text + "s");
    return std::nullopt;
  }
  if (parsed->value < rule.min) {
    error(node.at, "must be " + format_duration(rule.min) + " or more, not " + in_quotes(node.text),
          "choose a longer one");
    return std::nullopt;
  }
  if (bare && parsed->value > Duration(0)) {
    warning(node.at, "has no unit, so " + node.text + " is " + node.text + " nanoseconds",
            "write " + node.text + "s for seconds");
  }
  if (rule.zero_is_default && parsed->value == Duration(0)) return std::nullopt;
  return parsed->value;
}

std::optional<std::string> Decoder::text(const Node& node, TextCheck check, bool secret) {
  if (!expect_scalar(node, "a single value", "\"text\"")) return std::nullopt;
  if (!is_printable(node.text)) {
    error(node.at, "holds a control character", "leave it out");
    return std::nullopt;
  }
  if (check != nullptr && !node.text.empty()) {
    if (std::optional<Wrong> wrong = check(node.text)) {
      // A URL may hold a password: nothing that holds an '@' is repeated.
      const bool show = !secret && !node.text.contains('@');
      error(node.at, std::move(wrong->message) + (show ? ", not " + in_quotes(node.text) : ""),
            std::move(wrong->remedy));
      return std::nullopt;
    }
  }
  return node.text;
}

std::optional<std::vector<std::string>> Decoder::texts(const Node& node, TextCheck check) {
  if (node.kind == Node::Kind::null) return std::nullopt;
  std::vector<std::string> values;
  each_item(node, [&](const Node& item) {
    if (item.kind == Node::Kind::null || item.text.empty()) {
      if (item.kind != Node::Kind::list && item.kind != Node::Kind::map) {
        error(item.at, "is empty", "give it a value, or leave it out");
        return;
      }
    }
    if (auto value = text(item, check, false)) values.push_back(*std::move(value));
  });
  return values;
}

std::optional<std::vector<std::string>> Decoder::joined_texts(const Node& node, TextCheck check) {
  const std::optional<std::string> joined = text(node, nullptr, false);
  if (!joined) return std::nullopt;
  std::vector<std::string> values;
  for (std::size_t start = 0; start <= joined->size() && !joined->empty();) {
    const std::size_t comma = std::min(joined->find(',', start), joined->size());
    const Node part = make_scalar(joined->substr(start, comma - start), true, node.at);
    if (part.text.empty()) {
      error(node.at, "has an empty part", "take out the comma too many");
    } else if (auto value = text(part, check, false)) {
      values.push_back(*std::move(value));
    }
    start = comma + 1;
  }
  return values;
}

std::optional<std::map<std::string, std::string>> Decoder::fields(const Node& node) {
  if (node.kind == Node::Kind::null || !expect_map(node)) return std::nullopt;
  std::map<std::string, std::string> values;
  for (const Entry& entry : node.entries) {
    const Scope scope(*this, printable(entry.name));
    if (!is_printable(entry.name)) error(entry.at, "holds a control character", "leave it out");
    if (entry.value.kind == Node::Kind::null) values[entry.name] = "";
    if (auto value = text(entry.value, nullptr, false)) values[entry.name] = *std::move(value);
  }
  return values;
}

std::optional<Headers> Decoder::headers(const Node& node, bool secret) {
  if (node.kind == Node::Kind::null || !expect_map(node)) return std::nullopt;
  Headers values;
  for (const Entry& entry : node.entries) {
    const Scope scope(*this, printable(entry.name));
    if (!is_header_name(entry.name)) {
      error(entry.at, "is not the name of a header", "use letters, digits and '-'");
      continue;
    }
    std::vector<std::string>& list = values[entry.name];
    each_item(entry.value, [&](const Node& item) {
      std::optional<std::string> value = text(item, nullptr, secret);
      if (value && !is_header_value(*value)) {
        error(item.at, "holds a line break, which no header may", "write it on one line");
      } else if (value) {
        list.push_back(*std::move(value));
      }
    });
  }
  return values;
}

std::optional<std::size_t> Decoder::choice(const Node& node,
                                           std::span<const std::string_view> allowed) {
  if (!expect_scalar(node, "one of " + join(allowed), std::string(allowed.front()))) {
    return std::nullopt;
  }
  if (node.text.empty()) return std::nullopt;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (equal_fold(node.text, allowed[i])) return i;
  }
  const std::string_view near = nearest(node.text, allowed);
  error(node.at, "must be one of " + join(allowed) + ", not " + in_quotes(node.text),
        near.empty() ? "choose one of them" : "did you mean " + std::string(near) + "?");
  return std::nullopt;
}

}  // namespace bunker::config
