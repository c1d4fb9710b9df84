#include "twin/furiosa_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "twin/furiosa_form.h"
#include "twin/surface_json.h"

namespace ondol {
namespace json = boost::json;
namespace {

constexpr size_t kMaxPrompts = 256;  // of one request

std::unexpected<HttpResponse> detail(int status, std::string_view text) {
  return std::unexpected(uvicorn_response(status, detail_body(text)));
}

std::unexpected<HttpResponse> wrong(std::string_view message) { return std::unexpected(furiosa_error(400, message)); }

std::unexpected<HttpResponse> invalid(std::string_view schema, std::string_view field, std::string_view what, std::string_view type,
                                      const json::value& input) {
  return detail(400, fmt::format("1 validation error for {}\n{}\n  {} [type={}, input_value={}, input_type={}]\n    For further "
                                 "information visit https://errors.pydantic.dev/2.12/v/{}",
                                 schema, field, what, type, python_repr_cut(python_repr(input)), python_type(input), type));
}

// The value of a field, null if it is not there or null.
const json::value* given(const json::object& body, std::string_view field) {
  const json::value* value = body.if_contains(json::string_view(field.data(), field.size()));
  return value == nullptr || value->is_null() ? nullptr : value;
}

// Reads fields of one schema; remembers the first refusal.
class Fields {
 public:
  Fields(const json::object& body, std::string_view schema) : body_(body), schema_(schema) {}

  std::optional<int64_t> whole(std::string_view field) {
    const json::value* value = given(body_, field);
    const auto number = value == nullptr ? std::nullopt : json_whole(*value);
    if (value != nullptr && !number) refuse(field, "Input should be a valid integer", "int_type", *value);
    return number;
  }
  std::optional<double> number(std::string_view field) {
    const json::value* value = given(body_, field);
    const auto number = value == nullptr ? std::nullopt : json_number(*value);
    if (value != nullptr && !number) refuse(field, "Input should be a valid number", "float_type", *value);
    return number;
  }
  bool flag(std::string_view field) {
    const json::value* value = given(body_, field);
    if (value != nullptr && !value->is_bool()) refuse(field, "Input should be a valid boolean", "bool_type", *value);
    return value != nullptr && value->is_bool() && value->get_bool();
  }
  void must_have(std::string_view field) {
    if (given(body_, field) != nullptr) return;
    // The vendor's model fills this in before it looks for what is missing.
    json::object seen = body_;
    if (schema_ == "ChatCompletionRequest" && !seen.contains("tools")) seen["tool_choice"] = "none";
    refuse(field, "Field required", "missing", seen);
  }
  void refuse(std::string_view field, std::string_view what, std::string_view type, const json::value& input) {
    if (!refusal_) refusal_ = invalid(schema_, field, what, type, input).error();
  }
  const std::optional<HttpResponse>& refusal() const { return refusal_; }

