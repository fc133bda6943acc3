#include "registryd/admin/loader.h"

#include <filesystem>
#include <system_error>

#include <dlfcn.h>

namespace bunker::admin {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "registryd-grpc.so";

fs::path find_module() {
  std::error_code ignored;
  const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  fs::path beside = folder / kFile;
  if (fs::exists(beside, ignored)) return beside;
  return folder.parent_path() / "lib" / "bunker" / kFile;
}

std::string last_error() {
  const char* const error = dlerror();
  return error == nullptr ? "unknown error" : error;
}

}  // namespace

Result<std::unique_ptr<Module>> load_module(const std::string& path) {
  const std::string file = path.empty() ? find_module().string() : path;
  // Never unloaded: gRPC's threads and destructors do not take it.
  void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    return fail(Code::not_found, "the gRPC module cannot be loaded: " + last_error(),
                "it is registryd-grpc.so beside registryd or in ../lib/bunker; it needs libgrpc++");
  }
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, kEntry));
  std::unique_ptr<Module> module(entry == nullptr ? nullptr : entry(kVersion));
  if (module == nullptr) {
    return fail(Code::unsupported, file + " is no gRPC module of this version of registryd",
                "install both from one build");
  }
  return module;
}

}  // namespace bunker::admin
