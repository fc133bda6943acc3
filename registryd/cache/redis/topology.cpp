#include "registryd/cache/redis/topology.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>

#include "lib/runtime/io_threads.h"

namespace bunker::cache::redis {
namespace {

constexpr std::uint16_t kNobody = UINT16_MAX;

template <class Int>
std::optional<Int> parse_number(std::string_view text) {
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::unexpected<Error> odd_answer(const net::Destination& server) {
  return fail(Code::invalid, "Redis at " + server.host + " does not say where the keys are");
}

}  // namespace

unsigned slot_of(std::string_view key) {
  if (const auto open = key.find('{'); open != std::string_view::npos) {
    const auto close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  unsigned crc = 0;  // CRC-16/XMODEM
  for (const char c : key) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = ((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
    }
  }
  return crc % 16384;
}

std::optional<Redirection> parse_redirection(std::string_view error,
                                             const net::Destination& asked) {
  Redirection out;
  const std::string_view kind = take_word(error);
  if (kind != "MOVED" && kind != "ASK") return std::nullopt;
  out.moved = kind == "MOVED";
  const auto slot = parse_number<unsigned>(take_word(error));
  const std::string_view address = take_word(error);
  const auto colon = address.rfind(':');
  if (!slot || *slot >= 16384 || colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(address.substr(colon + 1));
  if (!port) return std::nullopt;
  out.slot = *slot;
  std::string host(address.substr(0, colon));
  if (host.empty()) host = asked.host;
  out.to = {std::move(host), *port, asked.tls};
  return out;
}

Topology::Topology(net::Dialer& dialer, Settings settings)
    : dialer_(dialer), settings_(std::move(settings)) {
  if (settings_.mode == Settings::Mode::single) nodes_ = {settings_.seeds.front()};
}

std::optional<net::Destination> Topology::node_of(std::string_view key, const Executor& executor) {
  {
    const std::lock_guard lock(mutex_);
    if (settings_.mode != Settings::Mode::cluster) {
      if (!nodes_.empty()) return nodes_.front();
    } else if (slots_ != nullptr) {
      const std::uint16_t index = (*slots_)[slot_of(key)];
      if (index != kNobody) return nodes_[index];
    }
  }
  doubt(executor);
  return std::nullopt;
}

std::vector<net::Destination> Topology::nodes() const {
  const std::lock_guard lock(mutex_);
  return nodes_;
}

void Topology::doubt(const Executor& executor) {
  if (settings_.mode == Settings::Mode::single) return;
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = std::chrono::steady_clock::now();
    if (looking_ || now < next_look_) return;
    looking_ = true;
    next_look_ = now + settings_.retry_time;
  }
  start_detached(executor, look(shared_from_this()));
}

void Topology::moved(const Redirection& redirection) {
  const std::lock_guard lock(mutex_);
  if (slots_ == nullptr) return;
  auto place = std::ranges::find(nodes_, redirection.to);
  if (place == nodes_.end()) place = nodes_.insert(nodes_.end(), redirection.to);
  (*slots_)[redirection.slot] = static_cast<std::uint16_t>(place - nodes_.begin());
}

Task<void> Topology::look(std::shared_ptr<Topology> self) {
  std::vector<net::Destination> servers = self->settings_.seeds;
  if (self->settings_.mode == Settings::Mode::cluster) {
    std::ranges::copy(self->nodes(), std::back_inserter(servers));
  }
  for (const net::Destination& server : servers) {
    if (co_await self->ask(server)) break;
  }
  const std::lock_guard lock(self->mutex_);
  self->looking_ = false;
}

Task<Result<void>> Topology::ask(net::Destination server) {
  const bool sentinel = settings_.mode == Settings::Mode::sentinel;
  const SteadyTime deadline = std::chrono::steady_clock::now() + settings_.dial_time;
  BUNKER_CO_TRY_ASSIGN(
      const auto connection,
      co_await Connection::open(dialer_, server,
                                sentinel ? settings_.sentinel_login : settings_.login, deadline));
  std::vector<Command> question{{"CLUSTER", "SLOTS"}};
  if (sentinel) question = {{"SENTINEL", "get-master-addr-by-name", settings_.master_name}};
  BUNKER_CO_TRY_ASSIGN(const auto replies,
                       co_await connection->exchange(std::move(question), deadline));
  co_return sentinel ? take_master(replies.front(), server) : take_slots(replies.front(), server);
}

Result<void> Topology::take_master(const Reply& reply, const net::Destination& server) {
  if (reply.items.size() != 2) return odd_answer(server);
  const auto port = parse_number<std::uint16_t>(reply.items[1].text);
  if (!port) return odd_answer(server);
  const std::lock_guard lock(mutex_);
  nodes_ = {net::Destination(reply.items[0].text, *port, server.tls)};
  return {};
}

Result<void> Topology::take_slots(const Reply& reply, const net::Destination& server) {
  if (reply.type != Reply::Type::array || reply.items.empty()) return odd_answer(server);
  std::map<net::Destination, std::uint16_t> places;
  std::vector<net::Destination> nodes;
  auto slots = std::make_unique<Slots>();
  slots->fill(kNobody);
  for (const Reply& range : reply.items) {
    if (range.items.size() < 3 || range.items[2].items.size() < 2) return odd_answer(server);
    const long long first = range.items[0].integer;
    const long long last = range.items[1].integer;
    const long long port = range.items[2].items[1].integer;
    if (first < 0 || last < first || last >= static_cast<long long>(kSlots) || port < 1 ||
        port > 65535) {
      return odd_answer(server);
    }
    std::string host = range.items[2].items[0].text;
    if (host.empty()) host = server.host;
    const net::Destination node(std::move(host), static_cast<unsigned>(port), server.tls);
    const auto [place, added] = places.try_emplace(node, nodes.size());
    if (added) nodes.push_back(node);
    std::fill(slots->begin() + first, slots->begin() + last + 1, place->second);
  }
  const std::lock_guard lock(mutex_);
  nodes_ = std::move(nodes);
  slots_ = std::move(slots);
  return {};
}

}  // namespace bunker::cache::redis
