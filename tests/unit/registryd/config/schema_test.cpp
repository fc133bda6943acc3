// What must hold for every key of the schema, whatever it is.
#include "registryd/config/schema.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registryd/config/values.h"
#include "registryd/config/yaml.h"
#include "tests/unit/registryd/config/samples.h"

namespace bunker::config {
namespace {

using namespace samples;

struct Row {
  std::string path;
  const Key* key;
  Status status;
};

// Every key that documentation has a row for: values, and what is refused or named as a whole.
void collect(const std::vector<Key>& keys, const std::string& prefix, bool refused_above,
             std::vector<Row>& rows) {
  for (const Key& key : keys) {
    const std::string path = prefix + std::string(key.name);
    const bool refused = refused_above || key.use.status == Status::refused;
    const bool is_branch = key.kind == Kind::section || key.kind == Kind::list;
    if (!is_branch || key.children.empty() || key.legacy || key.use.status == Status::refused) {
      rows.push_back({path, &key, refused ? Status::refused : key.use.status});
    }
    if (is_branch && !key.legacy) {
      collect(key.children, path + (key.kind == Kind::list ? "[]." : "."), refused, rows);
    }
  }
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  collect(schema().children, "", false, rows);
  return rows;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return text;
}

// "a.b.c" and a value to "a: {b: {c: value}}".
std::string nested(const std::string& path, const std::string& value) {
  std::string out = path, close;
  for (std::size_t dot = out.find('.'); dot != std::string::npos; dot = out.find('.', dot)) {
    out.replace(dot, 1, ": {");
    close += '}';
  }
  return out + ": " + value + close;
}

// A report without the places that differ between a file and the environment.
std::multiset<std::pair<Severity, std::string>> keys_of(const Report& report) {
  std::multiset<std::pair<Severity, std::string>> keys;
  for (const Finding& finding : report.findings) keys.emplace(finding.severity, finding.key);
  return keys;
}

TEST(Schema, AnOverrideIsTheSameAsTheFile) {
  int tried = 0;
  for (const Row& row : all_rows()) {
    if (row.path.contains('[') || row.path == "version") continue;
    std::vector<std::string> values = {
        "",          "true", "no",     "5",      "-1",  "10s",        "6MiB",     "a:1",  "/p/",
        "https://h", "1.5",  "[a, b]", "{x: y}", "'5'", "{x-y: [z]}", "[{a: b}]", "RS256"};
    for (const std::string_view allowed : row.key->allowed) values.emplace_back(allowed);
    for (const std::string& value : values) {
      const bool is_storage = row.path.starts_with("storage.");
      const std::string head = "version: 0.1\nauth: {none: }\n" +
                               std::string(is_storage ? "" : "storage: {inmemory: }\n");
      const std::string name = "REGISTRY_" + upper(row.path);
      const bool is_auth = row.path.starts_with("auth.");
      const std::string base = is_auth ? "version: 0.1\nstorage: {inmemory: }\n" : head;
      const Report file = check_text(base + nested(row.path, value) + "\n");
      const Report environment = check_text(base, {{name, value}});
      EXPECT_EQ(file.config, environment.config) << row.path << " = " << value << "\n"
                                                 << text(file) << text(environment);
      EXPECT_EQ(keys_of(file), keys_of(environment)) << row.path << " = " << value << "\n"
                                                     << text(file) << text(environment);
      ++tried;
    }
  }
  EXPECT_GT(tried, 1000);
}

// Each key that is honoured reaches the Config: some value of it makes a difference.
TEST(Schema, EveryHonouredKeyReachesTheConfig) {
  for (const Row& row : all_rows()) {
    if (row.path.contains('[') || row.key->kind == Kind::opaque || row.key->kind == Kind::section ||
        row.key->kind == Kind::list || row.path == "validation.enabled") {
      continue;
    }
    std::vector<std::string> values = {
        "true",       "false",       "7",         "77s",     "6MiB",
        "h:1",        "/p/",         "https://h", "[a]",     "[/a]",
        "['h:1']",    "{a: b}",      "{a: [b]}",  "[RS256]", "[TLS_AES_128_GCM_SHA256]",
        "GLACIER_IR", "public-read", "3",         "32KiB",   "64KiB"};
    for (const std::string_view allowed : row.key->allowed) values.emplace_back(allowed);
    // An optional part counts only by what is in it, so compare with the part being there.
    const std::string parent = row.path.substr(0, row.path.rfind('.'));
    const Config without =
        check_text("version: 0.1\n" + (row.path.contains('.') ? nested(parent, "{}") : "") + "\n")
            .config;
    const bool reached = std::ranges::any_of(values, [&](const std::string& value) {
      return !(check_text("version: 0.1\n" + nested(row.path, value) + "\n").config == without);
    });
    EXPECT_TRUE(reached) << row.path;
  }
}

TEST(Schema, EveryRefusalSaysWhyAndWhatToDo) {
  for (const Row& row : all_rows()) {
    if (row.key->use.status != Status::refused) continue;
    EXPECT_FALSE(row.key->use.why.empty()) << row.path;
    EXPECT_FALSE(row.key->use.remedy.empty()) << row.path;
  }
}

TEST(Schema, HasNoUnderscoresSoThatTheEnvironmentReachesEveryKey) {
  for (const Row& row : all_rows()) EXPECT_FALSE(row.path.contains('_')) << row.path;
}

TEST(Print, IsReadBackToTheSameConfig) {
  for (const std::string_view sample : {kImageDefault, kWalkThrough, kWithTls, kMinimal}) {
    Config config = check_text(sample).config;
    if (config.storage.s3) config.storage.s3->secret_key.clear();  // printed as ***
    const std::string printed = print(config);
    Config again = check_text(printed).config;
    EXPECT_EQ(config, again) << printed;
  }
}

TEST(Print, HidesSecretsAndShowsDefaults) {
  const std::string printed =
      print(check_more("http: {secret: hunter2}\nredis: {addr: 'a:1', password: hunter2}\n"
                       "proxy: {remoteurl: 'https://u:hunter2@h/'}\n")
                .config);
  EXPECT_THAT(printed, testing::HasSubstr("secret: \"***\""));
  EXPECT_THAT(printed, testing::HasSubstr("maxentries: 1000"));
  EXPECT_THAT(printed, testing::HasSubstr("age: 168h"));
  EXPECT_THAT(printed, testing::Not(testing::HasSubstr("hunter2")));
}

// --- docs/configuration.md --------------------------------------------------------------------

struct DocumentedRow {
  std::string status, fallback;
};

std::string trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" `");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" `") - first + 1));
}

