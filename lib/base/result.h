// Result<T>: a value or an Error. Propagation macros are statements, so that they also work in
// coroutines.
#pragma once

#include <expected>
#include <utility>

#include "lib/base/error.h"

namespace bunker {

template <class T>
using Result = std::expected<T, Error>;

// fail(Code::invalid, "…") in a function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}
[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message,
                                                 std::string detail = {},
                                                 std::string_view reason = {}) {
  return std::unexpected<Error>(Error(code, std::move(message), std::move(detail), reason));
}

}  // namespace bunker

#define BUNKER_CONCAT_(a, b) a##b
#define BUNKER_CONCAT(a, b) BUNKER_CONCAT_(a, b)

// BUNKER_TRY(expr): returns the error of a Result<void>, or goes on.
#define BUNKER_TRY(expr)                                                             \
  do {                                                                               \
    auto bunker_try_result = (expr);                                                 \
    if (!bunker_try_result)                                                          \
      return std::unexpected<::bunker::Error>(std::move(bunker_try_result).error()); \
  } while (false)

// BUNKER_TRY_ASSIGN(auto x, expr): x is the value, or the error is returned.
#define BUNKER_TRY_ASSIGN(decl, expr) \
  BUNKER_TRY_ASSIGN_(decl, expr, BUNKER_CONCAT(bunker_result_, __LINE__))
#define BUNKER_TRY_ASSIGN_(decl, expr, tmp)                                  \
  auto tmp = (expr);                                                         \
  if (!tmp) return std::unexpected<::bunker::Error>(std::move(tmp).error()); \
  decl = std::move(tmp).value()

// The same in a coroutine: BUNKER_CO_TRY(co_await f()), BUNKER_CO_TRY_ASSIGN(auto x, co_await f()).
#define BUNKER_CO_TRY(expr)                                                             \
  do {                                                                                  \
    auto bunker_try_result = (expr);                                                    \
    if (!bunker_try_result)                                                             \
      co_return std::unexpected<::bunker::Error>(std::move(bunker_try_result).error()); \
  } while (false)

#define BUNKER_CO_TRY_ASSIGN(decl, expr) \
  BUNKER_CO_TRY_ASSIGN_(decl, expr, BUNKER_CONCAT(bunker_result_, __LINE__))
#define BUNKER_CO_TRY_ASSIGN_(decl, expr, tmp)                                  \
  auto tmp = (expr);                                                            \
  if (!tmp) co_return std::unexpected<::bunker::Error>(std::move(tmp).error()); \
  decl = std::move(tmp).value()
