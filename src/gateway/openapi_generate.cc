// The two paths that generate text, and what their bodies share.
#include <boost/json.hpp>
#include <utility>

#include "gateway/openapi.h"
#include "gateway/openapi_schema.h"
#include "gateway/request_common.h"
#include "gateway/tool_request.h"

namespace ondol::openapi {
namespace {

namespace json = boost::json;

constexpr RequestLimits kLimits;

Schema token_ids(size_t min_items, size_t max_items) {
  return array(integer(0, kMaxInt32), static_cast<int64_t>(min_items), static_cast<int64_t>(max_items));
}

Schema stop_schema() {
  const Schema one = text(1, static_cast<int64_t>(kLimits.max_stop_bytes));
  return nullable(any_of({one, array(one, 0, static_cast<int64_t>(kLimits.max_stop_strings))}));
}

Schema logit_bias_schema() {
  Schema out{{"type", "object"}, {"maxProperties", kLimits.max_logit_bias}, {"additionalProperties", number(-100, 100)}};
  out["propertyNames"] = Schema{{"pattern", "^[0-9]{1,9}$"}};
  return nullable(std::move(out));
}

Schema part_schema() {
  Schema properties{{"type", word({"text"})}, {"text", text()}};
  return object(std::move(properties), {"type", "text"});
}

Schema message_schema(Schema role, bool content_needed) {
  Schema content = any_of({text(), array(part_schema())});
  Schema properties{{"role", std::move(role)}, {"name", nullable(text())}, {"tool_call_id", nullable(text())}};
  properties["content"] = content_needed ? std::move(content) : nullable(std::move(content));
  properties["reasoning_content"] = nullable(text("What the model thought, given back."));
  properties["tool_calls"] = nullable(array(object({}, {})));
  if (content_needed) return object(std::move(properties), {"role", "content"});
  return object(std::move(properties), {"role"});
}

Schema tool_schema() {
  Schema function{
      {"name", text(1, 64)}, {"description", nullable(text())}, {"parameters", nullable(object({}, {}))}, {"strict", nullable(boolean())}};
  Schema properties{{"type", word({"function"})}, {"function", object(std::move(function), {"name"})}};
  return object(std::move(properties), {"type", "function"});
}

void add_tool_fields(Schema& properties) {
  properties["tools"] = nullable(array(tool_schema(), 0, static_cast<int64_t>(kMaxTools)));
  properties["tool_choice"] = nullable(any_of({word({"none", "auto", "required"}), object({}, {"type"})}));
  properties["parallel_tool_calls"] = nullable(boolean());
  Schema prediction{{"type", word({"content"})}, {"content", any_of({text(), array(object({}, {"text"}))})}};
  properties["prediction"] = nullable(object(std::move(prediction), {"type", "content"}));
}

// Known, and refused with 400 unless they ask for nothing.
void add_refused_chat_fields(Schema& properties) {
  properties["functions"] = nullable(array(Schema(), 0, 0));
  properties["function_call"] = nullable(word({"none", "auto"}));
  properties["audio"] = Schema{{"type", "null"}};
  properties["modalities"] = nullable(array(word({"text"}), 1, 1));
}

Schema chat_request_schema() {
  Schema properties;
  add_generation_fields(properties);
  properties["messages"] = array(ref("Message"), 1, static_cast<int64_t>(kLimits.max_messages));
  properties["max_completion_tokens"] = nullable(integer(1, kMaxInt32, "As max_tokens, and goes before it."));
  properties["logprobs"] = nullable(boolean("Give the log-probability of each token."));
  properties["top_logprobs"] = nullable(integer(0, 20, "And of so many other candidates; needs logprobs."));
  properties["chat_template_kwargs"] = nullable(object({}, {}));
  properties["enable_thinking"] = nullable(boolean("For templates that know it."));
  add_tool_fields(properties);
  add_refused_chat_fields(properties);
  return object(std::move(properties), {"model", "messages"});
}

Schema completion_request_schema() {
  Schema properties;
  add_generation_fields(properties);
  properties["prompt"] =
      any_of({text(1, 1 << 25), array(text(1, 1 << 25), 1, 1), token_ids(1, 1 << 24), array(token_ids(1, 1 << 24), 1, 1)});
  properties["logprobs"] = nullable(integer(0, 5, "Give the log-probabilities of each token and so many other candidates."));
  properties["echo"] = nullable(boolean("Begin the answer with the prompt; with logprobs, with those of its tokens."));
  properties["max_tokens"] = nullable(integer(0, kMaxInt32, "0: no answer, as for the log-probabilities of the prompt alone."));
  properties["suffix"] = nullable(text(0, 0));
  return object(std::move(properties), {"model", "prompt"});
}

Schema usage_schema() {
  Schema details{{"cached_tokens", integer(0, kMaxInt32)}};
  Schema properties;
  for (const char* name : {"prompt_tokens", "completion_tokens", "total_tokens"}) properties[name] = integer(0, kMaxInt32);
  properties["prompt_tokens_details"] = object(std::move(details), {"cached_tokens"});
  return object(std::move(properties), {"prompt_tokens", "completion_tokens", "total_tokens"});
}

Schema answer_schema(std::string_view kind, Schema choice_properties, std::initializer_list<std::string_view> required) {
  choice_properties["index"] = integer(0, kMaxInt32);
  choice_properties["finish_reason"] = nullable(word({"stop", "length", "tool_calls"}));
  choice_properties["logprobs"] = nullable(object({}, {}));
  Schema properties{{"id", text()}, {"object", word({kind})}, {"created", integer(0, INT64_MAX)}, {"model", text()}};
  properties["system_fingerprint"] = text("Changes when the same seed may give another answer.");
  properties["choices"] = array(object(std::move(choice_properties), required), 1, kLimits.max_answers);
  properties["usage"] = ref("Usage");
  return object(std::move(properties), {"id", "object", "created", "model", "choices", "usage"});
}

json::object whole_or_streamed(std::string_view schema) {
  json::object content = json_content(ref(schema));
  content["text/event-stream"] =
      json::object{{"schema", json::object{{"description", "With stream: chunks as server-sent events, then [DONE]."}}}};
  return content;
}

}  // namespace

void add_generation_fields(Schema& properties) {
  properties["model"] = text("One of GET /v1/models.");
  properties["stream"] = nullable(boolean("Send the answer in pieces as it is made."));
  properties["stream_options"] = nullable(object(Schema{{"include_usage", nullable(boolean())}}, {}));
  properties["n"] = nullable(integer(1, kLimits.max_answers, "So many answers; they share the reading of the prompt."));
  properties["max_tokens"] = nullable(integer(1, kMaxInt32));
  properties["temperature"] = nullable(number(0, 2, "0: always the likeliest token."));
  properties["top_p"] = nullable(number(0, 1));
  properties["min_p"] = nullable(number(0, 1));
  properties["top_k"] = nullable(integer(-1, kMaxInt32, "0 or less: all tokens."));
  properties["repetition_penalty"] = nullable(number(0.01, 100));
  properties["presence_penalty"] = nullable(number(-2, 2));
  properties["frequency_penalty"] = nullable(number(-2, 2));
  properties["seed"] = nullable(integer(INT64_MIN, INT64_MAX, "The same seed gives the same answer."));
  properties["logit_bias"] = logit_bias_schema();
  properties["stop"] = stop_schema();
  properties["stop_token_ids"] = nullable(token_ids(0, kLimits.max_stop_token_ids));
  properties["ignore_eos"] = nullable(boolean("Go on after the token that ends an answer."));
  properties["priority"] = nullable(integer(-1'000'000, 1'000'000, "Lower is more urgent."));
  properties["timeout"] = nullable(number(0.001, 86400, "Seconds after which the request ends with an error."));
  properties["response_format"] = nullable(object({}, {"type"}));
  properties["user"] = nullable(text());
  properties["metadata"] = nullable(object({}, {}));
}

void add_chat_path(json::object& paths, json::object& schemas) {
  schemas["Message"] =
      any_of({message_schema(word({"system", "developer", "user", "tool"}), true), message_schema(word({"assistant"}), false)});
  schemas["Usage"] = usage_schema();
  schemas["ChatRequest"] = chat_request_schema();
  Schema message{{"role", word({"assistant"})}, {"content", nullable(text())}, {"refusal", nullable(text())}};
  Schema choice{{"message", object(std::move(message), {"role", "content"})}};
  schemas["ChatAnswer"] = answer_schema("chat.completion", std::move(choice), {"index", "message", "finish_reason"});
  paths["/v1/chat/completions"] = json::object{{"post", operation("createChatCompletion", "The next message of a conversation",
                                                                  ref("ChatRequest"), whole_or_streamed("ChatAnswer"))}};
}

void add_completion_path(json::object& paths, json::object& schemas) {
  schemas["CompletionRequest"] = completion_request_schema();
  schemas["CompletionAnswer"] = answer_schema("text_completion", Schema{{"text", text()}}, {"index", "text", "finish_reason"});
  paths["/v1/completions"] = json::object{
      {"post", operation("createCompletion", "How a text goes on", ref("CompletionRequest"), whole_or_streamed("CompletionAnswer"))}};
}

}  // namespace ondol::openapi