// The rows "| `key` | status | default | meaning |" of the page.
std::map<std::string, DocumentedRow> documented_rows() {
  std::ifstream page(std::string(BUNKER_SOURCE_DIR) + "/docs/configuration.md");
  EXPECT_TRUE(page.good());
  std::map<std::string, DocumentedRow> rows;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream stream(line.substr(1));
    for (std::string cell; std::getline(stream, cell, '|');) cells.push_back(trim(cell));
    if (cells.size() < 4) continue;
    EXPECT_TRUE(rows.emplace(cells[0], DocumentedRow{cells[1], cells[2]}).second)
        << cells[0] << " is documented twice";
    EXPECT_FALSE(cells[3].empty()) << cells[0] << " has no meaning";
  }
  return rows;
}

std::string to_text(Status status) {
  switch (status) {
    case Status::honoured:
      return "honoured";
    case Status::no_effect:
      return "no effect";
    case Status::refused:
      return "refused";
  }
  return {};
}

// The default as it would be printed, with every optional part there; nullopt: not printed.
std::optional<std::string> default_of(const Node& root, std::string path) {
  for (std::size_t at; (at = path.find("[]")) != std::string::npos;) path.erase(at, 2);
  const Node* node = find_path(root, path);
  if (node == nullptr || node->kind != Node::Kind::scalar) return std::nullopt;
  return node->text;
}

TEST(Documentation, AgreesWithTheSchema) {
  Config everything;
  everything.storage.filesystem.emplace();
  everything.storage.s3.emplace();
  everything.auth.htpasswd.emplace();
  everything.auth.token.emplace();
  everything.redis.client_name = "x";  // no longer its default, so that the section is printed
  everything.http.tls.certificate = "x";
  Node printed = print_section(schema(), &everything);
  // Lists' items, as if they were sections.
  Config items;
  items.health.files.emplace_back();
  items.health.http.emplace_back();
  items.health.tcp.emplace_back();
  const Node item_tree = print_section(schema(), &items);
  Node* health = &printed.find("health")->value;
  for (const char* list : {"file", "http", "tcp"}) {
    health->entries.push_back(
        {list, {}, find_path(item_tree, std::string("health.") + list)->items.at(0)});
  }

  std::map<std::string, DocumentedRow> documented = documented_rows();
  for (const Row& row : all_rows()) {
    const auto found = documented.find(row.path);
    if (found == documented.end()) {
      ADD_FAILURE() << "docs/configuration.md lacks " << row.path;
      continue;
    }
    EXPECT_EQ(found->second.status, to_text(row.status)) << row.path;
    const std::optional<std::string> fallback = default_of(printed, row.path);
    if (fallback && !row.key->legacy && *fallback != "x") {
      const bool is_bytes = row.key->kind == Kind::bytes;
      EXPECT_EQ(is_bytes ? std::to_string(parse_bytes(found->second.fallback).value_or(0))
                         : found->second.fallback,
                *fallback)
          << row.path;
    }
    documented.erase(found);
  }
  for (const auto& [key, row] : documented) ADD_FAILURE() << key << " is documented and not a key";
}

}  // namespace
}  // namespace bunker::config
