#include "registryd/core/folders.h"

#include "lib/runtime/io_threads.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kParallelProbes = 16;

Task<Result<bool>> has_keys(storage::ObjectStore& store, Context& context, std::string prefix) {
  storage::ListOptions options;
  options.limit = 1;
  BUNKER_CO_TRY_ASSIGN(const auto page,
                       co_await store.list(context, std::move(prefix), std::move(options)));
  co_return !page.entries.empty();
}

}  // namespace

Task<Result<FolderPage>> list_folders(storage::ObjectStore& store, Context& context,
                                      std::string prefix, std::string start_after,
                                      std::size_t limit) {
  storage::ListOptions options;
  options.start_after = std::move(start_after);
  options.delimited = true;
  options.limit = limit;
  BUNKER_CO_TRY_ASSIGN(const auto page, co_await store.list(context, prefix, std::move(options)));
  FolderPage out;
  out.names.reserve(page.entries.size());
  for (const auto& entry : page.entries) {
    if (!entry.key.ends_with('/')) continue;
    out.names.push_back(entry.key.substr(prefix.size(), entry.key.size() - prefix.size() - 1));
  }
  if (page.truncated && !page.entries.empty()) out.last_key = page.entries.back().key;
  co_return out;
}

Task<Result<std::vector<std::string>>> folders_passed(storage::ObjectStore& store, Context& context,
                                                      std::string prefix, std::string last_key) {
  const std::string_view last = std::string_view(last_key).substr(prefix.size());
  std::vector<std::string> names;
  std::vector<Task<Result<bool>>> probes;
  for (std::size_t size = 1; size <= last.size(); ++size) {
    // A key that is no folder may have the name of one: "a" comes before "a/".
    const bool whole = size == last.size();
    if (whole ? last.back() == '/' : last[size] >= '/') continue;
    names.emplace_back(last.substr(0, size));
    probes.push_back(has_keys(store, context, prefix + names.back() + "/"));
  }
  const std::size_t parallel = store.remote() ? kParallelProbes : 1;
  auto results = co_await when_all(std::move(probes), parallel);
  std::vector<std::string> found;
  for (std::size_t i = 0; i < results.size(); ++i) {
    BUNKER_CO_TRY_ASSIGN(const bool present, std::move(results[i]));
    if (present) found.push_back(std::move(names[i]));
  }
  co_return found;
}

}  // namespace bunker::registry
