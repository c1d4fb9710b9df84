#include "gateway/request_common.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <limits>

namespace ondol {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxPriority = 1'000'000;
constexpr double kMaxTimeout_s = 24 * 3600;
constexpr double kMaxPenaltyFactor = 100;  // beyond it every token seen once is as good as forbidden

// Would change the answer's form or number if they were ignored, so they are refused by name.
constexpr const char* kRefused[] = {"best_of", "use_beam_search", "guided_grammar", "grammar", "json_schema"};

bool asks_for_nothing(const boost::json::value& value) {
  if (const bool* flag = value.if_bool()) return !*flag;
  if (const auto* array = value.if_array()) return array->empty();
  if (const auto* text = value.if_string()) return text->empty();
  return value.is_int64() && (value.get_int64() == 0 || value.get_int64() == 1);
}

ApiResult<std::vector<std::string>> parse_stop(FieldReader& fields, const RequestLimits& limits) {
  std::vector<std::string> stops;
  const boost::json::value* value = fields.take("stop");
  if (value == nullptr) return stops;
  const std::string expected = "a string, or an array of at most " + std::to_string(limits.max_stop_strings) + " strings, each of 1 to " +
                               std::to_string(limits.max_stop_bytes) + " bytes";
  const auto add = [&](const boost::json::value& item) {
    if (!item.is_string() || item.get_string().empty() || item.get_string().size() > limits.max_stop_bytes) return false;
    stops.emplace_back(item.get_string());
    return stops.size() <= limits.max_stop_strings;
  };
  if (const auto* array = value->if_array()) {
    if (array->size() > limits.max_stop_strings) {
      return invalid_request("stop", "stop must be " + expected + ", not an array of " + std::to_string(array->size()) + ".");
    }
    for (const auto& item : *array) {
      if (!add(item)) return fields.wrong("stop", expected, item);
    }
  } else if (!add(*value)) {
    return fields.wrong("stop", expected, *value);
  }
  return stops;
}

ApiResult<std::vector<int32_t>> parse_stop_token_ids(FieldReader& fields, const RequestLimits& limits) {
  std::vector<int32_t> ids;
  ONDOL_TRY(const boost::json::array* array, fields.array("stop_token_ids"));
  if (array == nullptr) return ids;
  if (array->size() > limits.max_stop_token_ids) {
    return invalid_request("stop_token_ids", "stop_token_ids has " + std::to_string(array->size()) + " entries; at most " +
                                                 std::to_string(limits.max_stop_token_ids) + " are accepted.");
  }
  for (const auto& item : *array) {
    const int64_t* id = item.if_int64();
    if (id == nullptr || *id < 0 || *id > kMaxInt) return fields.wrong("stop_token_ids", "an array of token ids", item);
    ids.push_back(static_cast<int32_t>(*id));
  }
  return ids;
}

ApiResult<std::vector<LogitBias>> parse_logit_bias(FieldReader& fields, const RequestLimits& limits) {
  std::vector<LogitBias> biases;
  ONDOL_TRY(const boost::json::object* object, fields.object("logit_bias"));
  if (object == nullptr) return biases;
  if (object->size() > limits.max_logit_bias) {
    return invalid_request("logit_bias", "logit_bias has " + std::to_string(object->size()) + " entries; at most " +
                                             std::to_string(limits.max_logit_bias) + " are accepted.");
  }
  for (const auto& entry : *object) {
    const std::string_view key = entry.key();
    int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0) {
      return invalid_request("logit_bias", "logit_bias maps token ids to numbers; " + quoted(key, 40) + " is not a token id.");
    }
    if (!entry.value().is_number() || !(std::abs(entry.value().to_number<double>()) <= 100)) {
      return fields.wrong("logit_bias", "a map from token ids to numbers from -100 to 100", entry.value());
    }
    biases.push_back({id, entry.value().to_number<float>()});
  }
  return biases;
}

