// An embedding model under its public name, and what both endpoints that use one do with a request: find the model, count and cut tokens.
//
// Owner: the app makes the models, the functions are pure. Any thread, but not an HTTP thread: tokenising and computing take milliseconds
// to minutes. Bounded by the limits below and by the encoder's longest text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/api_error.h"
#include "engine/encoder.h"
#include "net/http.h"

namespace ondol {

struct EmbeddingModel {
  std::string name;
  std::shared_ptr<const Encoder> encoder;
  int64_t created_unix_s = 0;
};

// Text, or token ids that are taken as they are: those of this model's own tokenizer, with <s> and </s>.
struct EmbeddingInput {
  bool is_text = true;
  std::string text;
  std::vector<int32_t> ids;  // not negative; not yet checked against a vocabulary
};

// What a text is for. E5 was trained with these words in front of every text ("Text Embeddings by Weakly-Supervised Contrastive
// Pre-training", Wang et al. 2022): questions find passages better with them.
enum class InputType : uint8_t { kNone, kQuery, kPassage };
std::string_view input_prefix(InputType type);  // "", "query: ", "passage: "

inline constexpr size_t kMaxEmbeddingInputs = 2048;        // of one request, OpenAI's limit
inline constexpr size_t kMaxEmbeddingTokens = 300'000;     // of all inputs together, OpenAI's limit: a minute or two of two cores
inline constexpr size_t kMaxEmbeddingTextBytes = 1 << 20;  // of one text; the longest that fits has some 24 KiB
inline constexpr int64_t kTruncateToModel = -1;            // truncate_prompt_tokens: to what the model takes

// 404 that names the models there are.
ApiResult<const EmbeddingModel*> find_embedding_model(std::span<const EmbeddingModel> models, const std::string& name);

// The tokens of every input, `type`'s prefix in front of texts. `truncate`: at most this many tokens, <s> and </s> included, or
// kTruncateToModel; the end of a text is what is cut. `field` names the inputs in errors: "input" (one input) or "input[3]".
// Errors: 400 (too long, said with both numbers; a token id outside the vocabulary; ids together with a type; too many tokens in all).
ApiResult<std::vector<std::vector<int32_t>>> embedding_tokens(const EmbeddingModel& model, std::span<const EmbeddingInput> inputs,
                                                              InputType type, std::optional<int64_t> truncate, std::string_view field);

// 200 with the header that names the request's fields without effect.
HttpResponse embedding_response(std::string body, const std::vector<std::string>& ignored);

}  // namespace ondol
