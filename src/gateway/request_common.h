// The parameters that chat and text completions share: parsed, with ranges checked, not yet joined with a model's defaults.
//
// Owner: value types; pure functions. Any thread. Bounded by RequestLimits (stop strings, biases) and the body's own limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/api_error.h"
#include "endpoint/field_reader.h"
#include "engine/engine.h"
#include "gateway/output_format.h"

namespace ondol {

struct RequestLimits {
  size_t max_messages = 10'000;
  size_t max_stop_strings = 16;
  size_t max_stop_bytes = 1024;  // of one stop string
  size_t max_stop_token_ids = 256;
  size_t max_logit_bias = 4096;
  int max_answers = 16;
};

// What the request says; the model's defaults fill the rest.
struct SamplingFields {
  std::optional<double> temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<int64_t> top_k, seed;
  std::vector<LogitBias> logit_bias;
};

struct CommonRequest {
  std::string model;
  bool stream = false;
  bool include_usage = false;
  SamplingFields sampling;
  std::optional<int64_t> max_tokens;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_token_ids;
  bool ignore_eos = false;
  int answers = 1;                   // n
  int priority = 0;                  // lower is more urgent, as vLLM has it
  int64_t timeout_us = 0;            // 0 = none
  OutputFormat format;               // of the content
  int logprobs = -1;                 // as SamplingParams::logprobs
  std::vector<std::string> ignored;  // names of fields that had no effect, fit for a header
};

// Everything except the fields that belong to one endpoint (messages, prompt, logprobs, max_completion_tokens...).
ApiResult<CommonRequest> parse_common(FieldReader& fields, const RequestLimits& limits, int64_t least_max_tokens = 1);

// Names that may stand in a response header: letters, digits and "_.-", at most 64 bytes each and 16 of them.
std::vector<std::string> header_names(const std::vector<std::string>& names);

// Request over model defaults over OpenAI's defaults (temperature 1, top_p 1). `random_seed` where the request has none.
// top_p 0 means the single best token, which is what temperature 0 does.
SamplingParams resolve_sampling(const SamplingFields& fields, const SamplingDefaults& defaults, int logprobs, uint64_t random_seed);

}  // namespace ondol
