// The coroutine type of the whole project, and the executor that it runs on.
//
// Threads: one io_context a core, one thread each. A coroutine lives and dies on the io_context
// that started it; no strands, no locks on the request path. Blocking work goes through
// BlockingPool and comes back. Only lib/runtime, lib/net and lib/http include Asio beyond this.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

namespace bunker {

using Executor = asio::io_context::executor_type;

// A lazily started coroutine. Parameters are taken by value, or by reference to what the caller's
// frame owns until the call is over.
template <class T>
using Task = asio::awaitable<T, Executor>;

// The completion token that turns an Asio operation into a Task.
inline constexpr asio::use_awaitable_t<Executor> use_task;

}  // namespace bunker
