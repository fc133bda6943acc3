// The list of repositories, in byte order of their names, at a cost that follows the page: a walk
// over the folders that visits the smallest name next. A folder's name is smaller than all names in
// it, so what the walk visits comes in order.
#include <algorithm>
#include <queue>
#include <unordered_set>

#include "lib/runtime/io_threads.h"
#include "registryd/core/folders.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kPage = 1000;
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kAhead = 16;  // folders listed at once where the store is far away
constexpr std::string_view kManifestsFolder = "_manifests";

struct Node {
  enum class Kind {
    repository,  // `path` is one
    folder,      // `path` was not looked into
    rest,        // `folder` was looked into up to the key `resume`; what follows is > `path`
  };
  std::string path;
  Kind kind = Kind::folder;
  std::string folder;
  std::string resume;

  friend bool operator>(const Node& a, const Node& b) {
    return std::tie(a.path, a.kind) > std::tie(b.path, b.kind);
  }
};

std::string prefix_of(const std::string& folder) {
  std::string prefix(layout::kRepositories);
  if (!folder.empty()) prefix += folder + '/';
  return prefix;
}

class Walk {
 public:
  Walk(storage::ObjectStore& store, Context& context, PageRequest request,
       std::optional<NameFilter> filter)
      : store_(store), context_(context), request_(std::move(request)), filter_(std::move(filter)) {
    nodes_.push(Node{});
  }

  Task<Result<NamePage>> run() {
    NamePage page;
    if (request_.limit == 0U) co_return page;
    while (!nodes_.empty()) {
      if (nodes_.top().kind != Node::Kind::repository) {
        BUNKER_CO_TRY(co_await look_into(take_folders(page.names.size())));
        continue;
      }
      if (request_.limit && page.names.size() == *request_.limit) {
        page.more = true;
        break;
      }
      page.names.push_back(nodes_.top().path);
      nodes_.pop();
    }
    co_return page;
  }

 private:
  // Whether every name in the folder `path`, and its own, is <= request_.last.
  [[nodiscard]] bool is_before_page(const std::string& path) const {
    constexpr char kBehindSlash = '/' + 1;
    return path + kBehindSlash <= request_.last;
  }

  // The folders at the head of the queue; more than one where waiting costs more than listing.
  std::vector<Node> take_folders(std::size_t found) {
    std::size_t wanted = 1;
    if (store_.remote()) {
      wanted = kAhead;
      if (request_.limit) wanted = std::min(wanted, *request_.limit - found + 1);
    }
    std::vector<Node> out;
    while (!nodes_.empty() && nodes_.top().kind != Node::Kind::repository && out.size() < wanted) {
      out.push_back(nodes_.top());
      nodes_.pop();
    }
    return out;
  }

  Task<Result<void>> look_into(std::vector<Node> folders) {
    if (folders.size() == 1) co_return co_await expand(std::move(folders.front()));
    std::vector<Task<Result<void>>> calls;
    calls.reserve(folders.size());
    for (Node& folder : folders) calls.push_back(expand(std::move(folder)));
    auto results = co_await when_all(std::move(calls), kAhead);
    for (auto& result : results) BUNKER_CO_TRY(std::move(result));
    co_return Result<void>();
  }

  Task<Result<void>> expand(Node node) {
    const bool first = node.kind == Node::Kind::folder;
    const std::string folder = first ? node.path : node.folder;
    const std::string prefix = prefix_of(folder);
    std::string start = first ? first_key(folder, prefix) : node.resume;
    BUNKER_CO_TRY_ASSIGN(auto page, co_await list_folders(store_, context_, prefix, start, kPage));
    if (first && folder > request_.last && (!filter_ || filter_->includes(folder))) {
      BUNKER_CO_TRY_ASSIGN(const bool found, co_await is_repository(prefix, page));
      if (found) nodes_.push(Node{folder, Node::Kind::repository, {}, {}});
    }
    for (const std::string& name : page.names) add(folder, name);
    if (page.last_key.empty()) co_return Result<void>();
    BUNKER_CO_TRY_ASSIGN(const auto passed,
                         co_await folders_passed(store_, context_, prefix, page.last_key));
    for (const std::string& name : passed) {
      if (add(folder, name)) passed_.insert(join(folder, name));
    }
    std::string bound = page.last_key.substr(prefix.size());
    if (bound.ends_with('/')) bound.pop_back();
    nodes_.push(Node{join(folder, bound), Node::Kind::rest, folder, std::move(page.last_key)});
    co_return Result<void>();
  }

  // The key in `folder` up to which everything is before the page.
  [[nodiscard]] std::string first_key(const std::string& folder, const std::string& prefix) const {
    std::string_view rest = request_.last;
    if (!folder.empty()) {
      if (!rest.starts_with(folder + '/')) return {};
      rest.remove_prefix(folder.size() + 1);
    }
    return prefix + std::string(rest.substr(0, rest.find('/')));
  }

  Task<Result<bool>> is_repository(const std::string& prefix, const FolderPage& page) {
    if (std::ranges::find(page.names, kManifestsFolder) != page.names.end()) co_return true;
    const std::string key = prefix + std::string(kManifestsFolder) + '/';
    if (page.last_key.empty() || page.last_key > key) co_return false;
    storage::ListOptions one;
    one.limit = 1;
    BUNKER_CO_TRY_ASSIGN(const auto found, co_await store_.list(context_, key, std::move(one)));
    co_return !found.entries.empty();
  }

  static std::string join(const std::string& folder, const std::string& name) {
    return folder.empty() ? name : folder + '/' + name;
  }

  // Whether `name` was taken up: it can be part of a repository's name, and the page may need it.
  bool add(const std::string& folder, const std::string& name) {
    if (!is_path_component(name)) return false;
    std::string path = join(folder, name);
    if (path.size() > kLongestName || is_before_page(path) || passed_.contains(path)) return false;
    if (filter_ && !filter_->includes(path) && !filter_->enters(path)) return false;
    nodes_.push(Node{std::move(path), Node::Kind::folder, {}, {}});
    return true;
  }

  storage::ObjectStore& store_;
  Context& context_;
  const PageRequest request_;
  const std::optional<NameFilter> filter_;
  std::priority_queue<Node, std::vector<Node>, std::greater<>> nodes_;
  std::unordered_set<std::string> passed_;  // taken up before the listing reached them
};

}  // namespace

Task<Result<NamePage>> Registry::catalog(Context& context, PageRequest request,
                                         std::optional<NameFilter> filter) {
  Walk walk(impl_->store, context, std::move(request), std::move(filter));
  co_return co_await walk.run();
}

}  // namespace bunker::registry
