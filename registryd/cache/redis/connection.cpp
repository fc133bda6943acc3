#include "registryd/cache/redis/connection.h"

#include <array>

namespace bunker::cache::redis {

Task<Result<std::unique_ptr<Connection>>> Connection::open(net::Dialer& dialer, net::Destination to,
                                                           Login login, SteadyTime deadline) {
  BUNKER_CO_TRY_ASSIGN(auto stream, co_await dialer.dial(std::move(to), deadline));
  auto connection = std::make_unique<Connection>(std::move(stream));
  BUNKER_CO_TRY(co_await connection->log_in(std::move(login), deadline));
  co_return connection;
}

Task<Result<void>> Connection::log_in(Login login, SteadyTime deadline) {
  std::vector<Command> commands;
  if (!login.password.empty()) {
    Command auth{"AUTH"};
    if (!login.username.empty()) auth.push_back(login.username);
    auth.push_back(login.password);
    commands.push_back(std::move(auth));
  }
  if (login.database != 0) commands.push_back({"SELECT", std::to_string(login.database)});
  const std::size_t needed = commands.size();
  // A user that may not name its connections may do the rest all the same.
  if (!login.client_name.empty()) commands.push_back({"CLIENT", "SETNAME", login.client_name});
  if (commands.empty()) co_return Result<void>();
  BUNKER_CO_TRY_ASSIGN(const auto replies, co_await exchange(std::move(commands), deadline));
  for (std::size_t i = 0; i < needed; ++i) {
    if (!replies[i].is_error()) continue;
    co_return fail(Code::forbidden, "Redis does not let us in: " + replies[i].text,
                   "see redis.username, redis.password and redis.db");
  }
  co_return Result<void>();
}

Task<Result<std::vector<Reply>>> Connection::exchange(std::vector<Command> commands,
                                                      SteadyTime deadline) {
  std::string out;
  for (const Command& command : commands) out += format(command);
  stream_->set_deadline(deadline);
  std::array<iovec, 1> pieces{iovec{out.data(), out.size()}};
  BUNKER_CO_TRY(co_await stream_->write(pieces));
  std::vector<Reply> replies;
  std::array<std::byte, 8192> buffer;
  while (replies.size() < commands.size()) {
    BUNKER_CO_TRY_ASSIGN(auto reply, reader_.next());
    if (reply) {
      replies.push_back(*std::move(reply));
      continue;
    }
    BUNKER_CO_TRY_ASSIGN(const std::size_t count, co_await stream_->read_some(buffer));
    if (count == 0) co_return fail(Code::cancelled, "Redis closed the connection");
    reader_.feed(std::span(buffer).first(count));
  }
  co_return replies;
}

}  // namespace bunker::cache::redis