 private:
  const json::object& body_;
  const std::string_view schema_;
  std::optional<HttpResponse> refusal_;
};

// Sampling and streaming, in all three kinds of request.
struct Common {
  std::optional<int64_t> n;
  std::optional<double> temperature;
  bool ignore_eos = false;
};
Common read_common(Fields& fields, const json::object& body, GenerationRequest& request) {
  request.stream = fields.flag("stream");
  request.return_ids = fields.flag("return_token_ids");
  if (const json::value* options = given(body, "stream_options"); options != nullptr && options->is_object()) {
    const json::value* usage = given(options->get_object(), "include_usage");
    request.include_usage = usage != nullptr && usage->is_bool() && usage->get_bool();
  }
  if (!read_stops(body, request)) fields.refuse("stop", "Input should be a valid string", "string_type", *given(body, "stop"));
  fields.whole("min_tokens");
  return {.n = fields.whole("n"), .temperature = fields.number("temperature"), .ignore_eos = fields.flag("ignore_eos")};
}

std::optional<HttpResponse> check_common(const Common& common) {
  if (common.n && *common.n > 1) {
    return furiosa_error(400, fmt::format("furiosa-llm currently does not support n > 1, got {}.", *common.n));
  }
  if (common.temperature && *common.temperature < 0) {
    return furiosa_error(400, fmt::format("temperature must be non-negative, got {}.", python_float(*common.temperature)));
  }
  return std::nullopt;
}

// The length of the answers, from what was asked for and what is left of the context.
FuriosaResult<GenerationRequest> with_length(GenerationRequest request, std::optional<int64_t> asked, bool ignore_eos,
                                             const FuriosaLimits& limits) {
  if (asked && *asked < 1) return wrong(fmt::format("max_tokens must be at least 1, got {}.", *asked));
  int64_t left = limits.max_model_len;
  for (const auto& prompt : request.prompts) {
    const auto tokens = static_cast<int64_t>(prompt.size());
    if (tokens == 0) return wrong("The prompt cannot be empty.");
    const int64_t wanted = asked.value_or(1);
    if (tokens + wanted > limits.max_model_len) {
      return wrong(
          fmt::format("This model's maximum context length is {} tokens, but the request totals {} tokens ({} input + {} "
                      "completion). Please reduce the input length or max_tokens.",
                      limits.max_model_len, tokens + wanted, tokens, wanted));
    }
    left = std::min(left, limits.max_model_len - tokens);
  }
  if (const std::string problem = stops_problem(request, asked.value_or(left)); !problem.empty()) return wrong(problem);
  set_answer_length({.asked = asked, .ignore_eos = ignore_eos, .left = left, .seed = limits.seed, .relayed = limits.relayed}, request);
  return request;
}

void set_question(const json::object& body, const json::array& messages, const FuriosaLimits& limits, GenerationRequest& request) {
  if (!limits.relayed) return;
  request.question = {.chat = true, .body = relay_sampling(body)};
  request.question.body["messages"] = messages;
}

// The items of /v1/responses as a chat has them.
json::array messages_of_items(const json::array& items) {
  json::array messages;
  for (const json::value& item : items) {
    const auto* object = item.if_object();
    const json::value* role = object == nullptr ? nullptr : object->if_contains("role");
    const json::value* content = object == nullptr ? nullptr : object->if_contains("content");
    if (role == nullptr || content == nullptr) continue;
    const std::string text = message_text(*content);
    messages.push_back(json::object{{"role", *role}, {"content", json::string(text.data(), text.size())}});
  }
  return messages;
}

std::optional<HttpResponse> check_tools(const json::object& body) {
  const json::value* tools = given(body, "tools");
  if (tools == nullptr || !tools->is_array() || tools->get_array().empty()) return std::nullopt;
  const json::value* choice = given(body, "tool_choice");
  const std::string name = choice == nullptr ? "auto" : choice->is_string() ? std::string(choice->get_string()) : "named";
  if (name == "none") return std::nullopt;
  if (name == "auto") {
    return furiosa_error(400, "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set");
  }
  return furiosa_error(400, fmt::format("tool_choice=\"{}\" requires --tool-call-parser to be set", name));
}

}  // namespace

FuriosaResult<json::object> furiosa_body(const HttpRequest& request) {
  if (!find_header(request.headers, "content-type").starts_with("application/json")) {
    return detail(415, "Content-Type must be application/json");
  }
  auto value = parse_json_body(request.body);
  if (!value) {
    const size_t at = value.error().at;
    const std::string_view before = std::string_view(request.body).substr(0, at);
    const auto line = static_cast<size_t>(std::ranges::count(before, '\n')) + 1;
    const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return detail(400, fmt::format("{}: line {} column {} (char {})",
                                   value.error().ended ? "unexpected end of data" : "unexpected character", line, at - line_start + 1, at));
  }
  if (!value->is_object()) return detail(400, "Input should be a valid dictionary");
  return std::move(value->get_object());
}

FuriosaResult<GenerationRequest> furiosa_chat_request(const json::object& body, const TwinTokenizer& tokenizer,
                                                      const FuriosaLimits& limits) {
  Fields fields(body, "ChatCompletionRequest");
  fields.must_have("messages");
  fields.must_have("model");
  const json::value* messages = given(body, "messages");
  if (messages != nullptr && !messages->is_array()) fields.refuse("messages", "Input should be a valid list", "list_type", *messages);
  GenerationRequest request;
  const Common common = read_common(fields, body, request);
  std::optional<int64_t> asked = fields.whole("max_completion_tokens");
  if (!asked) asked = fields.whole("max_tokens");
  if (fields.refusal()) return std::unexpected(*fields.refusal());
  if (auto refused = check_common(common)) return std::unexpected(std::move(*refused));
  if (auto refused = check_tools(body)) return std::unexpected(std::move(*refused));
  request.prompts.push_back(chat_prompt(messages->get_array(), tokenizer));
  set_question(body, messages->get_array(), limits, request);
  return with_length(std::move(request), asked, common.ignore_eos, limits);
}

FuriosaResult<GenerationRequest> furiosa_completion_request(const json::object& body, const TwinTokenizer& tokenizer,
                                                            const FuriosaLimits& limits) {
  constexpr int64_t kDefaultTokens = 16;
  Fields fields(body, "CompletionRequest");
  fields.must_have("model");
  fields.must_have("prompt");
  GenerationRequest request;
  const Common common = read_common(fields, body, request);
  const std::optional<int64_t> asked = fields.whole("max_tokens");
  if (fields.refusal()) return std::unexpected(*fields.refusal());
  if (auto refused = check_common(common)) return std::unexpected(std::move(*refused));
  request.prompts = completion_prompts(body.at("prompt"), tokenizer);
  if (request.prompts.empty()) fields.refuse("prompt", "Input should be a valid string", "string_type", body.at("prompt"));
  if (fields.refusal()) return std::unexpected(*fields.refusal());
  if (limits.relayed) request.question = {.chat = false, .body = relay_sampling(body)};
  if (request.prompts.size() > kMaxPrompts) return wrong(fmt::format("The twin takes at most {} prompts in a request.", kMaxPrompts));
  return with_length(std::move(request), asked.value_or(kDefaultTokens), common.ignore_eos, limits);
}

FuriosaResult<GenerationRequest> furiosa_response_request(const json::object& body, const TwinTokenizer& tokenizer,
                                                          const FuriosaLimits& limits) {
  Fields fields(body, "ResponsesRequest");
  fields.must_have("input");
  GenerationRequest request;
  const Common common = read_common(fields, body, request);
  const std::optional<int64_t> asked = fields.whole("max_output_tokens");
  const json::value* input = given(body, "input");
  if (input != nullptr && !input->is_string() && !input->is_array()) {
    fields.refuse("input", "Input should be a valid string", "string_type", *input);
  }
  if (fields.refusal()) return std::unexpected(*fields.refusal());
  if (auto refused = check_common(common)) return std::unexpected(std::move(*refused));
  json::array messages;
  if (const json::value* instructions = given(body, "instructions")) {
    messages.push_back(json::object{{"role", "system"}, {"content", *instructions}});
  }
  if (input->is_string()) {
    messages.push_back(json::object{{"role", "user"}, {"content", *input}});
  } else {
    for (const json::value& item : input->get_array()) messages.push_back(item);
  }
  request.prompts.push_back(chat_prompt(messages, tokenizer));
  set_question(body, messages_of_items(messages), limits, request);
  return with_length(std::move(request), asked, common.ignore_eos, limits);
}

}  // namespace ondol
