#include "gateway/rerank_response.h"

#include <algorithm>
#include <boost/json.hpp>
#include <numeric>

namespace ondol {
namespace {

namespace json = boost::json;

EmbeddingInput text_input(std::string text) {
  EmbeddingInput input;
  input.text = std::move(text);
  return input;
}

}  // namespace

std::vector<RerankResult> best_first(std::vector<RerankResult> results, size_t top_n) {
  std::ranges::sort(
      results, [](const RerankResult& a, const RerankResult& b) { return a.score > b.score || (a.score == b.score && a.index < b.index); });
  results.resize(std::min(top_n, results.size()));
  return results;
}

std::vector<RerankResult> rank_documents(std::span<const float> query, std::span<const std::vector<float>> documents, size_t top_n) {
  std::vector<RerankResult> results;
  results.reserve(documents.size());
  for (size_t i = 0; i < documents.size(); ++i) {
    results.push_back({i, std::inner_product(query.begin(), query.end(), documents[i].begin(), 0.0)});
  }
  return best_first(std::move(results), top_n);
}

std::string rerank_json(const RerankRequest& request, std::span<const RerankResult> results, size_t total_tokens) {
  json::array list;
  for (const RerankResult& result : results) {
    json::object entry;
    entry["index"] = result.index;
    entry["relevance_score"] = result.score;
    if (request.return_documents) entry["document"] = {{"text", request.documents[result.index]}};
    list.push_back(std::move(entry));
  }
  json::object out;
  out["object"] = "list";
  out["model"] = request.model;
  out["results"] = std::move(list);
  out["usage"] = {{"prompt_tokens", total_tokens}, {"total_tokens", total_tokens}};
  return json::serialize(out);
}

ApiResult<HttpResponse> answer_rerank(std::span<const EmbeddingModel> models, const json::value& body, const std::function<bool()>& stop) {
  ONDOL_TRY(RerankRequest request, parse_rerank_request(body));
  if (!request.instruction.empty()) request.ignored.emplace_back("instruction");  // E5 takes none
  ONDOL_TRY(const EmbeddingModel* model, find_embedding_model(models, request.model));
  const EmbeddingInput query = text_input(request.query);
  std::vector<EmbeddingInput> documents;
  documents.reserve(request.documents.size());
  for (const std::string& document : request.documents) documents.push_back(text_input(document));
  ONDOL_TRY(auto texts, embedding_tokens(*model, std::span(&query, 1), InputType::kQuery, request.truncate, "query"));
  ONDOL_TRY(const auto passages, embedding_tokens(*model, documents, InputType::kPassage, request.truncate, "documents"));
  texts.insert(texts.end(), passages.begin(), passages.end());
  const auto vectors = model->encoder->embed(texts, stop);
  if (!vectors) return std::unexpected(to_api_error(vectors.error()));
  size_t total = 0;
  for (const auto& text : texts) total += text.size();
  const auto results = rank_documents(vectors->front(), std::span(*vectors).subspan(1), request.top_n);
  return embedding_response(rerank_json(request, results, total), request.ignored);
}

}  // namespace ondol
