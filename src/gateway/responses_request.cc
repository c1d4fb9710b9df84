#include "gateway/responses_request.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <limits>
#include <optional>
#include <span>

#include "endpoint/field_reader.h"
#include "gateway/responses_tools.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxTopLogprobs = 20;
constexpr size_t kMaxMetadata = 16, kMaxMetadataKey = 64, kMaxMetadataValue = 512;

// The chat parser checks these: OpenAI's Responses API has no such fields, Open Responses or this server's chat completions have.
constexpr const char* kPassed[] = {"presence_penalty",
                                   "frequency_penalty",
                                   "top_k",
                                   "min_p",
                                   "repetition_penalty",
                                   "seed",
                                   "logit_bias",
                                   "stop",
                                   "ignore_eos",
                                   "stop_token_ids",
                                   "enable_thinking",
                                   "chat_template_kwargs"};

constexpr std::string_view kLogprobs = "message.output_text.logprobs";
constexpr std::string_view kEncrypted = "reasoning.encrypted_content";
// For tools that do not exist here, so that there is never anything to include.
constexpr std::string_view kEmptyIncludes[] = {"file_search_call.results",
                                               "web_search_call.results",
                                               "web_search_call.action.sources",
                                               "message.input_image.image_url",
                                               "computer_call_output.output.image_url",
                                               "code_interpreter_call.outputs"};