ApiResult<SamplingFields> parse_sampling(FieldReader& fields, const RequestLimits& limits) {
  SamplingFields sampling;
  ONDOL_TRY(sampling.temperature, fields.number("temperature", 0, 2));
  ONDOL_TRY(sampling.top_p, fields.number("top_p", 0, 1));
  ONDOL_TRY(sampling.min_p, fields.number("min_p", 0, 1));
  ONDOL_TRY(sampling.repetition_penalty, fields.number("repetition_penalty", 0.01, kMaxPenaltyFactor));
  ONDOL_TRY(sampling.presence_penalty, fields.number("presence_penalty", -2, 2));
  ONDOL_TRY(sampling.frequency_penalty, fields.number("frequency_penalty", -2, 2));
  ONDOL_TRY(sampling.top_k, fields.integer("top_k", -1, kMaxInt));
  ONDOL_TRY(sampling.seed, fields.integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
  ONDOL_TRY(sampling.logit_bias, parse_logit_bias(fields, limits));
  return sampling;
}

ApiResult<bool> parse_include_usage(FieldReader& fields, bool stream) {
  ONDOL_TRY(const boost::json::object* options, fields.object("stream_options"));
  if (options == nullptr) return false;
  if (!stream) return invalid_request("stream_options", "stream_options is only allowed when stream is true.");
  FieldReader reader(*options, "stream_options");
  ONDOL_TRY(const std::optional<bool> include, reader.boolean("include_usage"));
  return include.value_or(false);
}

}  // namespace

ApiResult<CommonRequest> parse_common(FieldReader& fields, const RequestLimits& limits, int64_t least_max_tokens) {
  CommonRequest request;
  ONDOL_TRY(std::optional<std::string> model, fields.string("model"));
  if (!model) return invalid_request("model", "model is missing: name the model that shall answer (GET /v1/models lists them).");
  request.model = std::move(*model);
  for (const char* name : kRefused) {
    const boost::json::value* value = fields.take(name);
    if (value != nullptr && !asks_for_nothing(*value)) {
      return unsupported(name, std::string(name) + " is not supported by this server; leave it out.");
    }
  }
  ONDOL_TRY(const std::optional<int64_t> n, fields.integer("n", 1, limits.max_answers));
  request.answers = static_cast<int>(n.value_or(1));
  ONDOL_TRY(const std::optional<int64_t> priority, fields.integer("priority", -kMaxPriority, kMaxPriority));
  request.priority = static_cast<int>(priority.value_or(0));
  ONDOL_TRY(const std::optional<double> timeout_s, fields.number("timeout", 0.001, kMaxTimeout_s));
  request.timeout_us = static_cast<int64_t>(timeout_s.value_or(0) * 1e6);
  ONDOL_TRY(const std::optional<bool> stream, fields.boolean("stream"));
  request.stream = stream.value_or(false);
  ONDOL_TRY(request.include_usage, parse_include_usage(fields, request.stream));
  ONDOL_TRY(request.sampling, parse_sampling(fields, limits));
  ONDOL_TRY(request.max_tokens, fields.integer("max_tokens", least_max_tokens, kMaxInt));
  ONDOL_TRY(request.stop, parse_stop(fields, limits));
  ONDOL_TRY(request.stop_token_ids, parse_stop_token_ids(fields, limits));
  ONDOL_TRY(const std::optional<bool> ignore_eos, fields.boolean("ignore_eos"));
  request.ignore_eos = ignore_eos.value_or(false);
  ONDOL_TRY(request.format, parse_output_format(fields));
  fields.skip("user");
  fields.skip("metadata");
  return request;
}

std::vector<std::string> header_names(const std::vector<std::string>& names) {
  constexpr size_t kMaxNames = 16, kMaxBytes = 64;
  const auto safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (out.size() == kMaxNames) break;
    if (!name.empty() && name.size() <= kMaxBytes && std::all_of(name.begin(), name.end(), safe)) out.push_back(name);
  }
  return out;
}

SamplingParams resolve_sampling(const SamplingFields& fields, const SamplingDefaults& defaults, int logprobs, uint64_t random_seed) {
  const auto pick = [](const std::optional<double>& asked, float model_default, float otherwise) {
    if (asked) return static_cast<float>(*asked);
    return model_default >= 0 ? model_default : otherwise;
  };
  SamplingParams params;
  params.temperature = pick(fields.temperature, defaults.temperature, 1);
  params.top_p = pick(fields.top_p, defaults.top_p, 1);
  params.min_p = pick(fields.min_p, defaults.min_p, 0);
  params.repetition_penalty = pick(fields.repetition_penalty, defaults.repetition_penalty, 1);
  params.presence_penalty = pick(fields.presence_penalty, -1, 0);
  params.frequency_penalty = pick(fields.frequency_penalty, -1, 0);
  params.top_k = static_cast<int>(std::max<int64_t>(fields.top_k.value_or(std::max(defaults.top_k, 0)), 0));
  params.logit_bias = fields.logit_bias;
  params.logprobs = logprobs;
  params.seed = fields.seed ? static_cast<uint64_t>(*fields.seed) : random_seed;
  if (params.top_p <= 0) {
    params.top_p = 1;
    params.temperature = 0;
  }
  return params;
}

}  // namespace ondol
