// Any bytes as a trace: an error that names a line, or a trace whose plan keeps its promises.
#include <cstddef>
#include <cstdint>

#include "load/load_plan.h"
#include "load/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const auto trace = parse_trace({reinterpret_cast<const char*>(data), size}, 64);
  if (!trace) {
    if (trace.error().message.find("line") == std::string::npos) __builtin_trap();
    return 0;
  }
  if (trace->requests.empty() || trace->requests.size() > 64) __builtin_trap();
  const LoadPlan plan = plan_trace(*trace, 2, 1, 8);
  for (size_t i = 0; i < plan.requests.size(); ++i) {
    const PlannedRequest& request = plan.requests[i];
    int64_t words = 0;
    for (const PromptPart& part : request.parts) words += part.words;
    if (words != request.input_tokens || request.output_tokens < 1 || request.due_us < 0) __builtin_trap();
    if (request.previous >= static_cast<int64_t>(i)) __builtin_trap();
  }
  return 0;
}
