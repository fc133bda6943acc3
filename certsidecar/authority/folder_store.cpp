#include "certsidecar/authority/folder_store.h"

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certsidecar/files/atomic_folder.h"
#include "certsidecar/files/posix.h"
#include "lib/base/encoding.h"
#include "lib/base/sha256.h"
#include "lib/runtime/file_watch.h"

namespace bunker::certsidecar {
namespace {

namespace fs = std::filesystem;

bool is_wanted(std::string_view name) {
  return pki::is_authority_file(name) || name == "tls.crt" || name == "tls.key";
}

bool is_secret(std::string_view name) {
  return name.ends_with(".key") || name == "state.json";
}

std::string version_of(const pki::AuthorityFiles& files) {
  std::string all;
  for (const auto& [name, text] : files) {
    all += name + '\0' + std::to_string(text.view().size()) + '\0';
    all += text.view();
  }
  std::string version = hex_encode(sha256(all));
  pki::wipe(all);
  return version;
}

// What is in the folder, and the folder itself, which may not be there yet.
std::vector<std::string> watched_paths(const std::string& folder) {
  return {folder, folder + "/ca.crt"};
}

Result<StoredFiles> read_files(const std::string& folder) {
  BUNKER_TRY_ASSIGN(auto files, read_folder(folder, is_wanted));
  if (files.empty()) {
    return fail(Code::not_found, "there is no authority in " + folder,
                "make one: certsidecar ca init");
  }
  std::string version = version_of(files);
  return StoredFiles{std::move(files), std::move(version)};
}

// The keys of the folder that every user of the machine can read, for a message.
std::string exposed_keys(const std::string& folder) {
  std::string out;
  for (const char* name : {"ca.key", "next.key", "tls.key"}) {
    struct stat info{};
    if (::stat((folder + '/' + name).c_str(), &info) != 0 || (info.st_mode & S_IROTH) == 0) {
      continue;
    }
    out += (out.empty() ? "everybody on this machine can read " : ", ") + folder + '/' + name;
  }
  return out;
}

// A file to be locked with flock.
Fd open_lock(const std::string& path) {
  return Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

// Whether it is locked now, until it is closed, also by a kill. errno says why not.
bool lock(const Fd& file, int operation) {
  while (::flock(file.get(), operation) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

class FolderStore final : public AuthorityStore {
 public:
  FolderStore(std::string folder, const Clock& clock) : folder_(std::move(folder)), clock_(clock) {}

  Result<StoredFiles> read() override { return read_files(folder_); }

  Result<void> write(const pki::AuthorityFiles& files, const std::string& version) override {
    BUNKER_TRY(make_folders(folder_, 0700));
    const Fd file = open_lock(folder_ + "/.lock");
    if (!file || !lock(file, LOCK_EX)) return file_error("lock", folder_ + "/.lock");
    const auto present = read();
    if (!present && present.error().code != Code::not_found) {
      return fail(present.error());
    }
    if ((present ? present->version : "") != version) {
      return fail(Code::conflict, "the authority in " + folder_ + " changed meanwhile");
    }
    FolderFiles content;
    for (const auto& [name, text] : files) {
      const mode_t mode = is_secret(name) ? 0600 : 0644;
      content.emplace(name, FileContent{pki::SecretText(text.view()), mode});
    }
    BUNKER_TRY(write_folder(folder_, content, pki::is_authority_file, 0700));
    return {};
  }

  [[nodiscard]] bool writable() const override { return true; }

  bool lead() override {
    if (leads_) return true;
    // Opened once: to close it is a change of the folder, which would wake every replica to ask
    // this again.
    if (!leader_) leader_ = open_lock(folder_ + "/.leader");
    leads_ = leader_ && lock(leader_, LOCK_EX | LOCK_NB);
    return leads_;
  }

  Result<void> acknowledge(const std::string& name, std::uint64_t generation) override {
    const std::string folder = folder_ + "/replicas";
    BUNKER_TRY(make_folders(folder, 0700));
    const std::string path = folder + '/' + percent_encode(name);
    const std::string text = std::to_string(generation) + ' ' + format_rfc3339(clock_.now());
    return replace_file(path, text, 0600);
  }

  Result<std::vector<pki::Replica>> replicas() override {
    std::vector<pki::Replica> out;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder_ + "/replicas", failed)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".tmp")) continue;
      const auto text = read_file(entry.path());
      if (!text) continue;
      const std::string_view said = text->view();
      const std::size_t space = said.find(' ');
      const auto seen = space == said.npos ? std::nullopt : parse_rfc3339(said.substr(space + 1));
      if (!seen || clock_.now() - *seen > kReplicaTimeout) continue;
      pki::Replica one{percent_decode(name).value_or(name), 0};
      (void)std::from_chars(said.data(), said.data() + space, one.generation);
      out.push_back(std::move(one));
    }
    return out;
  }

  void watch(std::function<void()> changed) override {
    std::vector<std::string> paths = watched_paths(folder_);
    paths.push_back(folder_ + "/replicas/any");  // the next step may wait for one of them
    watch_.emplace(std::move(paths), FileWatch::Options(), std::move(changed));
  }

  [[nodiscard]] std::string warning() const override { return exposed_keys(folder_); }
  [[nodiscard]] std::string description() const override { return "the folder " + folder_; }

 private:
  const std::string folder_;
  const Clock& clock_;
  Fd leader_;  // the file of that lock, once it was tried
  bool leads_ = false;
  std::optional<FileWatch> watch_;
};

class MountedStore final : public AuthorityStore {
 public:
  explicit MountedStore(std::string folder) : folder_(std::move(folder)) {}

  Result<StoredFiles> read() override { return read_files(folder_); }

  Result<void> write(const pki::AuthorityFiles&, const std::string&) override {
    return fail(Code::unsupported, folder_ + " is mounted, so nothing is written to it");
  }
  [[nodiscard]] bool writable() const override { return false; }
  bool lead() override { return false; }
  Result<void> acknowledge(const std::string&, std::uint64_t) override { return {}; }
  Result<std::vector<pki::Replica>> replicas() override { return std::vector<pki::Replica>(); }
  void watch(std::function<void()> changed) override {
    watch_.emplace(watched_paths(folder_), FileWatch::Options(), std::move(changed));
  }
  [[nodiscard]] std::string warning() const override { return exposed_keys(folder_); }
  [[nodiscard]] std::string description() const override { return "the mounted " + folder_; }

 private:
  const std::string folder_;
  std::optional<FileWatch> watch_;
};

}  // namespace

std::unique_ptr<AuthorityStore> make_folder_store(std::string folder, const Clock& clock) {
  return std::make_unique<FolderStore>(std::move(folder), clock);
}

std::unique_ptr<AuthorityStore> make_mounted_store(std::string folder) {
  return std::make_unique<MountedStore>(std::move(folder));
}

}  // namespace bunker::certsidecar
