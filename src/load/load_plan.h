// What a run sends and when: pure functions from settings and a seed to a list of requests.
//
// Any thread. The same settings and seed give the same plan on every machine. Bounded by kMaxRequests (load/trace.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "load/prompt_text.h"
#include "load/trace.h"

namespace ondol {

struct PlannedRequest {
  int64_t due_us = 0;     // after the start of the run; of a follower it does not count
  int32_t previous = -1;  // a follower: is due `wait_us` after the end of that earlier request; each has one follower at most
  int64_t wait_us = 0;
  int32_t input_tokens = 0;   // asked for; 0 = unknown (text from a file)
  int32_t output_tokens = 1;  // max_tokens
  std::vector<PromptPart> parts;
  int32_t text = -1;  // instead of parts: an index of LoadPlan::texts
};

struct LoadPlan {
  std::vector<PlannedRequest> requests;
  std::vector<std::string> texts;
  bool open_loop = false;  // requests have times of their own; otherwise each waits only for a free place
  int max_in_flight = 1;   // closed loop: the concurrency; open loop: the generator's limit
};

std::string prompt_of(const LoadPlan& plan, const PlannedRequest& request);

// The lengths and number of synthetic requests.
struct RequestShape {
  int requests = 200;
  int input_tokens = 128;
  int output_tokens = 128;
  double spread = 0;      // 0.2: lengths are uniform within 20 % of the ones above
  int shared_prefix = 0;  // tokens at the beginning that all prompts have in common; of input_tokens
  uint64_t seed = 0;
};

// `concurrency` requests at a time, each followed at once by the next.
LoadPlan plan_closed_loop(const RequestShape& shape, int concurrency);

// Requests come at random with `rate` per second on average, whatever the server does.
LoadPlan plan_poisson(const RequestShape& shape, double rate, int max_in_flight);

// The trace's times (and waits) divided by `speed`.
LoadPlan plan_trace(const Trace& trace, double speed, uint64_t seed, int max_in_flight);

// When `count` Poisson arrivals happen: microseconds from the start, ascending; the first is not at 0.
std::vector<int64_t> poisson_arrivals(double rate, int count, uint64_t seed);

// One prompt of a prompt file.
struct PromptLine {
  std::string text;
  int output_tokens = 0;  // 0 = as the others
};

inline constexpr size_t kMaxPromptFileBytes = 64 << 20;

// A prompt a line: plain text, a JSON string, or a JSON object with "prompt" and, if wished, "max_tokens". Empty lines are left out.
// kInvalidArgument names the line.
Result<std::vector<PromptLine>> parse_prompts(std::string_view text);

// Replaces the synthetic prompts of a plan by these, in turn.
void use_prompts(LoadPlan& plan, const std::vector<PromptLine>& prompts);

}  // namespace ondol
