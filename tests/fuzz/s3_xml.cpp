// Any bytes as a store's answer: parsers give a value or an error, and what they accept as a list
// has keys that can be asked for again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "registryd/storage/s3/outcome.h"
#include "registryd/storage/s3/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bunker::storage::s3;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto error = parse_error(text)) (void)classify(400, error->code);
  if (const auto created = parse_created_upload(text); created && created->empty()) std::abort();
  if (const auto done = parse_done(text); done && done->error && !parse_error(text)) std::abort();
  (void)parse_deleted(text);
  if (const auto list = parse_list(text)) {
    std::vector<std::string> keys = list->prefixes;
    for (const ListedObject& object : list->objects) keys.push_back(object.key);
    (void)print_delete(keys);
  }
  return 0;
}
