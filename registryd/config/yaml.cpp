#include "registryd/config/yaml.h"

#include <array>
#include <map>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "lib/base/utf8.h"
#include "registryd/config/values.h"

namespace bunker::config {
namespace {

// Leaves yaml-cpp's parser from within an event; never leaves this file.
struct Abort {
  Finding finding;
};

// Builds the tree from yaml-cpp's events, counting what it builds.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const std::string> source, bool is_file, std::vector<Finding>& findings)
      : source_(std::move(source)), is_file_(is_file), findings_(findings) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.at = location(mark);
    count(1, node.at);
    add(std::move(node), anchor, 1);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool is_text = tag == "!" || tag == "tag:yaml.org,2002:str";
    check_tag(tag, mark);
    Node node = make_scalar(value, is_text, location(mark));
    count(1, node.at);
    add(std::move(node), anchor, 1);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      throw Abort{finding(location(mark), "an alias stands inside the value that it names",
                          "write the value out")};
    }
    count(known->second.size, location(mark));
    add(known->second.node, 0, known->second.size);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override {
    merge();
    close();
  }

  [[nodiscard]] Node take() { return std::move(root_); }

  [[nodiscard]] Finding finding(const Location& at, std::string message, std::string remedy) const {
    return {Severity::error,    *source_,         at.line, at.column, {},
            std::move(message), std::move(remedy)};
  }

  [[nodiscard]] Location location(const YAML::Mark& mark) const {
    if (!is_file_ || mark.is_null()) return {source_, 0, 0};
    return {source_, mark.line + 1, mark.column + 1};
  }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::size_t size = 1;
    std::optional<Node> key;   // of the entry whose value comes next
    std::vector<Node> merged;  // values of `<<`
  };
  struct Anchored {
    Node node;
    std::size_t size = 0;
  };

  void count(std::size_t nodes, const Location& at) {
    count_ += nodes;
    if (count_ > kMaxYamlNodes) {
      throw Abort{finding(at, "holds more than " + std::to_string(kMaxYamlNodes) + " values",
                          "aliases count each time they are used")};
    }
  }

  void check_tag(const std::string& tag, const YAML::Mark& mark) {
    static constexpr std::array<std::string_view, 9> kKnown = {"",
                                                               "?",
                                                               "!",
                                                               "tag:yaml.org,2002:str",
                                                               "tag:yaml.org,2002:int",
                                                               "tag:yaml.org,2002:float",
                                                               "tag:yaml.org,2002:bool",
                                                               "tag:yaml.org,2002:map",
                                                               "tag:yaml.org,2002:seq"};
    for (const std::string_view known : kKnown) {
      if (tag == known) return;
    }
    findings_.push_back(finding(location(mark), "the tag " + in_quotes(tag) + " is not understood",
                                "leave the tag out"));
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(tag, mark);
    Frame frame;
    frame.node.kind = kind;
    frame.node.at = location(mark);
    frame.anchor = anchor;
    if (!stack_.empty() && stack_.back().node.kind == Node::Kind::map && !stack_.back().key) {
      throw Abort{finding(frame.node.at, "a key must be one word, not a list or a map",
                          "close every bracket, and quote the key if brackets belong to it")};
    }
    if (stack_.size() >= kMaxYamlDepth) {
      throw Abort{finding(frame.node.at,
                          "is nested deeper than " + std::to_string(kMaxYamlDepth) + " levels",
                          "no key of the configuration is that deep")};
    }
    count(1, frame.node.at);
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(frame.node), frame.anchor, frame.size);
  }

  // Puts a finished value where it belongs.
  void add(Node node, YAML::anchor_t anchor, std::size_t size) {
    if (anchor != 0) anchors_.insert_or_assign(anchor, Anchored{node, size});
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& parent = stack_.back();
    parent.size += size;
    if (parent.node.kind == Node::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (node.kind != Node::Kind::scalar) {
        throw Abort{finding(node.at, "a key is empty or not a word", "give the key a name")};
      }
      parent.key = std::move(node);
    } else {
      add_entry(parent, std::move(node));
    }
  }

  void add_entry(Frame& parent, Node value) {
    const Node key = *std::exchange(parent.key, std::nullopt);
    if (key.text == "<<" && !key.quoted) {
      parent.merged.push_back(std::move(value));
      return;
    }
    if (const Entry* first = parent.node.find(key.text)) {
      findings_.push_back(
          finding(key.at, "the key " + in_quotes(key.text) + " is there twice",
                  first->at.line > 0
                      ? "it is first given on line " + std::to_string(first->at.line) + ": keep one"
                      : "keep one"));
      return;
    }
    parent.node.entries.push_back({key.text, key.at, std::move(value)});
  }

  // YAML's merge keys: what a map says itself wins over what it merges.
  void merge() {
    Frame& frame = stack_.back();
    for (Node& value : frame.merged) {
      const bool one = value.kind == Node::Kind::map;
      if (!one && value.kind != Node::Kind::list) {
        findings_.push_back(finding(value.at, "`<<` merges a map or a list of maps only",
                                    "name an anchored map, as in `<<: *defaults`"));
        continue;
      }
      for (Node& map : one ? std::span(&value, 1) : std::span(value.items)) {
        for (Entry& entry : map.entries) {
          if (frame.node.find(entry.name) == nullptr) {
            frame.node.entries.push_back(std::move(entry));
          }
        }
      }
    }
  }

  std::shared_ptr<const std::string> source_;
  bool is_file_;
  std::vector<Finding>& findings_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  Node root_;
  std::size_t count_ = 0;
};

