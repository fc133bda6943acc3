#include "registryd/storage/s3/xml.h"

#include <algorithm>
#include <charconv>

#include <pugixml.hpp>

#include "lib/base/encoding.h"
#include "registryd/storage/s3/calls.h"

namespace bunker::storage::s3 {
namespace {

constexpr const char* kNamespace = "http://s3.amazonaws.com/doc/2006-03-01/";

bool load(pugi::xml_document& document, std::string_view xml) {
  return static_cast<bool>(
      document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8));
}

std::unexpected<Error> unreadable(std::string_view what) {
  // What a broken proxy or a captive portal gives; the next try may reach the store.
  return fail(Code::retry_later,
              "the object store's answer to " + std::string(what) + " is not what S3 sends");
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

ErrorBody error_of(const pugi::xml_node& node) {
  ErrorBody body;
  body.code = node.child_value("Code");
  body.message = node.child_value("Message");
  body.region = node.child_value("Region");
  return body;
}

// Keys in a listing: with encoding-type=url, as HTML forms encode, where '+' is a space.
std::optional<std::string> listed_key(std::string text, bool encoded) {
  if (!encoded) return text;
  std::ranges::replace(text, '+', ' ');
  return percent_decode(text);
}

std::string print(const pugi::xml_document& document) {
  struct Writer final : pugi::xml_writer {
    std::string out;
    void write(const void* data, std::size_t size) override {
      out.append(static_cast<const char*>(data), size);
    }
  } writer;
  document.save(writer, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
  return std::move(writer.out);
}

}  // namespace

std::optional<ErrorBody> parse_error(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return std::nullopt;
  const pugi::xml_node node = document.child("Error");
  if (!node) return std::nullopt;
  return error_of(node);
}

Result<ListResult> parse_list(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return unreadable("a list");
  const pugi::xml_node root = document.child("ListBucketResult");
  const std::string_view truncated = root.child_value("IsTruncated");
  if (truncated != "true" && truncated != "false") return unreadable("a list");

  ListResult result;
  result.truncated = truncated == "true";
  const bool encoded = std::string_view(root.child_value("EncodingType")) == "url";
  for (const pugi::xml_node& node : root.children("Contents")) {
    auto key = listed_key(node.child_value("Key"), encoded);
    const auto size = number(node.child_value("Size"));
    const auto modified = parse_rfc3339(node.child_value("LastModified"));
    if (!key || !size || !modified) return unreadable("a list");
    result.objects.push_back(
        {std::move(*key), *size, std::chrono::floor<std::chrono::seconds>(*modified)});
  }
  for (const pugi::xml_node& node : root.children("CommonPrefixes")) {
    auto prefix = listed_key(node.child_value("Prefix"), encoded);
    if (!prefix) return unreadable("a list");
    result.prefixes.push_back(std::move(*prefix));
  }
  return result;
}

Result<std::string> parse_created_upload(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return unreadable("the start of an upload");
  std::string id = document.child("InitiateMultipartUploadResult").child_value("UploadId");
  if (id.empty()) return unreadable("the start of an upload");
  return id;
}

Result<DoneResult> parse_done(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return unreadable("an upload or a copy");
  DoneResult result;
  if (const pugi::xml_node node = document.child("Error")) {
    result.error = error_of(node);
    return result;
  }
  for (const char* name : {"CompleteMultipartUploadResult", "CopyPartResult", "CopyObjectResult"}) {
    if (const pugi::xml_node node = document.child(name)) {
      result.etag = node.child_value("ETag");
      return result;
    }
  }
  return unreadable("an upload or a copy");
}

Result<std::vector<KeyError>> parse_deleted(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return unreadable("a deletion");
  const pugi::xml_node root = document.child("DeleteResult");
  if (!root) return unreadable("a deletion");
  std::vector<KeyError> errors;
  for (const pugi::xml_node& node : root.children("Error")) {
    errors.push_back(
        {node.child_value("Key"), node.child_value("Code"), node.child_value("Message")});
  }
  return errors;
}

Result<Credentials> parse_assumed_role(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return unreadable("a request for credentials");
  const pugi::xml_node node = document.child("AssumeRoleWithWebIdentityResponse")
                                  .child("AssumeRoleWithWebIdentityResult")
                                  .child("Credentials");
  Credentials out{node.child_value("AccessKeyId"), node.child_value("SecretAccessKey"),
                  node.child_value("SessionToken"), parse_rfc3339(node.child_value("Expiration"))};
  if (out.access_key.empty() || out.secret_key.empty() || !out.expires) {
    return unreadable("a request for credentials");
  }
  return out;
}

std::string parse_sts_error_code(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return {};
  return document.child("ErrorResponse").child("Error").child_value("Code");
}

std::string print_complete(std::span<const Part> parts) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns") = kNamespace;
  for (const Part& part : parts) {
    pugi::xml_node node = root.append_child("Part");
    node.append_child("PartNumber").text() = part.number;
    node.append_child("ETag").text() = part.etag.c_str();
  }
  return print(document);
}

std::string print_delete(std::span<const std::string> keys) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("Delete");
  root.append_attribute("xmlns") = kNamespace;
  root.append_child("Quiet").text() = "true";
  for (const std::string& key : keys) {
    root.append_child("Object").append_child("Key").text() = key.c_str();
  }
  return print(document);
}

}  // namespace bunker::storage::s3
