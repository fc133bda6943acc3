// Sets of TLS certificates from files, which are read again when they change: replaced by renaming,
// or behind a symlink that is swapped, as in a Kubernetes volume.
// Thread rule: load(), watch(), stop() from one thread. Owner: the composition root.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "lib/net/tls_material.h"
#include "lib/runtime/file_watch.h"

namespace bunker::net {

struct TlsFiles {
  std::string certificate;
  std::string key;
  std::vector<std::string> client_authorities;
  std::string revocations;  // empty: none
};

class TlsFileSource final : public TlsMaterialSource {
 public:
  TlsFileSource(TlsFiles files, FileWatch::Options watch)
      : files_(std::move(files)), watch_options_(watch) {}
  explicit TlsFileSource(TlsFiles files) : TlsFileSource(std::move(files), FileWatch::Options()) {}

  // not_found, forbidden, invalid: a file cannot be read; the message names it. retry_later: the
  // files are being replaced all the time.
  [[nodiscard]] Result<TlsMaterial> load() override;
  void watch(Offer offer, std::function<void(const Error&)> unreadable) override;
  void stop() override { running_.reset(); }

 private:
  void look(const Offer& offer, const std::function<void(const Error&)>& unreadable);

  const TlsFiles files_;
  const FileWatch::Options watch_options_;
  std::string last_;  // a digest of what was loaded or offered last, or the error's text
  std::unique_ptr<FileWatch> running_;
};

}  // namespace bunker::net