struct BadByte {
  std::size_t offset;
  std::string_view what;
};

std::optional<BadByte> find_bad_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = 0;
    const std::size_t length = decode_utf8(text.substr(at), c);
    if (length == 0) return BadByte{at, "is not UTF-8"};
    if (c == 0) return BadByte{at, "holds a NUL byte"};
    const bool is_break = c == '\t' || c == '\n' || c == '\r';
    if ((c < 0x20 && !is_break) || c == 0x7F) return BadByte{at, "holds a control character"};
    at += length;
  }
  return std::nullopt;
}

Finding bad_byte_finding(std::string_view text, const BadByte& bad, const std::string& source,
                         bool is_file) {
  Finding finding{
      Severity::error, source, 0, 0, {}, std::string(bad.what), "save it as plain UTF-8 text"};
  if (is_file) {
    const std::string_view before = text.substr(0, bad.offset);
    finding.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
    const std::size_t line_start = before.rfind('\n');
    finding.column = static_cast<int>(
        bad.offset - (line_start == std::string_view::npos ? 0 : line_start + 1) + 1);
  }
  return finding;
}

}  // namespace

std::optional<Node> parse_yaml(std::string_view text,
                               const std::shared_ptr<const std::string>& source, bool is_file,
                               std::vector<Finding>& findings) {
  if (text.size() > kMaxYamlBytes) {
    findings.push_back({Severity::error,
                        *source,
                        0,
                        0,
                        {},
                        "is larger than " + std::to_string(kMaxYamlBytes) + " bytes",
                        "a configuration is a few kilobytes: is this the right file?"});
    return std::nullopt;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (const std::optional<BadByte> bad = find_bad_byte(text)) {
    findings.push_back(bad_byte_finding(text, *bad, *source, is_file));
    return std::nullopt;
  }
  Builder builder(source, is_file, findings);
  try {
    // An empty comment at the end: without it yaml-cpp takes a quote that is open at the last line
    // break for a closed one.
    std::istringstream stream(std::string(text) + (text.ends_with('\n') ? "#" : "\n#"));
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    Node root = builder.take();
    if (parser.HandleNextDocument(builder)) {
      const Node second = builder.take();
      if (second.kind != Node::Kind::null) {
        throw Abort{builder.finding(
            second.at, "holds a second YAML document, or what does not belong to the first",
            "keep one document, and do not mix \"- items\" with keys")};
      }
    }
    return root;
  } catch (const Abort& abort) {
    findings.push_back(abort.finding);
  } catch (const YAML::Exception& error) {
    findings.push_back(builder.finding(builder.location(error.mark),
                                       "is not YAML here: " + printable(error.msg),
                                       "look at the indentation (spaces, no tabs), quotes and "
                                       "brackets of this line and the one before"));
  }
  return std::nullopt;
}

}  // namespace bunker::config
