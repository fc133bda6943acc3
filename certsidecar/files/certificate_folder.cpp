#include "certsidecar/files/certificate_folder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/pki/bundle.h"

namespace bunker::certsidecar {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"tls.crt",     "tls.key",      "tls.pem",
                                                    "ca.crt",      "clientca.crt", "clientca.crl",
                                                    "client.cert", "client.key"};

FileContent open_to_all(std::string_view text) {
  return {pki::SecretText(text), 0644};
}

std::optional<std::string> text_of(const pki::AuthorityFiles& files, std::string_view name) {
  const auto at = files.find(name);
  if (at == files.end()) return std::nullopt;
  return std::string(at->second.view());
}

Result<Leaf> parse_leaf(const pki::AuthorityFiles& files, std::string_view certificate_name,
                        std::string_view key_name) {
  const auto certificates = files.find(certificate_name);
  const auto key_text = files.find(key_name);
  if (certificates == files.end() || key_text == files.end()) {
    return fail(Code::not_found, "there is no " + std::string(certificate_name) + " with its " +
                                     std::string(key_name));
  }
  auto chain = pki::parse_bundle(certificates->second.view());
  if (!chain) {
    return fail(Code::invalid, std::string(certificate_name) + ": " + chain.error().message);
  }
  auto key = pki::PrivateKey::from_pem(key_text->second.view());
  if (!key) return fail(Code::invalid, std::string(key_name) + ": " + key.error().message);
  if (!pki::fits(*key, chain->front())) {
    return fail(Code::invalid,
                std::string(key_name) + " is not the key of " + std::string(certificate_name));
  }
  pki::Certificate leaf = std::move(chain->front());
  chain->erase(chain->begin());
  return Leaf{std::move(leaf), std::move(*key), std::move(*chain)};
}

}  // namespace

std::string Leaf::chain_pem() const {
  return pki::to_pem(certificate) + pki::to_pem(intermediates);
}

FolderFiles certificate_files(const Leaf& leaf, const TrustFiles& trust, Layout layout,
                              mode_t key_mode) {
  const std::string chain = leaf.chain_pem();
  pki::SecretText key = leaf.key.to_pem();
  FolderFiles out;
  out.emplace("ca.crt", open_to_all(trust.bundle));
  if (layout == Layout::certs_d) {
    out.emplace("client.cert", open_to_all(chain));
    out.emplace("client.key", FileContent{std::move(key), key_mode});
    return out;
  }
  std::string both(key.view());
  both += chain;
  out.emplace("tls.pem", FileContent{pki::SecretText(both), key_mode});
  pki::wipe(both);
  out.emplace("tls.crt", open_to_all(chain));
  out.emplace("tls.key", FileContent{std::move(key), key_mode});
  if (trust.client_bundle) out.emplace("clientca.crt", open_to_all(*trust.client_bundle));
  if (trust.client_crl) out.emplace("clientca.crl", open_to_all(*trust.client_crl));
  return out;
}

bool is_certificate_file(std::string_view name) {
  return std::ranges::find(kNames, name) != kNames.end();
}

Result<CertificateFolder> read_certificate_folder(const std::string& folder) {
  BUNKER_TRY_ASSIGN(const auto files, read_folder(folder, is_certificate_file));
  CertificateFolder out;
  out.layout = files.contains("client.cert") ? Layout::certs_d : Layout::pair;
  const bool docker = out.layout == Layout::certs_d;
  auto leaf =
      parse_leaf(files, docker ? "client.cert" : "tls.crt", docker ? "client.key" : "tls.key");
  if (!leaf) {
    leaf.error().message = folder + ": " + leaf.error().message;
    return fail(std::move(leaf).error());
  }
  out.leaf = std::move(*leaf);
  out.trust.bundle = text_of(files, "ca.crt").value_or("");
  out.trust.client_bundle = text_of(files, "clientca.crt");
  out.trust.client_crl = text_of(files, "clientca.crl");
  return out;
}

std::string bundle_pem(const pki::AuthoritySet& set) {
  return pki::to_pem(set.trusted());
}

std::string crl_pem(const pki::AuthoritySet& set) {
  return pki::to_pem(set.crls);
}

}  // namespace bunker::certsidecar
