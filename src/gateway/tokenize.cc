#include "gateway/tokenize.h"

#include <boost/json.hpp>

#include "gateway/chat_request.h"
#include "endpoint/field_reader.h"
#include "gateway/prepare.h"
#include "gateway/response_format.h"
#include "model/tokenizer.h"

namespace ondol {
namespace {

namespace json = boost::json;

ApiResult<const json::object*> object_of(const json::value& body) {
  if (const json::object* object = body.if_object()) return object;
  return invalid_request("", "The body must be a JSON object, not " + describe_json(body) + ".", "invalid_type");
}

ApiResult<std::vector<int32_t>> tokens_of(const ServedModel& served, FieldReader& fields, const json::value& body,
                                          std::span<const std::string> names, int64_t now_unix_s) {
  ONDOL_TRY(const Tokenizer* tokenizer, tokenizer_of(served));
  ONDOL_TRY(const std::optional<std::string> prompt, fields.string("prompt"));
  ONDOL_TRY(const std::optional<bool> special, fields.boolean("add_special_tokens"));
  if (!prompt) {
    ONDOL_TRY(const ChatRequest request, parse_chat_request(body));
    ONDOL_TRY(ChatPrompt chat, chat_prompt(served, request, names, now_unix_s));
    return std::move(chat.tokens);
  }
  return encode_text(*tokenizer, *prompt, {.add_special = special.value_or(true), .parse_special = true}, "prompt");
}

}  // namespace

ApiResult<std::string> model_of(const json::value& body) {
  ONDOL_TRY(const json::object* object, object_of(body));
  ONDOL_TRY(std::optional<std::string> model, FieldReader(*object).string("model"));
  if (!model) return invalid_request("model", "model is missing: name one of GET /v1/models.");
  return std::move(*model);
}

ApiResult<json::value> tokenize_body(const ServedModel& served, const json::value& body, std::span<const std::string> names,
                                     int64_t now_unix_s) {
  ONDOL_TRY(const json::object* object, object_of(body));
  FieldReader fields(*object);
  ONDOL_TRY(const std::optional<bool> strings, fields.boolean("return_token_strs"));
  ONDOL_TRY(const std::vector<int32_t> tokens, tokens_of(served, fields, body, names, now_unix_s));
  json::object out;
  out["count"] = tokens.size();
  out["max_model_len"] = served.engine->max_context();
  out["tokens"] = json::array(tokens.begin(), tokens.end());
  out["token_strs"] = nullptr;
  if (strings.value_or(false)) {
    json::array texts;
    for (const int32_t token : tokens) texts.emplace_back(to_valid_utf8(token_text_bytes(*served.model->tokenizer(), token)));
    out["token_strs"] = std::move(texts);
  }
  return out;
}

ApiResult<json::value> detokenize_body(const ServedModel& served, const json::value& body) {
  ONDOL_TRY(const json::object* object, object_of(body));
  ONDOL_TRY(const Tokenizer* tokenizer, tokenizer_of(served));
  FieldReader fields(*object);
  ONDOL_TRY(const json::array* array, fields.array("tokens"));
  if (array == nullptr) return invalid_request("tokens", "tokens is missing: an array of token ids.");
  std::vector<int32_t> tokens;
  tokens.reserve(array->size());
  for (const json::value& item : *array) {
    const int64_t* id = item.if_int64();
    if (id == nullptr || *id < 0 || *id >= tokenizer->vocab_size()) {
      return invalid_request("tokens", "tokens: " + describe_json(item) + " is not a token id; the vocabulary has " +
                                           std::to_string(tokenizer->vocab_size()) + ".");
    }
    tokens.push_back(static_cast<int32_t>(*id));
  }
  return json::object{{"prompt", tokenizer->decode(tokens, true)}};
}

}  // namespace ondol
