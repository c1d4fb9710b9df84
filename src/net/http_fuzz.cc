// Requests: whole or in pieces, a request ends in the same state with the same parts, or is never complete. A body never holds more than
// its share of the budget. Answers as well, as the asynchronous client reads them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/http_parser.h"

namespace {

using ondol::ParseState;

ParseState feed(ondol::RequestParser& parser, std::string_view bytes, size_t step) {
  std::string input;
  while (!bytes.empty() && (parser.state() == ParseState::kHeader || parser.state() == ParseState::kBody)) {
    input += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    input.erase(0, parser.feed(input));
  }
  return parser.state();
}

struct Answer {
  bool done = false, keep_alive = false;
  int status = 0;
  std::string body;
};

Answer read_answer(std::string_view bytes, size_t step) {
  Answer out;
  const ondol::ParserLimits limits{.max_header_bytes = 512, .max_body_bytes = SIZE_MAX};
  ondol::ResponseParser parser(limits, false, [&](std::string_view piece) {
    out.body += piece;
    return ondol::Status();
  });
  std::string input;
  while (!bytes.empty() && !parser.done()) {
    input += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    const auto taken = parser.feed(input);
    if (!taken) return {};
    if (*taken > input.size()) std::abort();
    input.erase(0, *taken);
  }
  if (!parser.done() && !parser.finish()) return {};
  out.done = parser.done();
  if (!out.done) return {};
  out.status = parser.status();
  out.keep_alive = parser.keep_alive();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ondol::ParserLimits limits{.max_header_bytes = 512, .max_body_bytes = 256};
  ondol::RequestParser whole(limits), pieces(limits);
  const ParseState first = feed(whole, bytes, size + 1);
  const ParseState second = feed(pieces, bytes, 1);
  if (whole.request().body.size() > limits.max_body_bytes || whole.request().headers.size() > ondol::kMaxHeaderFields) std::abort();
  if (first == ParseState::kDone && second == ParseState::kDone) {
    const auto &a = whole.request(), &b = pieces.request();
    if (a.method != b.method || a.path != b.path || a.query != b.query || a.body != b.body || a.headers != b.headers) std::abort();
    if (whole.keep_alive() != pieces.keep_alive()) std::abort();
  }
  if (second == ParseState::kDone && first != ParseState::kDone) std::abort();
  if (first == ParseState::kRefused && whole.refusal().status < 400) std::abort();

  ondol::BodyBudget budget(100);
  {
    ondol::RequestParser poor(limits, &budget);
    const ParseState state = feed(poor, bytes, 3);
    const size_t held = budget.bytes() - budget.free(), small = 2 * std::string().capacity();
    if (poor.request().body.capacity() > std::max(held, small)) std::abort();
    if (state == ParseState::kDone && first != ParseState::kDone) std::abort();
  }
  if (budget.free() != budget.bytes()) std::abort();

  ondol::ResponseParser response(limits, false, [](std::string_view) { return ondol::Status(); });
  if (const auto taken = response.feed(bytes); taken && *taken > size) std::abort();
  if (!response.done()) (void)response.finish();
  const Answer one = read_answer(bytes, size + 1), many = read_answer(bytes, 1);
  if (one.done && many.done && (one.status != many.status || one.body != many.body || one.keep_alive != many.keep_alive)) std::abort();
  if (many.done && !one.done) std::abort();
  return 0;
}
