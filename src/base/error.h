// Errors of the whole project: a canonical code, and a message that says what to do next.
//
// Owner: value types, copied freely. Any thread. A message is one or two sentences; text that came from outside is quoted and cut
// (see `quoted`). Third-party exceptions are turned into these in the folder that calls the library.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace ondol {

// The gRPC canonical codes that the project needs.
enum class Code {
  kCancelled,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
  kPayloadTooLarge,
};

std::string_view code_name(Code code);

// The HTTP status for a code; total, so that every error that reaches a client has exactly one status.
int http_status(Code code);

struct [[nodiscard]] Error {
  Code code = Code::kInternal;
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

// `return fail(Code::kNotFound, "...")` in any function that returns a Result.
inline std::unexpected<Error> fail(Code code, std::string message) { return std::unexpected(Error{code, std::move(message)}); }

// Passes an error on with what was being done in front of it: "reading model.gguf: ...".
inline std::unexpected<Error> fail(const Error& error, std::string_view doing) {
  return std::unexpected(Error{error.code, std::string(doing) + ": " + error.message});
}

// Text from outside, safe to put in a message or a log line: quoted, control bytes and invalid UTF-8 escaped, at most `max_bytes`.
std::string quoted(std::string_view text, size_t max_bytes = 80);

}  // namespace ondol

// Evaluates an expression of type Result or Status, returns its error from the enclosing function if it has one.
#define ONDOL_TRY_STATUS(expr)                                                                                 \
  do {                                                                                                         \
    if (auto ondol_status_ = (expr); !ondol_status_) return std::unexpected(std::move(ondol_status_).error()); \
  } while (false)

// ONDOL_TRY(auto x, f()): `x` is the value of f(), or the enclosing function returns f's error.
#define ONDOL_TRY_CAT2(a, b) a##b
#define ONDOL_TRY_CAT(a, b) ONDOL_TRY_CAT2(a, b)
#define ONDOL_TRY_IMPL(tmp, decl, expr)                     \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  decl = std::move(*tmp)
#define ONDOL_TRY(decl, expr) ONDOL_TRY_IMPL(ONDOL_TRY_CAT(ondol_try_, __LINE__), decl, expr)
