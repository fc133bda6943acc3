// The list of a repository's tags.
#include <algorithm>
#include <limits>

#include "registryd/core/folders.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kAllAtOnce = 100'000;
constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max() - 1;

void add_tags(std::vector<std::string>& out, std::vector<std::string> folders,
              std::string_view last) {
  for (std::string& folder : folders) {
    if (folder > last && Tag::parse(folder)) out.push_back(std::move(folder));
  }
}

}  // namespace

Task<Result<std::vector<std::string>>> Registry::Impl::first_tags(Context& context,
                                                                  const RepositoryName& name,
                                                                  const std::string& last,
                                                                  std::size_t wanted) {
  const std::string prefix = layout::tags_prefix(name);
  const std::size_t page_size = std::min(wanted, kAllAtOnce);
  std::vector<std::string> names;
  std::string start_after;
  if (!last.empty()) start_after = prefix + last;
  while (true) {
    BUNKER_CO_TRY_ASSIGN(auto page,
                         co_await list_folders(store, context, prefix, start_after, page_size));
    add_tags(names, std::move(page.names), last);
    if (page.last_key.empty()) break;
    if (names.size() >= wanted) {
      BUNKER_CO_TRY_ASSIGN(auto passed,
                           co_await folders_passed(store, context, prefix, page.last_key));
      add_tags(names, std::move(passed), last);
      break;
    }
    start_after = std::move(page.last_key);
  }
  std::ranges::sort(names);
  co_return names;
}

Task<Result<NamePage>> Registry::tags(Context& context, RepositoryName name, PageRequest request) {
  NamePage page;
  const std::size_t limit = request.limit.value_or(kUnlimited);
  if (limit > 0) {
    BUNKER_CO_TRY_ASSIGN(page.names,
                         co_await impl_->first_tags(context, name, request.last, limit + 1));
  }
  if (page.names.empty()) {
    // Deleting the last tag does not end a repository, wherever the store has no empty folders:
    // its blobs are still there.
    BUNKER_CO_TRY_ASSIGN(bool known,
                         co_await impl_->any_under(context, layout::manifests_prefix(name)));
    if (!known) {
      BUNKER_CO_TRY_ASSIGN(known, co_await impl_->any_under(context, layout::layers_prefix(name)));
    }
    if (!known) co_return fail(unknown_repository(name));
  }
  page.more = page.names.size() > limit;
  if (page.more) page.names.resize(limit);
  co_return page;
}

}  // namespace bunker::registry
