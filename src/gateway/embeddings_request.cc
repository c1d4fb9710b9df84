#include "gateway/embeddings_request.h"

#include <boost/json.hpp>
#include <limits>

#include "gateway/request_common.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kExpected = "a string, an array of strings, an array of token ids, or an array of arrays of token ids";

ApiResult<EmbeddingInput> ids_input(FieldReader& fields, const json::array& array) {
  EmbeddingInput input;
  input.is_text = false;
  input.ids.reserve(array.size());
  for (const json::value& item : array) {
    const int64_t* id = item.if_int64();
    if (id == nullptr || *id < 0 || *id > std::numeric_limits<int32_t>::max()) return fields.wrong("input", kExpected, item);
    input.ids.push_back(static_cast<int32_t>(*id));
  }
  return input;
}

EmbeddingInput text_input(const json::string& text) {
  EmbeddingInput input;
  input.text = text;
  return input;
}

ApiResult<std::vector<EmbeddingInput>> parse_inputs(FieldReader& fields) {
  std::vector<EmbeddingInput> inputs;
  const json::value* value = fields.take("input");
  if (value == nullptr) return invalid_request("input", "input is missing: " + std::string(kExpected) + ".");
  if (const json::string* text = value->if_string()) {
    inputs.push_back(text_input(*text));
    return inputs;
  }
  const json::array* array = value->if_array();
  if (array == nullptr) return fields.wrong("input", kExpected, *value);
  if (array->empty()) return invalid_request("input", "input is an empty array.");
  if (array->front().is_number()) {
    ONDOL_TRY(EmbeddingInput input, ids_input(fields, *array));
    inputs.push_back(std::move(input));
    return inputs;
  }
  if (array->size() > kMaxEmbeddingInputs) {
    return invalid_request("input", "input has " + std::to_string(array->size()) + " entries; at most " +
                                        std::to_string(kMaxEmbeddingInputs) + " are accepted.");
  }
  const bool texts = array->front().is_string();
  for (const json::value& item : *array) {
    if (texts ? !item.is_string() : !item.is_array()) return fields.wrong("input", kExpected, item);
    if (texts) {
      inputs.push_back(text_input(item.get_string()));
      continue;
    }
    ONDOL_TRY(EmbeddingInput input, ids_input(fields, item.get_array()));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

ApiResult<EncodingFormat> parse_format(FieldReader& fields) {
  ONDOL_TRY(const std::optional<std::string> format, fields.string("encoding_format"));
  if (!format || *format == "float") return EncodingFormat::kFloat;
  if (*format == "base64") return EncodingFormat::kBase64;
  return invalid_request("encoding_format", R"(encoding_format must be "float" or "base64", not )" + quoted(*format, 40) + ".");
}

// Under the names that Cohere and NVIDIA give them.
ApiResult<InputType> parse_input_type(FieldReader& fields) {
  ONDOL_TRY(const std::optional<std::string> type, fields.string("input_type"));
  if (!type || *type == "none") return InputType::kNone;
  if (*type == "query" || *type == "search_query") return InputType::kQuery;
  if (*type == "passage" || *type == "search_document") return InputType::kPassage;
  return invalid_request("input_type", R"(input_type must be "query", "passage" or "none", not )" + quoted(*type, 40) + ".");
}

}  // namespace

ApiResult<std::optional<int64_t>> parse_truncation(FieldReader& fields) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  ONDOL_TRY(const std::optional<int64_t> tokens, fields.integer("truncate_prompt_tokens", kTruncateToModel, kMost));
  if (tokens == 0)
    return invalid_request("truncate_prompt_tokens", "truncate_prompt_tokens must be 1 or more, or -1 for what the model takes.");
  return tokens;
}

ApiResult<EmbeddingsRequest> parse_embeddings_request(const json::value& body) {
  const json::object* object = body.if_object();
  if (object == nullptr) return invalid_request("", "The body must be a JSON object, not " + describe_json(body) + ".", "invalid_type");
  FieldReader fields(*object);
  EmbeddingsRequest request;
  ONDOL_TRY(std::optional<std::string> model, fields.string("model"));
  if (!model) return invalid_request("model", "model is missing: name the model that shall answer (GET /v1/models lists them).");
  request.model = std::move(*model);
  ONDOL_TRY(request.inputs, parse_inputs(fields));
  ONDOL_TRY(request.format, parse_format(fields));
  ONDOL_TRY(request.dimensions, fields.integer("dimensions", 1, std::numeric_limits<int32_t>::max()));
  ONDOL_TRY(request.input_type, parse_input_type(fields));
  ONDOL_TRY(request.truncate, parse_truncation(fields));
  fields.skip("user");
  request.ignored = header_names(fields.unknown());
  return request;
}

}  // namespace ondol
