#include "registryd/auth/htpasswd_file.h"

#include <algorithm>
#include <utility>

#include "registryd/auth/bcrypt.h"

namespace bunker::auth {
namespace {

constexpr std::size_t kMaxFileBytes = 16u << 20;
constexpr int kDefaultCost = 10;

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

Result<HtpasswdUsers> parse_htpasswd(std::string_view text) {
  HtpasswdUsers out;
  int highest_cost = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = "line " + std::to_string(number);
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos ||
        line.find('\0') != std::string_view::npos) {
      return fail(Code::invalid, where + " is not an entry of the form user:hash");
    }
    const std::string_view hash = line.substr(colon + 1);
    const int cost = bcrypt_cost(hash);
    if (cost == 0) {
      out.warnings.push_back(where + " is not a bcrypt hash; make it with htpasswd -B");
    } else if (cost > kMaxBcryptCost) {
      out.warnings.push_back(where + " has a bcrypt cost over " + std::to_string(kMaxBcryptCost) +
                             ", which takes too long to check");
    } else {
      out.hashes.insert_or_assign(std::string(line.substr(0, colon)), std::string(hash));
      highest_cost = std::max(highest_cost, cost);
    }
  }
  out.decoy = bcrypt_decoy(highest_cost > 0 ? highest_cost : kDefaultCost);
  return out;
}

HtpasswdFile::HtpasswdFile(std::string path, Logger& log, Metrics& metrics)
    : path_(std::move(path)),
      log_(log),
      users_gauge_(metrics.gauge("bunker_htpasswd_users", "Users of the password file in use.")) {}

Result<std::unique_ptr<HtpasswdFile>> HtpasswdFile::open(std::string path,
                                                         std::chrono::milliseconds check_interval,
                                                         Logger& log, Metrics& metrics) {
  std::unique_ptr<HtpasswdFile> file(new HtpasswdFile(path, log, metrics));
  WatchedFile::Options options;
  options.path = path;
  options.what = "password file";
  options.remedy = "create it with: htpasswd -Bc " + path + " USER";
  options.metric = "bunker_htpasswd_reloads_total";
  options.metric_help = "Times the password file was read because it had changed.";
  options.max_bytes = kMaxFileBytes;
  options.check_interval = check_interval;
  const auto adopt = [target = file.get()](std::string_view text) { return target->adopt(text); };
  BUNKER_TRY_ASSIGN(file->watch_, WatchedFile::open(std::move(options), adopt, log, metrics));
  return file;
}

std::shared_ptr<const HtpasswdUsers> HtpasswdFile::current() {
  watch_->check();
  const std::lock_guard lock(users_mutex_);
  return users_;
}

Result<void> HtpasswdFile::adopt(std::string_view text) {
  BUNKER_TRY_ASSIGN(HtpasswdUsers parsed, parse_htpasswd(text));
  for (const std::string& warning : parsed.warnings) {
    log_.warn("password file entry left out", {{"path", path_}, {"why", warning}});
  }
  users_gauge_.set(static_cast<double>(parsed.hashes.size()));
  auto users = std::make_shared<const HtpasswdUsers>(std::move(parsed));
  const std::lock_guard lock(users_mutex_);
  users_.swap(users);
  return {};
}

}  // namespace bunker::auth
