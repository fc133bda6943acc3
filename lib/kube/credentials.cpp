#include "lib/kube/credentials.h"

#include <fstream>
#include <mutex>
#include <sstream>

#include "lib/kube/exec_plugin.h"

namespace bunker::kube {
namespace {

constexpr std::chrono::seconds kTokenAge{60};  // kubelet renews a projected token long before
constexpr std::chrono::seconds kBeforeExpiry{30};

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::string trimmed(std::string text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  text.resize(last == std::string::npos ? 0 : last + 1);
  return text;
}

class Fixed final : public Credentials {
 public:
  explicit Fixed(CredentialOptions options) : options_(std::move(options)) {}

  Result<std::string> bearer() override { return options_.token; }
  bool refused() override { return false; }
  ClientIdentity identity() override {
    ClientIdentity out = options_.identity;
    if (!options_.certificate_file.empty()) out.certificate = read_file(options_.certificate_file);
    if (!options_.key_file.empty()) out.key = read_file(options_.key_file);
    return out;
  }

 private:
  const CredentialOptions options_;
};

class TokenFile final : public Credentials {
 public:
  TokenFile(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  Result<std::string> bearer() override {
    const std::lock_guard lock(mutex_);
    if (token_.empty() || clock_.now() - read_ > kTokenAge) {
      std::string token = trimmed(read_file(path_));
      if (token.empty() && token_.empty()) {
        return fail(Code::unauthenticated, path_ + " holds no token",
                    "mount the service account's token, or name another file");
      }
      if (!token.empty()) token_ = std::move(token);
      read_ = clock_.now();
    }
    return token_;
  }

  bool refused() override {
    const std::lock_guard lock(mutex_);
    read_ = {};
    return trimmed(read_file(path_)) != token_;
  }

  ClientIdentity identity() override { return {}; }

 private:
  const std::string path_;
  const Clock& clock_;
  std::mutex mutex_;
  std::string token_;
  SystemTime read_{};
};

class Exec final : public Credentials {
 public:
  Exec(ExecPlugin plugin, const Clock& clock) : plugin_(std::move(plugin)), clock_(clock) {}

  Result<std::string> bearer() override {
    const std::lock_guard lock(mutex_);
    BUNKER_TRY(refresh());
    return current_->token;
  }

  bool refused() override {
    const std::lock_guard lock(mutex_);
    current_.reset();
    return true;
  }

  ClientIdentity identity() override {
    const std::lock_guard lock(mutex_);
    if (!refresh()) return {};
    return current_->identity;
  }

 private:
  Result<void> refresh() {
    if (current_ && (!current_->expires || clock_.now() < *current_->expires - kBeforeExpiry)) {
      return {};
    }
    BUNKER_TRY_ASSIGN(current_, run_exec_plugin(plugin_));
    return {};
  }

  const ExecPlugin plugin_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<ExecCredential> current_;
};

}  // namespace

std::unique_ptr<Credentials> make_credentials(CredentialOptions options, const Clock& clock) {
  if (!options.exec.command.empty()) return std::make_unique<Exec>(std::move(options.exec), clock);
  if (!options.token_file.empty()) return std::make_unique<TokenFile>(options.token_file, clock);
  return std::make_unique<Fixed>(std::move(options));
}

}  // namespace bunker::kube
