#include "registryd/cache/redis/client.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "lib/runtime/io_threads.h"
#include "lib/runtime/per_thread.h"

namespace bunker::cache::redis {
namespace {

constexpr int kMostRedirections = 3;

using Nodes = std::map<net::Destination, std::shared_ptr<Node>>;

// Says that another server, or the same one later, would do.
bool is_passing(std::string_view error) {
  constexpr std::array<std::string_view, 6> kPassing = {"READONLY",   "LOADING",  "CLUSTERDOWN",
                                                        "MASTERDOWN", "TRYAGAIN", "MISCONF"};
  return std::ranges::any_of(kPassing,
                             [error](std::string_view word) { return error.starts_with(word); });
}

Result<Reply> checked(Reply reply) {
  if (!reply.is_error()) return reply;
  if (is_passing(reply.text)) return fail(Code::retry_later, "Redis says: " + reply.text);
  return fail(Code::forbidden, "Redis says: " + reply.text);
}

}  // namespace

struct Client::State : std::enable_shared_from_this<Client::State> {
  State(net::Dialer& net_dialer, Settings wanted, Node::Observer told)
      : dialer(net_dialer),
        settings(std::move(wanted)),
        observer(std::move(told)),
        topology(std::make_shared<Topology>(net_dialer, settings)) {}

  [[nodiscard]] std::shared_ptr<Node> node(const Executor& executor,
                                           const net::Destination& to) const {
    std::shared_ptr<void>& slot = per_thread_slot(executor, shared_from_this());
    if (slot == nullptr) slot = std::make_shared<Nodes>();
    auto& found = (*static_cast<Nodes*>(slot.get()))[to];
    if (found == nullptr) found = std::make_shared<Node>(dialer, to, settings, observer);
    return found;
  }

  net::Dialer& dialer;
  const Settings settings;
  const Node::Observer observer;
  const std::shared_ptr<Topology> topology;
};

Client::Client(net::Dialer& dialer, Settings settings, Node::Observer observer)
    : state_(std::make_shared<State>(dialer, std::move(settings), std::move(observer))) {}

Client::~Client() = default;

std::vector<net::Destination> Client::nodes() const {
  return state_->topology->nodes();
}

Task<Result<Reply>> Client::call_at(net::Destination node, Command command) {
  const auto state = state_;
  const auto server = state->node(co_await this_executor(), node);
  std::vector<Command> commands{std::move(command)};
  BUNKER_CO_TRY_ASSIGN(auto replies, co_await server->call(std::move(commands)));
  co_return checked(std::move(replies.back()));
}

Task<Result<Reply>> Client::call(std::string key, Command command) {
  const auto state = state_;  // lives on in the tasks that outlive the client
  const Executor executor = co_await this_executor();
  auto to = state->topology->node_of(key, executor);
  if (!to) co_return fail(Code::retry_later, "it is not known yet where Redis is");
  bool asking = false;
  for (int hop = 0;; ++hop) {
    std::vector<Command> commands;
    if (asking) commands.push_back({"ASKING"});
    commands.push_back(command);
    auto replies = co_await state->node(executor, *to)->call(std::move(commands));
    if (!replies) {
      state->topology->doubt(executor);
      co_return fail(std::move(replies).error());
    }
    Reply& reply = replies->back();
    const auto redirection =
        reply.is_error() ? parse_redirection(reply.text, *to) : std::optional<Redirection>();
    if (!redirection) {
      auto result = checked(std::move(reply));
      if (!result && result.error().code == Code::retry_later) state->topology->doubt(executor);
      co_return result;
    }
    if (redirection->moved) {
      state->topology->moved(*redirection);
      state->topology->doubt(executor);
    }
    if (hop == kMostRedirections) co_return fail(Code::retry_later, "Redis sends us in circles");
    asking = !redirection->moved;
    to = redirection->to;
  }
}

}  // namespace bunker::cache::redis
