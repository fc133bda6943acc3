#include "registryd/storage/s3/http_fetcher.h"

#include <utility>

namespace bunker::storage::s3 {
namespace {

constexpr std::size_t kMaxReply = std::size_t{256} << 10;

}  // namespace

Task<Result<FetchReply>> ClientFetcher::fetch(FetchRequest request, SteadyTime deadline) {
  BUNKER_CO_TRY_ASSIGN(const http::Url url, http::parse_url(request.url));
  http::ClientRequest out(std::string(request.method), url.target);
  for (const auto& [name, value] : request.headers) out.headers.add(name, value);
  if (!request.body.empty()) out.body = Body(std::move(request.body));
  auto response = co_await client_.send(url.destination, std::move(out), deadline);
  if (!response) {
    Error error = std::move(response).error();
    error.code = Code::retry_later;
    error.message = request.url + ": " + error.message;
    co_return std::unexpected(std::move(error));
  }
  FetchReply reply;
  reply.status = response->status;
  BUNKER_CO_TRY_ASSIGN(reply.body, co_await read_all(*response->body, kMaxReply));
  co_return reply;
}

}  // namespace bunker::storage::s3
