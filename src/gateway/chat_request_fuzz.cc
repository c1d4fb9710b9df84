// A body of any bytes through the scan and both parsers: an error or a request, never more.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/chat_request.h"
#include "gateway/completion_request.h"
#include "gateway/constraint.h"
#include "gateway/json_scan.h"
#include "gateway/tool_prompt.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(text, {.max_bytes = 1 << 16, .max_depth = 16, .max_values = 4096});
  if (!value) {
    if (error_json(value.error()).empty()) __builtin_trap();
    return 0;
  }
  if (const auto chat = parse_chat_request(*value); chat) {
    if (chat->messages.empty() || chat->common.logprobs > 20) __builtin_trap();
    boost::json::serialize(chat->messages);
    const boost::json::array with_tools = with_tool_prompt(chat->messages, chat->tools.for_template());
    if (with_tools.empty() || chat->tools.tools.size() > kMaxTools) __builtin_trap();
    AnswerSyntax syntax;
    syntax.reasoning = true;
    output_constraint(chat->tools, chat->common.format, syntax);
  }
  if (const auto completion = parse_completion_request(*value); completion) {
    const SamplingParams params = resolve_sampling(completion->common.sampling, {}, completion->common.logprobs, 1);
    if (!(params.temperature >= 0 && params.temperature <= 2 && params.top_p > 0)) __builtin_trap();
  }
  return 0;
}
