#include "certsidecar/files/atomic_folder.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certsidecar/files/posix.h"
#include "lib/base/random.h"

namespace bunker::certsidecar {
namespace {

constexpr const char* kData = "..data";
constexpr const char* kNewData = "..data_tmp";
constexpr int kReadAttempts = 100;
constexpr std::string_view kSetPrefix = "..set-";

Result<Fd> open_folder(int parent, const std::string& name, std::string_view path) {
  Fd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return file_error("open the folder", path);
  return folder;
}

Result<std::vector<std::string>> names_in(int folder, std::string_view path) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return file_error("list", path);
  DIR* stream = ::fdopendir(copy);  // closes it
  if (stream == nullptr) {
    const auto error = file_error("list", path);
    ::close(copy);
    return error;
  }
  std::vector<std::string> out;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(name);
  }
  ::closedir(stream);
  return out;
}

std::string link_target(int folder, const std::string& name) {
  std::string out(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(folder, name.c_str(), out.data(), out.size());
  out.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return out;
}

// The wanted files of the set `set`; "": those that lie in the folder plainly.
Result<pki::AuthorityFiles> read_set(int folder, const std::string& set, const std::string& path,
                                     const std::function<bool(std::string_view)>& wanted) {
  BUNKER_TRY_ASSIGN(const Fd source, open_folder(folder, set.empty() ? "." : set, path));
  BUNKER_TRY_ASSIGN(const auto names, names_in(source.get(), path));
  pki::AuthorityFiles out;
  for (const std::string& name : names) {
    if (!wanted(name)) continue;
    BUNKER_TRY_ASSIGN(auto bytes, read_at(source.get(), name, path + '/' + name));
    out.emplace(name, std::move(bytes));
  }
  return out;
}

class Writer {
 public:
  Writer(std::string path, Fd folder, const std::function<bool(std::string_view)>& owned)
      : path_(std::move(path)), folder_(std::move(folder)), owned_(owned) {}

  Result<bool> write(const FolderFiles& files) {
    BUNKER_TRY(adopt_plain_files(files));
    BUNKER_TRY_ASSIGN(const bool same, holds(files));
    if (same) return false;
    BUNKER_TRY(swap(files));
    BUNKER_TRY(tidy(files));
    return true;
  }

 private:
  [[nodiscard]] std::string in(std::string_view name) const {
    return path_ + '/' + std::string(name);
  }

  [[nodiscard]] bool is_ours(const std::string& name) const {
    return link_target(folder_.get(), name) == std::string(kData) + '/' + name;
  }

  // Files that lie there plainly become a set of their own first: nothing changes for a reader.
  Result<void> adopt_plain_files(const FolderFiles& files) {
    if (!link_target(folder_.get(), kData).empty()) return {};
    FolderFiles plain;
    BUNKER_TRY_ASSIGN(const auto names, names_in(folder_.get(), path_));
    for (const std::string& name : names) {
      struct stat info{};
      if (!files.contains(name) && !(owned_ && owned_(name))) continue;
      if (::fstatat(folder_.get(), name.c_str(), &info, 0) != 0 || !S_ISREG(info.st_mode)) continue;
      BUNKER_TRY_ASSIGN(auto bytes, read_at(folder_.get(), name, in(name)));
      plain.emplace(name, FileContent{std::move(bytes), info.st_mode & 0777U});
    }
    return plain.empty() ? Result<void>() : swap(plain);
  }

  // Whether exactly `files` are there, through links of ours.
  Result<bool> holds(const FolderFiles& files) {
    auto data = open_folder(folder_.get(), kData, in(kData));
    if (!data) return false;
    BUNKER_TRY_ASSIGN(const auto names, names_in(data->get(), in(kData)));
    if (names.size() != files.size()) return false;
    for (const auto& [name, file] : files) {
      struct stat info{};
      if (!is_ours(name) || ::fstatat(data->get(), name.c_str(), &info, 0) != 0) return false;
      const auto bytes = read_at(data->get(), name, in(name));
      if (!bytes || bytes->view() != file.bytes.view()) return false;
      if ((info.st_mode & 0777U) != file.mode) return false;
    }
    return true;
  }

  Result<void> swap(const FolderFiles& files) {
    const std::string set = std::string(kSetPrefix) + random_uuid();
    auto filled = fill(set, files);
    if (!filled) {
      remove_set(set);  // a full disk gets its space back
      return filled;
    }
    (void)::unlinkat(folder_.get(), kNewData, 0);
    if (::symlinkat(set.c_str(), folder_.get(), kNewData) != 0 ||
        ::renameat(folder_.get(), kNewData, folder_.get(), kData) != 0) {
      const auto error = file_error("swap the files of", path_);
      remove_set(set);
      return error;
    }
    for (const auto& [name, file] : files) BUNKER_TRY(link(name));
    if (::fsync(folder_.get()) != 0) return file_error("write", path_);
    return {};
  }

  Result<void> fill(const std::string& set, const FolderFiles& files) {
    if (::mkdirat(folder_.get(), set.c_str(), 0755) != 0) return file_error("make", in(set));
    BUNKER_TRY_ASSIGN(const Fd folder, open_folder(folder_.get(), set, in(set)));
    if (::fchmod(folder.get(), 0755) != 0) return file_error("set the mode of", in(set));
    for (const auto& [name, file] : files) {
      BUNKER_TRY(create_at(folder.get(), name, file.bytes.view(), file.mode, in(name)));
    }
    if (::fsync(folder.get()) != 0) return file_error("write", in(set));
    return {};
  }

  Result<void> link(const std::string& name) {
    if (is_ours(name)) return {};
    const std::string temporary = "..link-" + random_uuid();
    const std::string target = std::string(kData) + '/' + name;
    if (::symlinkat(target.c_str(), folder_.get(), temporary.c_str()) != 0 ||
        ::renameat(folder_.get(), temporary.c_str(), folder_.get(), name.c_str()) != 0) {
      const auto error = file_error("make the link", in(name));
      (void)::unlinkat(folder_.get(), temporary.c_str(), 0);
      return error;
    }
    return {};
  }

  // Removes links that lead nowhere, files that are ours no more, and sets that crashes left.
  Result<void> tidy(const FolderFiles& files) {
    const std::string current = link_target(folder_.get(), kData);
    BUNKER_TRY_ASSIGN(const auto names, names_in(folder_.get(), path_));
    for (const std::string& name : names) {
      if (name.starts_with(kSetPrefix) && name != current) remove_set(name);
      if (name.starts_with("..link-")) (void)::unlinkat(folder_.get(), name.c_str(), 0);
      const bool unwanted = !files.contains(name) && (is_ours(name) || (owned_ && owned_(name)));
      if (unwanted) (void)::unlinkat(folder_.get(), name.c_str(), 0);
    }
    return {};
  }

  void remove_set(const std::string& set) {
    std::error_code ignored;
    std::filesystem::remove_all(in(set), ignored);
  }

  const std::string path_;
  const Fd folder_;
  const std::function<bool(std::string_view)>& owned_;
};

}  // namespace

Result<bool> write_folder(const std::string& folder, const FolderFiles& files,
                          const std::function<bool(std::string_view)>& owned, mode_t folder_mode) {
  BUNKER_TRY(make_folders(folder, folder_mode));
  BUNKER_TRY_ASSIGN(Fd opened, open_folder(AT_FDCWD, folder, folder));
  return Writer(folder, std::move(opened), owned).write(files);
}

Result<pki::AuthorityFiles> read_folder(const std::string& folder,
                                        const std::function<bool(std::string_view)>& wanted) {
  BUNKER_TRY_ASSIGN(const Fd opened, open_folder(AT_FDCWD, folder, folder));
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    const std::string set = link_target(opened.get(), kData);
    auto files = read_set(opened.get(), set, folder, wanted);
    // A set is removed only after another took its place: unchanged, it was whole.
    if (link_target(opened.get(), kData) == set) return files;
  }
  return fail(Code::retry_later, "the files of " + folder + " change faster than they can be read");
}

}  // namespace bunker::certsidecar
