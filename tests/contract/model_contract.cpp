// Random operations, compared with the simplest thing that could be right: a sorted map.
#include <map>

#include <rapidcheck.h>

#include "tests/contract/object_store_contract.h"

namespace bunker::storage {
namespace {

using Map = std::map<std::string, std::string>;

// Few and short segments, so that keys meet, and those whose order misleads: '-' and '.' sort
// before '/', '0' behind it. The leaf names no folder, so that a folder can hold them all.
rc::Gen<std::string> key() {
  const auto folder = rc::gen::element<std::string>("a", "a-b", "a.b", "a0", "b", "_c");
  const auto leaf = rc::gen::element<std::string>("-", "A", "a-", "a.", "b1", "link", "z");
  return rc::gen::apply(
      [](const std::vector<std::string>& folders, const std::string& last) {
        std::string out;
        for (const std::string& name : folders) out += name + '/';
        return out + last;
      },
      rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(folder)), leaf);
}

ListPage expected_page(const Map& map, const std::string& prefix, const ListOptions& options) {
  std::vector<std::string> all;
  for (const auto& [name, bytes] : map) {
    if (!name.starts_with(prefix)) continue;
    const std::size_t slash = options.delimited ? name.find('/', prefix.size()) : std::string::npos;
    std::string shown = slash == std::string::npos ? name : name.substr(0, slash + 1);
    if (shown > options.start_after && (all.empty() || all.back() != shown)) {
      all.push_back(std::move(shown));
    }
  }
  ListPage page;
  page.truncated = options.limit > 0 && all.size() > options.limit;
  if (all.size() > options.limit) all.resize(options.limit);
  for (std::string& name : all) {
    const auto found = map.find(name);
    page.entries.push_back({std::move(name), {found == map.end() ? 0 : found->second.size(), {}}});
  }
  return page;
}

void check_list(SyncStore& store, const Map& map) {
  ListOptions options;
  options.delimited = *rc::gen::arbitrary<bool>();
  options.limit = *rc::gen::inRange<std::size_t>(0, 8);
  std::string prefix = *rc::gen::oneOf(rc::gen::just(std::string()), key());
  // Of a delimited listing the prefix is a whole folder.
  if (options.delimited)
    prefix.resize(prefix.rfind('/') + 1);
  else
    prefix.resize(*rc::gen::inRange<std::size_t>(0, prefix.size() + 1));
  options.start_after = *rc::gen::oneOf(rc::gen::just(std::string()), key(),
                                        rc::gen::map(key(), [](std::string start) {
                                          start.resize(start.rfind('/') + 1);
                                          return start;
                                        }));
  const auto page = store.list(prefix, options);
  RC_ASSERT(page.has_value());
  const ListPage expected = expected_page(map, prefix, options);
  RC_LOG() << "list(" << prefix << ", after " << options.start_after << ", limit " << options.limit
           << (options.delimited ? ", delimited" : "") << ")\n";
  RC_ASSERT(page->entries.size() == expected.entries.size());
  for (std::size_t i = 0; i < expected.entries.size(); ++i) {
    RC_ASSERT(page->entries[i].key == expected.entries[i].key);
    RC_ASSERT(page->entries[i].info.size == expected.entries[i].info.size);
  }
  RC_ASSERT(page->truncated == expected.truncated);
}

void check_read(SyncStore& store, const Map& map) {
  const std::string name = *key();
  const auto found = map.find(name);
  const auto read = store.read(name);
  const auto info = store.head(name);
  RC_ASSERT(read.has_value() == (found != map.end()));
  RC_ASSERT(info.has_value() == read.has_value());
  if (!read) {
    RC_ASSERT(read.error().code == Code::not_found);
    return;
  }
  RC_ASSERT(*read == found->second);
  RC_ASSERT(info->size == found->second.size());
}

void check_range(SyncStore& store, const Map& map) {
  if (map.empty()) return;
  const auto& [name, bytes] = *rc::gen::elementOf(map);
  ByteRange range;
  range.offset = *rc::gen::inRange<std::uint64_t>(0, bytes.size() + 3);
  if (*rc::gen::arbitrary<bool>()) range.length = *rc::gen::inRange<std::uint64_t>(1, 10);
  const auto got = store.get(name, range);
  const bool whole = range.offset == 0 && !range.length;
  if (!whole && range.offset >= bytes.size()) {
    RC_ASSERT(!got.has_value());
    RC_ASSERT(got.error().code == Code::out_of_range);
    return;
  }
  RC_ASSERT(got.has_value());
  RC_ASSERT(*got == bytes.substr(range.offset, range.length.value_or(bytes.size())));
}

void change(SyncStore& store, Map& map) {
  const std::string name = *key();
  const auto bytes = *rc::gen::string<std::string>();
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
    case 1:
      RC_ASSERT(store.put(name, bytes).has_value());
      map[name] = bytes;
      return;
    case 2:
      RC_ASSERT(store.finish("_up/1/data", "", 0, bytes, name).has_value());
      map[name] = bytes;
      return;
    default: {
      std::vector<std::string> keys = {name};
      for (const auto& [present, ignored] : map) {
        if (*rc::gen::inRange(0, 3) == 0) keys.push_back(present);
      }
      RC_ASSERT(store.remove(keys).has_value());
      for (const std::string& removed : keys) map.erase(removed);
    }
  }
}