size_t count_chars(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

ApiResult<std::optional<std::string>> one_of(FieldReader& fields, std::string_view name, std::span<const std::string_view> values) {
  ONDOL_TRY(const std::optional<std::string> text, fields.string(name));
  if (!text || std::find(values.begin(), values.end(), *text) != values.end()) return text;
  std::string names;
  for (size_t i = 0; i < values.size(); ++i) names += (i == 0 ? "" : i + 1 == values.size() ? " or " : ", ") + std::string(values[i]);
  return invalid_request(fields.path(name), fields.path(name) + " must be " + names + ", not " + quoted(*text, 40) + ".");
}

class RequestParser {
 public:
  RequestParser(const json::object& body, const RequestLimits& limits) : fields_(body), limits_(limits) {}

  ApiResult<ResponsesRequest> parse(ResponsesStore& store, std::string_view owner, IdSource& ids) {
    ONDOL_TRY_STATUS(refuse());
    ONDOL_TRY_STATUS(basics());
    ONDOL_TRY_STATUS(parse_responses_tools(fields_, request_.chat, request_.echo));
    ONDOL_TRY_STATUS(parse_responses_text(fields_, request_.chat, request_.echo));
    if (request_.echo.at("text").at("verbosity") != "medium") ignored_.push_back("text.verbosity");
    ONDOL_TRY_STATUS(reasoning());
    ONDOL_TRY_STATUS(include());
    ONDOL_TRY_STATUS(metadata());
    ONDOL_TRY_STATUS(without_effect());
    ONDOL_TRY_STATUS(conversation(store, owner, ids));
    for (const char* name : kPassed) {
      if (const json::value* value = fields_.take(name); value != nullptr) request_.chat[name] = *value;
    }
    for (std::string& name : fields_.unknown()) ignored_.push_back(std::move(name));
    request_.ignored = header_names(ignored_);
    return std::move(request_);
  }

 private:
  // What would change the answer's form if it were ignored.
  ApiResult<void> refuse() {
    ONDOL_TRY(const std::optional<bool> background, fields_.boolean("background"));
    if (background.value_or(false)) {
      return unsupported("background", "background is not supported by this server; leave it out and use stream for long answers.");
    }
    request_.echo["background"] = false;
    for (const char* name : {"conversation", "prompt"}) {
      if (fields_.take(name) == nullptr) continue;
      return unsupported(name, std::string(name) + " is not supported by this server; send input, and previous_response_id to continue.");
    }
    return {};
  }

  ApiResult<void> basics() {
    json::object& chat = request_.chat;
    json::object& echo = request_.echo;
    ONDOL_TRY(const std::optional<std::string> model, fields_.string("model"));
    if (!model) return invalid_request("model", "model is missing: name the model that shall answer (GET /v1/models lists them).");
    chat["model"] = *model;
    ONDOL_TRY(const std::optional<bool> stream, fields_.boolean("stream"));
    chat["stream"] = stream.value_or(false);
    ONDOL_TRY(const std::optional<bool> store, fields_.boolean("store"));
    request_.store = store.value_or(true);
    echo["store"] = request_.store;
    ONDOL_TRY(const std::optional<int64_t> max_tokens, fields_.integer("max_output_tokens", 1, kMaxInt));
    if (max_tokens) chat["max_completion_tokens"] = *max_tokens;
    echo["max_output_tokens"] = max_tokens ? json::value(*max_tokens) : json::value(nullptr);
    // Bounds calls of built-in tools, of which there are none.
    ONDOL_TRY(const std::optional<int64_t> max_calls, fields_.integer("max_tool_calls", 1, kMaxInt));
    echo["max_tool_calls"] = max_calls ? json::value(*max_calls) : json::value(nullptr);
    ONDOL_TRY(const std::optional<double> temperature, fields_.number("temperature", 0, 2));
    if (temperature) chat["temperature"] = *temperature;
    ONDOL_TRY(const std::optional<double> top_p, fields_.number("top_p", 0, 1));
    if (top_p) chat["top_p"] = *top_p;
    return {};
  }

  ApiResult<void> reasoning() {
    constexpr std::array<std::string_view, 7> kEfforts = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    constexpr std::array<std::string_view, 3> kSummaries = {"auto", "concise", "detailed"};
    json::object echo;
    echo["effort"] = nullptr;
    echo["summary"] = nullptr;
    ONDOL_TRY(const json::object* object, fields_.object("reasoning"));
    if (object != nullptr) {
      FieldReader reader(*object, "reasoning");
      ONDOL_TRY(const std::optional<std::string> effort, one_of(reader, "effort", kEfforts));
      ONDOL_TRY(const std::optional<std::string> summary, one_of(reader, "summary", kSummaries));
      if (effort) {
        echo["effort"] = *effort;
        request_.chat["reasoning_effort"] = *effort == "max" ? "xhigh" : *effort;  // the most that chat completions know
      }
      if (summary) {
        echo["summary"] = *summary;
        ignored_.push_back("reasoning.summary");  // the reasoning itself is in the answer
      }
      for (const std::string& name : reader.unknown()) ignored_.push_back("reasoning." + name);
    }
    request_.echo["reasoning"] = std::move(echo);
    return {};
  }

  ApiResult<void> include() {
    ONDOL_TRY(const json::array* names, fields_.array("include"));
    ONDOL_TRY(const std::optional<int64_t> top, fields_.integer("top_logprobs", 0, kMaxTopLogprobs));
    bool logprobs = top.value_or(0) > 0;
    for (const json::value& name : names == nullptr ? json::array() : *names) {
      const std::string_view text = name.is_string() ? std::string_view(name.get_string()) : std::string_view();
      if (text == kLogprobs) {
        logprobs = true;
      } else if (text == kEncrypted) {
        ignored_.push_back("include." + std::string(kEncrypted));  // the reasoning is there in plain text
      } else if (std::find(std::begin(kEmptyIncludes), std::end(kEmptyIncludes), text) == std::end(kEmptyIncludes)) {
        return fields_.wrong("include", "an array of names that OpenAI knows, such as message.output_text.logprobs", name);
      }
    }
    if (logprobs) {
      request_.chat["logprobs"] = true;
      request_.chat["top_logprobs"] = top.value_or(0);
    }
    request_.echo["top_logprobs"] = top.value_or(0);
    return {};
  }

  ApiResult<void> metadata() {
    ONDOL_TRY(const json::object* object, fields_.object("metadata"));
    if (object != nullptr) {
      if (object->size() > kMaxMetadata) {
        return invalid_request("metadata", "metadata has " + std::to_string(object->size()) + " pairs; at most 16 are accepted.");
      }
      for (const auto& pair : *object) {
        const auto* text = pair.value().if_string();
        if (text == nullptr) return fields_.wrong("metadata", "a map from strings to strings", pair.value());
        if (count_chars(pair.key()) > kMaxMetadataKey || count_chars(*text) > kMaxMetadataValue) {
          return invalid_request("metadata", "metadata takes keys of at most 64 characters and values of at most 512; " +
                                                 quoted(pair.key(), 70) + " is longer.");
        }
      }
    }
    request_.echo["metadata"] = object == nullptr ? json::object() : *object;
    return {};
  }

  // Repeated in the response; the answer does not depend on them.
  ApiResult<void> without_effect() {
    constexpr std::array<std::string_view, 2> kTruncations = {"auto", "disabled"};
    for (const char* name : {"prompt_cache_key", "safety_identifier", "user"}) {
      ONDOL_TRY(const std::optional<std::string> text, fields_.string(name));
      request_.echo[name] = text ? json::value(json::string(*text)) : json::value(nullptr);
    }
    ONDOL_TRY(const std::optional<std::string> tier, fields_.string("service_tier"));
    if (tier && *tier != "auto" && *tier != "default") ignored_.push_back("service_tier");
    request_.echo["service_tier"] = "default";
    ONDOL_TRY(const std::optional<std::string> truncation, one_of(fields_, "truncation", kTruncations));
    if (truncation == "auto") ignored_.push_back("truncation");
    request_.echo["truncation"] = "disabled";
    ONDOL_TRY(const json::object* options, fields_.object("stream_options"));
    if (options != nullptr && options->contains("include_obfuscation") && options->at("include_obfuscation") == true) {
      ignored_.push_back("stream_options.include_obfuscation");
    }
    return {};
  }

  ApiResult<void> conversation(ResponsesStore& store, std::string_view owner, IdSource& ids) {
    ONDOL_TRY(const std::optional<std::string> instructions, fields_.string("instructions"));
    request_.echo["instructions"] = instructions ? json::value(json::string(*instructions)) : json::value(nullptr);
    ONDOL_TRY(const std::optional<std::string> previous, fields_.string("previous_response_id"));
    request_.echo["previous_response_id"] = previous ? json::value(json::string(*previous)) : json::value(nullptr);
    if (previous) {
      ONDOL_TRY(request_.items, store.conversation(owner, *previous));
    }
    ONDOL_TRY_STATUS(input(store, owner, ids));
    if (request_.items.empty()) return invalid_request("input", "input is missing: a string, or an array of at least one item.");
    if (request_.items.size() > limits_.max_messages) {
      return invalid_request("input", "The conversation has " + std::to_string(request_.items.size()) + " items; at most " +
                                          std::to_string(limits_.max_messages) + " are accepted.");
    }
    ONDOL_TRY(request_.chat["messages"], chat_messages(instructions.value_or(""), request_.items));
    return {};
  }

  ApiResult<void> input(ResponsesStore& store, std::string_view owner, IdSource& ids) {
    const json::value* input = fields_.take("input");
    if (input == nullptr) return {};
    if (const auto* text = input->if_string()) {
      request_.items.push_back(std::make_shared<const json::object>(user_message(*text, ids)));
      return {};
    }
    const json::array* array = input->if_array();
    if (array == nullptr) return fields_.wrong("input", "a string or an array of items", *input);
    if (array->size() > limits_.max_messages) {
      return invalid_request("input", "input has " + std::to_string(array->size()) + " items; at most " +
                                          std::to_string(limits_.max_messages) + " are accepted.");
    }
    for (size_t i = 0; i < array->size(); ++i) {
      const std::string path = "input[" + std::to_string(i) + "]";
      if (const json::string* id = referenced_item((*array)[i]); id != nullptr) {
        ConversationItem item = store.item(owner, *id);
        if (item == nullptr) {
          return std::unexpected(not_found("Item with id " + quoted(*id) +
                                               " not found. Items of responses with store: false, and of old "
                                               "ones, are not kept: send the item itself.",
                                           path, "item_not_found"));
        }
        request_.items.push_back(std::move(item));
        continue;
      }
      ONDOL_TRY(json::object item, parse_item((*array)[i], path, ids));
      request_.items.push_back(std::make_shared<const json::object>(std::move(item)));
    }
    return {};
  }

  FieldReader fields_;
  RequestLimits limits_;
  ResponsesRequest request_;
  std::vector<std::string> ignored_;
};

}  // namespace

ApiResult<ResponsesRequest> parse_responses_request(const json::value& body, ResponsesStore& store, std::string_view owner, IdSource& ids,
                                                    const RequestLimits& limits) {
  const json::object* object = body.if_object();
  if (object == nullptr) return invalid_request("", "The body must be a JSON object, not " + describe_json(body) + ".", "invalid_type");
  return RequestParser(*object, limits).parse(store, owner, ids);
}

ApiError responses_error(ApiError error) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"max_completion_tokens", "max_output_tokens"},
                                                                      {"response_format", "text.format"},
                                                                      {"messages", "input"},
                                                                      {"reasoning_effort", "reasoning.effort"}};
  for (const auto& [chat, here] : kNames) {
    if (error.param == chat || error.param.starts_with(std::string(chat) + ".") || error.param.starts_with(std::string(chat) + "[")) {
      // Of messages only the field: its indices are not those of the input.
      error.param = chat == "messages" ? std::string(here) : std::string(here) + error.param.substr(chat.size());
    }
  }
  return error;
}

}  // namespace ondol
