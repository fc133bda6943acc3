#include <utility>

#include "registryd/config/values.h"
#include "registryd/config/yaml.h"

namespace bunker::config {
namespace {

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "<<" &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
             "0123456789_-") == std::string_view::npos &&
         name[0] != '-';
}

std::string print_scalar(const Node& node) {
  return node.quoted ? quoted_yaml(node.text) : node.text;
}

void print_value(const Node& node, int indent, std::string& out);

void print_map(const Node& node, int indent, bool first_inline, std::string& out) {
  bool first = first_inline;
  for (const Entry& entry : node.entries) {
    if (!std::exchange(first, false)) out.append(static_cast<std::size_t>(indent), ' ');
    out += is_plain_name(entry.name) ? entry.name : quoted_yaml(entry.name);
    out += ':';
    print_value(entry.value, indent + 2, out);
  }
}

void print_list(const Node& node, int indent, std::string& out) {
  for (const Node& item : node.items) {
    out.append(static_cast<std::size_t>(indent), ' ');
    out += '-';
    if (item.kind == Node::Kind::map && !item.entries.empty()) {
      out += ' ';
      print_map(item, indent + 2, true, out);
    } else {
      print_value(item, indent + 2, out);
    }
  }
}

// After "key:" or "-": the rest of the line, or the lines below.
void print_value(const Node& node, int indent, std::string& out) {
  switch (node.kind) {
    case Node::Kind::null:
      out += '\n';
      return;
    case Node::Kind::scalar:
      out += ' ' + print_scalar(node) + '\n';
      return;
    case Node::Kind::list:
      if (node.items.empty()) {
        out += " []\n";
      } else {
        out += '\n';
        print_list(node, indent, out);
      }
      return;
    case Node::Kind::map:
      if (node.entries.empty()) {
        out += " {}\n";
      } else {
        out += '\n';
        print_map(node, indent, false, out);
      }
      return;
  }
}

}  // namespace

std::string print_yaml(const Node& root) {
  std::string out;
  print_map(root, 0, false, out);
  return out;
}

}  // namespace bunker::config
