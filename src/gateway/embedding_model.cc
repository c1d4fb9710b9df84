#include "gateway/embedding_model.h"

#include <algorithm>

namespace ondol {
namespace {

// "input", or "input[3]" where there are several.
std::string input_name(std::string_view field, size_t index, size_t count) {
  return count == 1 ? std::string(field) : std::string(field) + "[" + std::to_string(index) + "]";
}

ApiResult<std::vector<int32_t>> tokens_of(const EmbeddingModel& model, const EmbeddingInput& input, InputType type,
                                          const std::string& name) {
  const Tokenizer& tokenizer = model.encoder->tokenizer();
  if (input.is_text) {
    if (input.text.empty()) return invalid_request(name, name + " is an empty string.");
    if (input.text.size() > kMaxEmbeddingTextBytes) {
      return invalid_request(name, name + " has " + std::to_string(input.text.size()) + " bytes; at most " +
                                       std::to_string(kMaxEmbeddingTextBytes) + " are accepted.");
    }
    Result<std::vector<int32_t>> ids = tokenizer.encode(std::string(input_prefix(type)) + input.text);
    if (!ids) return std::unexpected(to_api_error(ids.error()));
    return std::move(*ids);
  }
  if (type != InputType::kNone) {
    return invalid_request("input_type", "input_type puts words in front of texts, but " + name + " holds token ids; send text.");
  }
  if (input.ids.empty()) return invalid_request(name, name + " is an empty array.");
  for (const int32_t id : input.ids) {
    if (id < tokenizer.vocab_size()) continue;
    return invalid_request(name, name + " holds the token id " + std::to_string(id) + "; this model's vocabulary has " +
                                     std::to_string(tokenizer.vocab_size()) + " tokens.");
  }
  return input.ids;
}

// The end of a text stays </s>; ids are cut as they are.
void cut(std::vector<int32_t>& ids, size_t limit, bool is_text) {
  if (ids.size() <= limit) return;
  const int32_t last = ids.back();
  ids.resize(limit);
  if (is_text && limit > 1) ids.back() = last;
}

}  // namespace

std::string_view input_prefix(InputType type) {
  switch (type) {
    case InputType::kNone: return "";
    case InputType::kQuery: return "query: ";
    case InputType::kPassage: return "passage: ";
  }
  return "";
}

ApiResult<const EmbeddingModel*> find_embedding_model(std::span<const EmbeddingModel> models, const std::string& name) {
  std::string names;
  for (const EmbeddingModel& model : models) {
    if (model.name == name) return &model;
    names += (names.empty() ? "" : ", ") + quoted(model.name);
  }
  const std::string there = names.empty() ? "this server has no embedding model" : "this server's embedding models are " + names;
  return std::unexpected(not_found("The embedding model " + quoted(name) + " does not exist; " + there + ".", "model", "model_not_found"));
}

ApiResult<std::vector<std::vector<int32_t>>> embedding_tokens(const EmbeddingModel& model, std::span<const EmbeddingInput> inputs,
                                                              InputType type, std::optional<int64_t> truncate, std::string_view field) {
  const auto most = static_cast<size_t>(model.encoder->max_tokens());
  if (truncate && *truncate > static_cast<int64_t>(most)) {
    return invalid_request("truncate_prompt_tokens", "truncate_prompt_tokens is " + std::to_string(*truncate) +
                                                         "; this model takes at most " + std::to_string(most) + " tokens.");
  }
  std::vector<std::vector<int32_t>> out;
  out.reserve(inputs.size());
  size_t total = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = input_name(field, i, inputs.size());
    ONDOL_TRY(std::vector<int32_t> ids, tokens_of(model, inputs[i], type, name));
    if (truncate) cut(ids, *truncate == kTruncateToModel ? most : static_cast<size_t>(*truncate), inputs[i].is_text);
    if (ids.size() > most) {
      return invalid_request(name,
                             name + " has " + std::to_string(ids.size()) + " tokens; this model takes at most " + std::to_string(most) +
                                 ". Send it in parts, or set truncate_prompt_tokens to -1 to use its beginning only.",
                             "context_length_exceeded");
    }
    total += ids.size();
    if (total > kMaxEmbeddingTokens) {
      return invalid_request(std::string(field), std::string(field) + " has more than " + std::to_string(kMaxEmbeddingTokens) +
                                                     " tokens in all; send it in several requests.");
    }
    out.push_back(std::move(ids));
  }
  return out;
}

HttpResponse embedding_response(std::string body, const std::vector<std::string>& ignored) {
  HttpResponse response;
  response.body = std::move(body);
  std::string names;
  for (const std::string& name : ignored) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) response.headers.emplace_back("x-ondol-ignored", names);
  return response;
}

}  // namespace ondol
