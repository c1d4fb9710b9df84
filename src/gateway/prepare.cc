#include "gateway/prepare.h"

#include <boost/json.hpp>
#include <utility>

#include "gateway/control_text.h"
#include "gateway/tool_prompt.h"

namespace ondol {
namespace {

namespace json = boost::json;

json::string token_or_empty(const Tokenizer& tokenizer, std::optional<int32_t> id) {
  return id ? json::string(tokenizer.token_name(*id)) : json::string();
}

// What templates of the Hugging Face kind may use; the request's own arguments cannot replace these.
json::object template_context(const ServedModel& served, const Tokenizer& tokenizer, const ChatRequest& request,
                              std::span<const std::string> names) {
  json::object context = request.template_arguments;
  json::array tools = request.tools.callable().empty() ? json::array() : request.tools.for_template();
  json::value messages = request.messages;
  shield(messages, names);
  if (served.chat_template->mentions("tools")) {
    context["messages"] = std::move(messages);
    context["tools"] = tools.empty() ? json::value(nullptr) : json::value(std::move(tools));
  } else {
    context["messages"] = with_tool_prompt(messages.as_array(), tools);
    context["tools"] = nullptr;
  }
  context["add_generation_prompt"] = true;
  context["bos_token"] = token_or_empty(tokenizer, tokenizer.bos());
  context["eos_token"] = token_or_empty(tokenizer, tokenizer.eos());
  return context;
}

// A model reasons if its prompt leaves the tags open, or does not close them and the tags have a token of their own.
AnswerSyntax answer_syntax(const Tokenizer& tokenizer, const ChatRequest& request, std::string_view prompt) {
  constexpr std::pair<const char*, const char*> kTags[] = {{"<think>", "</think>"}, {"<thought>", "</thought>"}};
  AnswerSyntax syntax;
  for (const Tool* tool : request.tools.callable()) syntax.tools.push_back(tool->name);
  syntax.parallel_calls = request.tools.parallel;
  const std::string_view end = prompt.substr(0, prompt.find_last_not_of(" \n") + 1);
  for (const auto& [open, close] : kTags) {
    if (end.ends_with(close)) break;
    syntax.starts_in_reasoning = end.ends_with(open);
    syntax.reasoning = syntax.starts_in_reasoning || tokenizer.find(open).has_value();
    if (!syntax.reasoning) continue;
    syntax.open_reasoning = open;
    syntax.close_reasoning = close;
    break;
  }
  return syntax;
}

ApiResult<void> check_vocabulary(const Tokenizer& tokenizer, const CommonRequest& common) {
  const int32_t vocab = tokenizer.vocab_size();
  const auto outside = [&](std::string field, int32_t id) {
    std::string message = field + ": token id " + std::to_string(id) + " is not in the vocabulary of " + std::to_string(vocab) + " tokens.";
    return invalid_request(std::move(field), std::move(message));
  };
  for (const LogitBias& bias : common.sampling.logit_bias) {
    if (bias.token >= vocab) return outside("logit_bias", bias.token);
  }
  for (const int32_t id : common.stop_token_ids) {
    if (id >= vocab) return outside("stop_token_ids", id);
  }
  return {};
}

ApiResult<void> check_length(size_t prompt_tokens, int max_context, const char* field) {
  if (prompt_tokens == 0)
    return invalid_request(field, std::string(field) + " is empty: the model needs at least one token to start from.");
  if (prompt_tokens < static_cast<size_t>(max_context)) return {};
  return invalid_request(field,
                         "This model's context is " + std::to_string(max_context) + " tokens, and the prompt has " +
                             std::to_string(prompt_tokens) + "; it must leave room for at least one token of answer.",
                         "context_length_exceeded");
}

// Everything but the prompt. An answer that would pass the end of the context ends there, with finish_reason "length".
GenerateRequest with_options(const ServedModel& served, const CommonRequest& common, std::vector<int32_t> prompt, uint64_t random_seed) {
  GenerateRequest out;
  const int64_t room = served.engine->max_context() - static_cast<int64_t>(prompt.size());
  out.prompt = std::move(prompt);
  out.max_tokens = static_cast<int>(std::min(common.max_tokens.value_or(room), room));
  out.sampling = resolve_sampling(common.sampling, served.model->sampling_defaults(), common.logprobs, random_seed);
  if (!common.ignore_eos) out.stop_tokens = served.model->stop_tokens();
  out.stop_tokens.insert(out.stop_tokens.end(), common.stop_token_ids.begin(), common.stop_token_ids.end());
  out.priority = common.priority;
  out.timeout_us = common.timeout_us;
  return out;
}

}  // namespace

ApiResult<const Tokenizer*> tokenizer_of(const ServedModel& served) {
  if (const Tokenizer* tokenizer = served.model->tokenizer(); tokenizer != nullptr) return tokenizer;
  return std::unexpected(to_api_error({Code::kFailedPrecondition, "This model has no tokenizer: " + served.model->tokenizer_error()}));
}

namespace {

ApiError about_field(const Error& error, const char* field) {
  ApiError out = to_api_error(error);
  out.param = field;
  out.code.clear();
  // A template that reaches its limits does so for this request; a retry would not help, as 429 promises.
  if (error.code == Code::kResourceExhausted || error.code == Code::kUnimplemented) {
    out = invalid_request(field, error.message).error();
  }
  return out;
}

}  // namespace

ApiResult<std::vector<int32_t>> encode_text(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options,
                                            const char* field) {
  Result<std::vector<int32_t>> ids = encode_shielded(tokenizer, text, options);
  if (!ids) return std::unexpected(about_field(ids.error(), field));
  return std::move(*ids);
}

ApiResult<ChatPrompt> chat_prompt(const ServedModel& served, const ChatRequest& request, std::span<const std::string> names,
                                  int64_t now_unix_s) {
  ONDOL_TRY(const Tokenizer* tokenizer, tokenizer_of(served));
  if (served.chat_template == nullptr) {
    return invalid_request("model", "The model " + quoted(served.name) +
                                        " has no chat template that this server can read; use /v1/completions with a plain prompt.");
  }
  Result<std::string> text = served.chat_template->render(template_context(served, *tokenizer, request, names), now_unix_s);
  if (!text) {
    ApiError error = about_field(text.error(), "messages");
    error.message = "The model's chat template does not take these messages: " + error.message;
    return std::unexpected(std::move(error));
  }
  ChatPrompt prompt;
  // The template writes the special tokens itself.
  ONDOL_TRY(prompt.tokens, encode_text(*tokenizer, *text, {.add_special = false, .parse_special = true}, "messages"));
  prompt.text = std::move(*text);
  return prompt;
}

ApiResult<PreparedChat> prepare_chat(const ServedModel& served, const ChatRequest& request, std::span<const std::string> names,
                                     int64_t now_unix_s, uint64_t random_seed) {
  ONDOL_TRY(const Tokenizer* tokenizer, tokenizer_of(served));
  ONDOL_TRY_STATUS(check_vocabulary(*tokenizer, request.common));
  ONDOL_TRY(ChatPrompt prompt, chat_prompt(served, request, names, now_unix_s));
  ONDOL_TRY_STATUS(check_length(prompt.tokens.size(), served.engine->max_context(), "messages"));
  PreparedChat out;
  out.syntax = answer_syntax(*tokenizer, request, prompt.text);
  out.generate = with_options(served, request.common, std::move(prompt.tokens), random_seed);
  if (!request.prediction.empty()) {
    ONDOL_TRY(out.generate.prediction,
              encode_text(*tokenizer, request.prediction, {.add_special = false, .parse_special = false}, "prediction"));
  }
  return out;
}

ApiResult<GenerateRequest> prepare_completion(const ServedModel& served, const CompletionRequest& request, uint64_t random_seed) {
  ONDOL_TRY(const Tokenizer* tokenizer, tokenizer_of(served));
  ONDOL_TRY_STATUS(check_vocabulary(*tokenizer, request.common));
  std::vector<int32_t> prompt = request.prompt.ids;
  if (request.prompt.is_text) {
    ONDOL_TRY(prompt, encode_text(*tokenizer, request.prompt.text, {}, "prompt"));
  }
  for (const int32_t id : prompt) {
    if (id < tokenizer->vocab_size()) continue;
    return invalid_request("prompt", "prompt: token id " + std::to_string(id) + " is not in the vocabulary of " +
                                         std::to_string(tokenizer->vocab_size()) + " tokens.");
  }
  ONDOL_TRY_STATUS(check_length(prompt.size(), served.engine->max_context(), "prompt"));
  GenerateRequest out = with_options(served, request.common, std::move(prompt), random_seed);
  out.prompt_only = request.common.max_tokens == 0;
  if (request.echo) out.prompt_logprobs = request.common.logprobs;
  return out;
}

}  // namespace ondol
