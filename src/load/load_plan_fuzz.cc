// Any bytes as a file of prompts: an error, or at least one prompt.
#include <cstddef>
#include <cstdint>

#include "load/load_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const auto prompts = parse_prompts({reinterpret_cast<const char*>(data), size});
  if (!prompts) return 0;
  LoadPlan plan = plan_closed_loop({.requests = 3}, 1);
  use_prompts(plan, *prompts);
  for (const PlannedRequest& request : plan.requests) {
    if (request.output_tokens < 1 || prompt_of(plan, request).size() > size) __builtin_trap();
  }
  return 0;
}
