#include "tests/support/s3_gateway.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bunker::test {
namespace {

std::string find_program() {
  if (const char* named = std::getenv("BUNKER_VERSITYGW")) return named;
  // Tests run in the build folder of their preset: build/dev/tests/contract and the like.
  for (auto folder = std::filesystem::current_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    const auto candidate = folder / "build/tools/versitygw";
    if (std::filesystem::exists(candidate)) return candidate;
  }
  throw std::runtime_error("no versitygw: run tests/tools/install_tools.sh versitygw");
}

sockaddr_in local(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

unsigned free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = local(0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

bool accepts(unsigned port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = local(port);
  const bool yes = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return yes;
}

pid_t start(const std::string& program, std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, 0);
  ::dup2(null, 1);
  ::dup2(null, 2);
  ::setenv("ROOT_ACCESS_KEY", S3Gateway::kAccessKey, 1);
  ::setenv("ROOT_SECRET_KEY", S3Gateway::kSecretKey, 1);
  ::execv(program.c_str(), argv.data());
  ::_exit(127);
}

}  // namespace

S3Gateway::S3Gateway() : port_(free_port()) {
  std::filesystem::create_directories(folder_ / "data");
  const std::string program = find_program();
  process_ =
      start(program, {program, "--port", "127.0.0.1:" + std::to_string(port_), "--keep-alive",
                      "--quiet", "--access-log", folder_ / "log", "posix", folder_ / "data"});
  for (int i = 0; i < 2000; ++i) {
    if (accepts(port_)) return;
    if (::waitpid(process_, nullptr, WNOHANG) == process_) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  throw std::runtime_error("versitygw does not start: " + program);
}

S3Gateway::~S3Gateway() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

std::string S3Gateway::endpoint() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::string S3Gateway::make_bucket() {
  std::string name = "bucket-" + std::to_string(++buckets_);
  std::filesystem::create_directories(folder_ / ("data/" + name));
  return name;
}

storage::s3::Settings S3Gateway::settings(const std::string& bucket) const {
  storage::s3::Settings settings;
  settings.endpoint = endpoint();
  settings.region = "us-east-1";
  settings.bucket = bucket;
  return settings;
}

storage::s3::SourceOptions S3Gateway::keys() {
  storage::s3::SourceOptions keys;
  keys.access_key = kAccessKey;
  keys.secret_key = kSecretKey;
  return keys;
}

std::vector<std::string> S3Gateway::open_uploads(const std::string& bucket) const {
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  // .sgwtmp/multipart/<hash of the key>/<upload id>
  const fs::path root = folder_ / ("data/" + bucket + "/.sgwtmp/multipart");
  std::error_code gone;
  for (const auto& key : fs::directory_iterator(root, gone)) {
    for (const auto& upload : fs::directory_iterator(key, gone)) found.push_back(upload.path());
  }
  return found;
}

std::map<std::string, int> S3Gateway::calls() const {
  std::ifstream log(folder_ / "log");
  log.seekg(log_start_);
  std::map<std::string, int> calls;
  std::string line;
  while (std::getline(log, line)) {
    std::istringstream fields(line);
    std::string field;
    while (fields >> field) {
      if (field.starts_with("s3_")) {
        ++calls[field.substr(3)];
        break;
      }
    }
  }
  return calls;
}

void S3Gateway::forget_calls() {
  log_start_ = static_cast<std::streamoff>(std::filesystem::file_size(folder_ / "log"));
}

}  // namespace bunker::test
