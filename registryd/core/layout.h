// Where everything lies in the store: distribution's bucket layout, byte for byte, from domain
// names to keys and back. `_referrers` is Bunker's own; distribution skips folders that begin with
// '_'. The driver puts its root directory before these keys. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "registryd/core/digest.h"
#include "registryd/core/names.h"
#include "registryd/storage/object_store.h"

namespace bunker::registry::layout {

using storage::ObjectKey;

inline constexpr std::string_view kBlobs = "docker/registry/v2/blobs/";
inline constexpr std::string_view kRepositories = "docker/registry/v2/repositories/";

// --- To keys. Prefixes end with '/'. ------------------------------------------------------------

// blobs/<alg>/<first two hex>/<hex>/data: a blob's or a manifest's bytes.
[[nodiscard]] ObjectKey blob_data(const Digest& digest);
// <name>/_layers/<alg>/<hex>/link: the blob is part of the repository.
[[nodiscard]] ObjectKey layer_link(const RepositoryName& name, const Digest& digest);
// <name>/_layers/
[[nodiscard]] std::string layers_prefix(const RepositoryName& name);
// <name>/_manifests/: the catalog lists the repository while a key begins with it.
[[nodiscard]] std::string manifests_prefix(const RepositoryName& name);
// <name>/_manifests/revisions/<alg>/<hex>/link: the manifest is part of the repository.
[[nodiscard]] ObjectKey revision_link(const RepositoryName& name, const Digest& digest);
// <name>/_manifests/tags/
[[nodiscard]] std::string tags_prefix(const RepositoryName& name);
// <name>/_manifests/tags/<tag>/
[[nodiscard]] std::string tag_prefix(const RepositoryName& name, const Tag& tag);
// …/current/link: what the tag points at.
[[nodiscard]] ObjectKey tag_current(const RepositoryName& name, const Tag& tag);
// …/index/<alg>/<hex>/link: one for each manifest that the tag ever pointed at.
[[nodiscard]] ObjectKey tag_index(const RepositoryName& name, const Tag& tag, const Digest& digest);
// <name>/_uploads/<uuid>/
[[nodiscard]] std::string upload_prefix(const RepositoryName& name, std::string_view uuid);
// …/data: the scratch key of ObjectStore::open_upload.
[[nodiscard]] ObjectKey upload_data(const RepositoryName& name, std::string_view uuid);
// <name>/_referrers/<alg>/<hex>/: the manifests whose subject that digest is.
[[nodiscard]] std::string referrers_prefix(const RepositoryName& name, const Digest& subject);
// …/<alg>/<hex>/link
[[nodiscard]] ObjectKey referrer_link(const RepositoryName& name, const Digest& subject,
                                      const Digest& referrer);

// --- And back -----------------------------------------------------------------------------------

struct BlobData {
  Digest digest;
};
struct LayerLink {
  RepositoryName name;
  Digest digest;
};
struct RevisionLink {
  RepositoryName name;
  Digest digest;
};
struct TagCurrent {
  RepositoryName name;
  Tag tag;
};
struct TagIndex {
  RepositoryName name;
  Tag tag;
  Digest digest;
};
struct UploadFile {
  RepositoryName name;
  std::string uuid;
  std::string file;  // "data", "startedat", "hashstates/sha256/0", …
};
struct ReferrerLink {
  RepositoryName name;
  Digest subject;
  Digest referrer;
};
using Location =
    std::variant<BlobData, LayerLink, RevisionLink, TagCurrent, TagIndex, UploadFile, ReferrerLink>;

// What lies at `key`; nullopt for a key that is not of this layout. Never fails on odd keys.
[[nodiscard]] std::optional<Location> parse_key(std::string_view key);

// The digest that a link's content names; white space around it is accepted.
[[nodiscard]] std::optional<Digest> parse_link(std::string_view content);

// Whether `text` is a UUID in the form that names uploads.
[[nodiscard]] bool is_upload_uuid(std::string_view text) noexcept;

}  // namespace bunker::registry::layout
