#include "registryd/config/node.h"

#include <utility>

namespace bunker::config {

const Entry* Node::find(std::string_view name) const {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Entry* Node::find(std::string_view name) {
  return const_cast<Entry*>(std::as_const(*this).find(name));
}

const Node* find_path(const Node& root, std::string_view path) {
  const Node* node = &root;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const Entry* entry = node->find(path.substr(0, dot));
    if (entry == nullptr) return nullptr;
    node = &entry->value;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return node;
}

Node make_scalar(std::string text, bool quoted, Location at) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  node.quoted = quoted;
  node.at = std::move(at);
  return node;
}

}  // namespace bunker::config
