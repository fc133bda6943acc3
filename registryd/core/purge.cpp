// Removal of uploads that nobody goes on with: whatever lies under `_uploads`, ours or
// distribution's, and was not written to for long. Keys that are no upload's are left alone.
#include <map>

#include "registryd/core/folders.h"
#include "registryd/core/registry_impl.h"

namespace bunker::registry {
namespace {

constexpr std::size_t kPage = 10'000;
constexpr std::size_t kLongestName = 255;
constexpr std::string_view kUploadsFolder = "_uploads";

struct OldUpload {
  SystemTime touched;
  std::vector<storage::ObjectKey> keys;
};

// The uploads that `entries` belong to, by UUID.
std::map<std::string, OldUpload> group_uploads(const std::vector<storage::ListEntry>& entries) {
  std::map<std::string, OldUpload> out;
  for (const auto& entry : entries) {
    const auto location = layout::parse_key(entry.key);
    const auto* file = location ? std::get_if<layout::UploadFile>(&*location) : nullptr;
    if (file == nullptr) continue;
    OldUpload& upload = out[file->uuid];
    upload.touched = std::max(upload.touched, entry.info.modified);
    upload.keys.push_back(entry.key);
  }
  return out;
}

}  // namespace

Task<Result<void>> Registry::Impl::purge_repository(Context& context, std::string prefix,
                                                    SystemTime before, bool dry_run,
                                                    PurgeReport& report) {
  BUNKER_CO_TRY_ASSIGN(const auto entries, co_await all_under(context, std::move(prefix)));
  std::vector<storage::ObjectKey> keys;
  for (auto& [uuid, upload] : group_uploads(entries)) {
    const bool old = upload.touched < before;
    ++(old ? report.removed : report.kept);
    if (old) std::ranges::move(upload.keys, std::back_inserter(keys));
  }
  if (keys.empty() || dry_run) co_return Result<void>();
  co_return co_await store.remove(context, std::move(keys));
}

Task<Result<Registry::PurgeReport>> Registry::purge_uploads(Context& context,
                                                            std::chrono::seconds age,
                                                            bool dry_run) {
  BUNKER_CO_TRY(impl_->check_writable());
  const SystemTime before = impl_->clock.now() - age;
  PurgeReport report;
  std::vector<std::string> folders{std::string()};  // to look into: names of repositories, or parts
  for (std::size_t step = 0; !folders.empty(); ++step) {
    co_await breathe(step);
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    const std::string prefix = std::string(layout::kRepositories) + folder;
    FolderPage page;
    do {
      BUNKER_CO_TRY_ASSIGN(page, co_await list_folders(impl_->store, context, prefix,
                                                       std::move(page.last_key), kPage));
      for (const std::string& name : page.names) {
        if (name == kUploadsFolder && !folder.empty()) {
          BUNKER_CO_TRY(co_await impl_->purge_repository(context, prefix + name + '/', before,
                                                         dry_run, report));
        } else if (is_path_component(name) && folder.size() + name.size() <= kLongestName) {
          folders.push_back(folder + name + '/');
        }
      }
    } while (!page.last_key.empty());
  }
  co_return report;
}

}  // namespace bunker::registry