TEST_P(Model, AStoreIsASortedMap) {
  const auto property = [this] {
    RC_ASSERT(store_->remove(store_->keys()).has_value());
    Map map;
    const int steps = *rc::gen::inRange(1, 60);
    for (int step = 0; step < steps; ++step) {
      switch (*rc::gen::inRange(0, 6)) {
        case 0:
          check_read(*store_, map);
          break;
        case 1:
          check_range(*store_, map);
          break;
        case 2:
        case 3:
          check_list(*store_, map);
          break;
        default:
          change(*store_, map);
      }
    }
    std::vector<std::string> expected;
    for (const auto& [name, ignored] : map) expected.push_back(name);
    const std::size_t page = *rc::gen::inRange<std::size_t>(1, 6);
    RC_ASSERT(store_->keys("", page) == expected);
  };
  EXPECT_TRUE(rc::check("any operations", property));
}

// The life of one upload at the hands of a client that repeats, reorders and breaks off requests.
TEST_P(Model, AnUploadIsTheBytesOfItsLatestToken) {
  const std::string scratch = "r/_uploads/u/data";
  const auto property = [&, this] {
    std::string bytes;
    std::vector<std::pair<std::string, std::uint64_t>> tokens = {{"", 0}};
    const int steps = *rc::gen::inRange(1, 25);
    for (int step = 0; step < steps; ++step) {
      const auto [token, offset] = tokens.back();
      const std::string piece = pattern(*rc::gen::inRange<std::size_t>(0, 5000), 3);
      switch (*rc::gen::inRange(0, 4)) {
        case 0: {  // breaks off
          const auto writer = store_->open(scratch, token, offset);
          RC_ASSERT(writer.has_value());
          RC_ASSERT(write(**writer, piece).has_value());
          break;
        }
        case 1: {  // repeats an old request
          if (tokens.size() < 3) break;
          const auto [old, at] = tokens[*rc::gen::inRange<std::size_t>(1, tokens.size() - 1)];
          const auto writer = store_->open(scratch, old, at);
          RC_ASSERT(!writer.has_value());
          RC_ASSERT(writer.error().code == Code::not_found);
          break;
        }
        default: {
          const auto next = store_->append(scratch, token, offset, piece);
          RC_ASSERT(next.has_value());
          bytes += piece;
          tokens.emplace_back(*next, bytes.size());
        }
      }
      if (!tokens.back().first.empty()) {
        RC_ASSERT(store_->read_upload(scratch, tokens.back().first).value() == bytes);
      }
    }
    RC_ASSERT(store_->finish(scratch, tokens.back().first, bytes.size(), "", "whole").has_value());
    RC_ASSERT(store_->read("whole").value() == bytes);
    RC_ASSERT(store_->keys("r/").empty());
  };
  EXPECT_TRUE(rc::check("any requests", property));
}

}  // namespace
}  // namespace bunker::storage
