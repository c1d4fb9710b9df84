// Any bytes as a request's body: an error, or a peek whose places are in the body; and a body that asks for usage says so afterwards.
#include "door/request_peek.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const auto peek = ondol::peek_request(body);
  if (!peek) return 0;
  if (peek->top_at > body.size() || (peek->options_at != std::string::npos && peek->options_at > body.size())) __builtin_trap();
  const std::string asking = ondol::ask_for_usage(*peek, body);
  const auto again = ondol::peek_request(asking);
  if (!again || again->model != peek->model || again->streams != peek->streams) __builtin_trap();
  return 0;
}
