// A folder with a password file that the real htpasswd writes. For the tests of registryd/auth.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/observability/log.h"
#include "lib/observability/metrics.h"

namespace bunker::auth {

class HtpasswdTest : public ::testing::Test {
 protected:
  HtpasswdTest() : folder_(std::filesystem::path(testing::TempDir()) / random_uuid()) {
    std::filesystem::create_directory(folder_);
  }
  ~HtpasswdTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::string path() const { return folder_ / "htpasswd"; }

  // `htpasswd -B`, of the lowest cost.
  void set_password(const std::string& user, const std::string& password) {
    const std::string create = std::filesystem::exists(path()) ? "" : "-c ";
    const std::string command = "htpasswd -bB -C 4 " + create + path() + " '" + user + "' '" +
                                password + "' >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  // Waits until the file counts as one that nobody is writing.
  static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(60)); }

  // The value of a series in the metrics, 0 when there is none.
  [[nodiscard]] std::size_t metric(const std::string& series) const {
    const std::string text = '\n' + metrics_.expose("").body;
    const std::size_t found = text.find('\n' + series + ' ');
    return found == std::string::npos ? 0 : std::stoul(text.substr(found + series.size() + 2));
  }

  const int null_fd_ = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  Logger log_{{.fd = null_fd_}};
  Metrics metrics_;

 private:
  const std::filesystem::path folder_;
};

}  // namespace bunker::auth
