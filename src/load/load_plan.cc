#include "load/load_plan.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cmath>

#include "load/random.h"
#include "load/text_file.h"

namespace ondol {
namespace json = boost::json;
namespace {

// Streams of random numbers under one seed; requests have theirs from kRequests on.
enum Stream : uint64_t { kArrivals, kLengths, kSharedPrefix, kRequests };

int spread_length(int tokens, double spread, SplitMix& random) {
  const double factor = 1 + spread * (2 * random.unit() - 1);
  return std::max(1, static_cast<int>(std::lround(tokens * factor)));
}

std::vector<PlannedRequest> synthetic_requests(const RequestShape& shape) {
  SplitMix lengths{mix_seed(shape.seed, kLengths)};
  std::vector<PlannedRequest> requests(static_cast<size_t>(shape.requests));
  for (size_t i = 0; i < requests.size(); ++i) {
    PlannedRequest& request = requests[i];
    request.input_tokens = spread_length(shape.input_tokens, shape.spread, lengths);
    request.output_tokens = spread_length(shape.output_tokens, shape.spread, lengths);
    const int shared = std::min(shape.shared_prefix, request.input_tokens);
    if (shared > 0) request.parts.push_back({mix_seed(shape.seed, kSharedPrefix), shared});
    if (shared < request.input_tokens) request.parts.push_back({mix_seed(shape.seed, kRequests + i), request.input_tokens - shared});
  }
  return requests;
}

std::vector<PromptPart> trace_parts(const TraceRequest& row, size_t index, uint64_t seed) {
  if (row.session >= 0) return {{mix_seed(seed, kRequests + static_cast<uint64_t>(row.session)), row.input_tokens}};
  const uint64_t blocks_seed = mix_seed(seed, kSharedPrefix);
  std::vector<PromptPart> parts;
  int32_t left = row.input_tokens;
  for (const int64_t block : row.blocks) {
    if (left == 0) break;
    const int32_t words = std::min(left, kTraceBlockTokens);
    parts.push_back({mix_seed(blocks_seed, static_cast<uint64_t>(block)), words});
    left -= words;
  }
  if (left > 0) parts.push_back({mix_seed(seed, kRequests + index), left});
  return parts;
}

Result<PromptLine> prompt_line(std::string_view line) {
  if (!line.starts_with('{') && !line.starts_with('"')) return PromptLine{std::string(line), 0};
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(line.data(), line.size()), error);
  if (error) return fail(Code::kInvalidArgument, quoted(line, 40) + " is no valid JSON");
  if (value.is_string()) return PromptLine{std::string(value.get_string()), 0};
  const json::value* prompt = value.get_object().if_contains("prompt");
  if (prompt == nullptr || !prompt->is_string()) return fail(Code::kInvalidArgument, "the object has no string \"prompt\"");
  PromptLine out{std::string(prompt->get_string()), 0};
  if (const json::value* tokens = value.get_object().if_contains("max_tokens"); tokens != nullptr) {
    if (!tokens->is_int64() || tokens->get_int64() < 1 || tokens->get_int64() > kMaxOutputTokens) {
      return fail(Code::kInvalidArgument, "max_tokens must be a whole number from 1 to " + std::to_string(kMaxOutputTokens));
    }
    out.output_tokens = static_cast<int>(tokens->get_int64());
  }
  return out;
}

}  // namespace

std::string prompt_of(const LoadPlan& plan, const PlannedRequest& request) {
  return request.text >= 0 ? plan.texts[static_cast<size_t>(request.text)] : prompt_text(request.parts);
}

std::vector<int64_t> poisson_arrivals(double rate, int count, uint64_t seed) {
  SplitMix random{mix_seed(seed, kArrivals)};
  std::vector<int64_t> times_us;
  times_us.reserve(static_cast<size_t>(count));
  double at_s = 0;
  for (int i = 0; i < count; ++i) {
    at_s -= std::log(random.unit()) / rate;
    times_us.push_back(std::llround(at_s * 1e6));
  }
  return times_us;
}

LoadPlan plan_closed_loop(const RequestShape& shape, int concurrency) {
  return {.requests = synthetic_requests(shape), .texts = {}, .open_loop = false, .max_in_flight = concurrency};
}

LoadPlan plan_poisson(const RequestShape& shape, double rate, int max_in_flight) {
  LoadPlan plan{.requests = synthetic_requests(shape), .texts = {}, .open_loop = true, .max_in_flight = max_in_flight};
  const std::vector<int64_t> times_us = poisson_arrivals(rate, shape.requests, shape.seed);
  for (size_t i = 0; i < times_us.size(); ++i) plan.requests[i].due_us = times_us[i];
  return plan;
}

LoadPlan plan_trace(const Trace& trace, double speed, uint64_t seed, int max_in_flight) {
  LoadPlan plan{.requests = {}, .texts = {}, .open_loop = true, .max_in_flight = max_in_flight};
  const auto scaled = [speed](int64_t us) { return std::llround(static_cast<double>(us) / speed); };
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    const TraceRequest& row = trace.requests[i];
    plan.requests.push_back({.due_us = scaled(row.at_us),
                             .previous = row.previous,
                             .wait_us = scaled(row.wait_us),
                             .input_tokens = row.input_tokens,
                             .output_tokens = row.output_tokens,
                             .parts = trace_parts(row, i, seed)});
  }
  return plan;
}

Result<std::vector<PromptLine>> parse_prompts(std::string_view text) {
  std::vector<PromptLine> prompts;
  LineReader lines(text);
  for (std::string_view line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    Result<PromptLine> prompt = prompt_line(line);
    if (!prompt) return fail(prompt.error(), lines.here());
    if (prompts.size() == static_cast<size_t>(kMaxRequests)) {
      return fail(Code::kResourceExhausted, lines.here() + ": more than " + std::to_string(kMaxRequests) + " prompts");
    }
    prompts.push_back(std::move(*prompt));
  }
  if (prompts.empty()) return fail(Code::kInvalidArgument, "there is no prompt in the file; write one a line");
  return prompts;
}

void use_prompts(LoadPlan& plan, const std::vector<PromptLine>& prompts) {
  plan.texts.clear();
  for (const PromptLine& prompt : prompts) plan.texts.push_back(prompt.text);
  for (size_t i = 0; i < plan.requests.size(); ++i) {
    PlannedRequest& request = plan.requests[i];
    const size_t line = i % prompts.size();
    request.text = static_cast<int32_t>(line);
    request.input_tokens = 0;
    request.parts.clear();
    if (prompts[line].output_tokens > 0) request.output_tokens = prompts[line].output_tokens;
  }
}

}  // namespace ondol
