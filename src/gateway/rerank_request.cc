#include "gateway/rerank_request.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "gateway/embeddings_request.h"
#include "gateway/request_common.h"

namespace ondol {
namespace {

namespace json = boost::json;

ApiResult<std::vector<std::string>> parse_documents(FieldReader& fields) {
  constexpr std::string_view kExpected = "an array of strings or of objects with a text";
  ONDOL_TRY(const json::array* array, fields.array("documents"));
  if (array == nullptr) return invalid_request("documents", "documents is missing: " + std::string(kExpected) + ".");
  if (array->empty()) return invalid_request("documents", "documents is an empty array.");
  if (array->size() > kMaxEmbeddingInputs) {
    return invalid_request("documents", "documents has " + std::to_string(array->size()) + " entries; at most " +
                                            std::to_string(kMaxEmbeddingInputs) + " are accepted.");
  }
  std::vector<std::string> documents;
  documents.reserve(array->size());
  for (const json::value& item : *array) {
    const json::value* text = item.is_object() ? item.get_object().if_contains("text") : &item;
    if (text == nullptr || !text->is_string()) return fields.wrong("documents", kExpected, text == nullptr ? item : *text);
    documents.emplace_back(text->get_string());
  }
  return documents;
}

}  // namespace

ApiResult<RerankRequest> parse_rerank_request(const json::value& body) {
  const json::object* object = body.if_object();
  if (object == nullptr) return invalid_request("", "The body must be a JSON object, not " + describe_json(body) + ".", "invalid_type");
  FieldReader fields(*object);
  RerankRequest request;
  ONDOL_TRY(std::optional<std::string> model, fields.string("model"));
  if (!model) return invalid_request("model", "model is missing: name the model that shall answer (GET /v1/models lists them).");
  request.model = std::move(*model);
  ONDOL_TRY(std::optional<std::string> query, fields.string("query"));
  if (!query || query->empty()) return invalid_request("query", "query is missing: the text that the documents are compared with.");
  request.query = std::move(*query);
  ONDOL_TRY(request.documents, parse_documents(fields));
  ONDOL_TRY(const std::optional<int64_t> top_n, fields.integer("top_n", 1, std::numeric_limits<int32_t>::max()));
  request.top_n = std::min(request.documents.size(), static_cast<size_t>(top_n.value_or(std::numeric_limits<int32_t>::max())));
  ONDOL_TRY(const std::optional<bool> return_documents, fields.boolean("return_documents"));
  request.return_documents = return_documents.value_or(true);
  ONDOL_TRY(request.truncate, parse_truncation(fields));
  ONDOL_TRY(const std::optional<std::string> instruction, fields.string("instruction"));
  request.instruction = instruction.value_or("");
  fields.skip("user");
  request.ignored = header_names(fields.unknown());
  return request;
}

}  // namespace ondol
