#include "registryd/storage/s3/lister.h"

#include <algorithm>
#include <utility>

#include "registryd/storage/object_key.h"

namespace bunker::storage::s3 {
namespace {

constexpr std::size_t kMaxKeys = 1000;
// Behind every key that begins with what stands before it: the last code point, in UTF-8.
constexpr std::string_view kLast = "\xf4\x8f\xbf\xbf";

// Whether keys that begin so can be well-formed: stores answer the others with anything.
bool can_begin_key(std::string_view prefix) {
  if (prefix.empty()) return true;
  std::string key(prefix);
  if (key.ends_with('/')) key += 'x';
  if (check_key(key).has_value()) return true;
  // "." and ".." can still become "..." and the like.
  key += 'x';
  return check_key(key).has_value();
}

// With a delimiter, stores differ in whether a folded entry follows a key that lies inside it. Ours
// never does: the listing goes on behind all that is folded into it.
std::string position_of(std::string_view prefix, std::string_view start_after, bool delimited) {
  if (!delimited || !start_after.starts_with(prefix)) return std::string(start_after);
  const auto slash = start_after.find('/', prefix.size());
  if (slash == std::string_view::npos) return std::string(start_after);
  return std::string(start_after.substr(0, slash + 1)) + std::string(kLast);
}

struct RawPage {
  std::vector<ListEntry> entries;  // sorted, without root directory
  bool truncated = false;
};

RawPage to_entries(const Calls& calls, ListResult result) {
  RawPage page;
  page.truncated = result.truncated;
  page.entries.reserve(result.objects.size() + result.prefixes.size());
  for (const ListedObject& object : result.objects) {
    const auto key = calls.strip_root(object.key);
    if (key) page.entries.push_back({std::string(*key), {object.size, object.modified}});
  }
  for (const std::string& folded : result.prefixes) {
    const auto key = calls.strip_root(folded);
    if (key) page.entries.push_back({std::string(*key), {}});
  }
  std::ranges::sort(page.entries, {}, &ListEntry::key);
  return page;
}

// Foreign objects may have keys that ours cannot have, such as the "folders" that consoles make.
bool is_ours(const ListEntry& entry) {
  std::string_view key = entry.key;
  const bool folded = key.ends_with('/') && entry.info.modified == SystemTime();
  if (folded) key.remove_suffix(1);
  return check_key(key).has_value();
}

Task<Result<RawPage>> fetch(Backend& backend, Context& context, const ListRequest& request) {
  const bool newer = !backend.lacks_list_v2;
  const Call call = newer ? backend.calls.list(request) : backend.calls.list_v1(request);
  BUNKER_CO_TRY_ASSIGN(const Reply reply, co_await backend.client.call(context, call));
  if (newer && (reply.outcome == Outcome::unsupported || reply.outcome == Outcome::failed)) {
    const Call older = backend.calls.list_v1(request);
    BUNKER_CO_TRY_ASSIGN(const Reply second, co_await backend.expect_done(context, older));
    backend.lacks_list_v2 = true;
    BUNKER_CO_TRY_ASSIGN(ListResult result, parse_list(second.body));
    co_return to_entries(backend.calls, std::move(result));
  }
  if (!reply.ok()) co_return std::unexpected(backend.client.error_of(call, reply));
  BUNKER_CO_TRY_ASSIGN(ListResult result, parse_list(reply.body));
  co_return to_entries(backend.calls, std::move(result));
}

}  // namespace

Task<Result<ListPage>> list_objects(Backend& backend, Context& context, std::string prefix,
                                    ListOptions options) {
  ListPage page;
  if (options.limit == 0 || !can_begin_key(prefix)) co_return page;
  options.limit = std::min(options.limit, kMaxKeys);
  ListRequest request;
  request.prefix = prefix;
  request.delimited = options.delimited;
  // One more than is wanted shows whether more follows; some servers say so when nothing does.
  request.limit = std::min(options.limit + 1, kMaxKeys);
  request.start_after = position_of(prefix, options.start_after, options.delimited);
  while (true) {
    BUNKER_CO_TRY_ASSIGN(RawPage raw, co_await fetch(backend, context, request));
    const std::string last = raw.entries.empty() ? std::string() : raw.entries.back().key;
    if (raw.truncated && last <= request.start_after) {
      // A store that knows start-after no more than the rest of version 2.
      if (backend.lacks_list_v2.exchange(true)) {
        co_return fail(Code::internal, "the object store's listing does not go on behind " + last);
      }
      continue;
    }
    std::erase_if(raw.entries, [&options](const ListEntry& entry) {
      return entry.key <= options.start_after || !is_ours(entry);
    });
    page.truncated = raw.truncated;
    page.entries = std::move(raw.entries);
    if (page.entries.size() > options.limit) {
      page.entries.resize(options.limit);
      page.truncated = true;
    }
    if (!page.entries.empty() || !page.truncated) co_return page;
    // A truncated page that says nothing could not be continued.
    request.start_after = position_of(prefix, last, options.delimited);
  }
}

}  // namespace bunker::storage::s3
