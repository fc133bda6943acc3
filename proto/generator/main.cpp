// Makes CRDs, C++ types and the reference from the descriptors that protoc wrote:
//   bunker-generator DESCRIPTORS OUTPUT…
// where an output is crd=RESOURCE:FILE, header=FILE, source=FILE or reference=FILE.
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include <google/protobuf/descriptor.pb.h>

#include "proto/generator/model.h"
#include "proto/generator/outputs.h"

namespace {

using namespace bunker::generator;

Model load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromIstream(&in)) throw std::runtime_error(path + " holds no descriptors");
  return load_model(files);
}

const MessageType& resource(const Model& model, const std::string& name) {
  for (const auto& message : model.messages) {
    if (message->resource && message->name == name) return *message;
  }
  throw std::runtime_error("there is no resource " + name);
}

void write(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}

void make(const Model& model, const std::string& output) {
  const std::size_t equals = output.find('=');
  const std::string what = output.substr(0, equals);
  std::string target = equals == std::string::npos ? "" : output.substr(equals + 1);
  if (what == "crd") {
    const std::size_t colon = target.find(':');
    write(target.substr(colon + 1), crd_yaml(resource(model, target.substr(0, colon))));
  } else if (what == "header") {
    write(target, cpp_header(model));
  } else if (what == "source") {
    write(target, cpp_source(model));
  } else if (what == "reference") {
    write(target, reference_markdown(model));
  } else {
    throw std::runtime_error("unknown output " + output);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: bunker-generator DESCRIPTORS OUTPUT...\n";
    return 2;
  }
  try {
    const Model model = load(argv[1]);
    for (int i = 2; i < argc; ++i) make(model, argv[i]);
  } catch (const std::exception& error) {
    std::cerr << "bunker-generator: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
