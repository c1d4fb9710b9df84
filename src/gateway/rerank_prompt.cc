#include "gateway/rerank_prompt.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "gateway/prepare.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kSystem =
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "
    "\"yes\" or \"no\".";
constexpr std::string_view kInstruction = "Given a web search query, retrieve relevant passages that answer the query";
// Where a cut text meets the rest of the prompt, its tokens may come out as a few more.
constexpr int64_t kSeamTokens = 8;

// Makes the prompts of one request.
class Asker {
 public:
  Asker(const ServedModel& served, const RerankRequest& request, std::span<const std::string> names, int64_t now_unix_s)
      : served_(served), request_(request), names_(names), now_unix_s_(now_unix_s), query_(request.query) {}

  // Cuts the query, and finds out how long a document may be.
  ApiResult<void> prepare() {
    if (!request_.truncate) return {};
    text_tokens_ = *request_.truncate;
    if (*request_.truncate != kTruncateToModel) {
      ONDOL_TRY(query_, beginning(request_.query, "query"));
      return {};
    }
    ONDOL_TRY(const ChatPrompt bare, ask(""));
    text_tokens_ = served_.engine->max_context() - 1 - kSeamTokens - std::ssize(bare.tokens);
    if (text_tokens_ > 0) return {};
    return invalid_request("query",
                           "query makes a prompt of " + std::to_string(bare.tokens.size()) + " tokens; with this model's context of " +
                               std::to_string(served_.engine->max_context()) + " there is no room for a document.",
                           "context_length_exceeded");
  }

  ApiResult<ChatPrompt> about(size_t index) const {
    const std::string name = "documents[" + std::to_string(index) + "]";
    std::string document = request_.documents[index];
    if (text_tokens_ > 0) {
      ONDOL_TRY(document, beginning(document, name.c_str()));
    }
    ONDOL_TRY(ChatPrompt prompt, ask(document));
    if (std::ssize(prompt.tokens) < served_.engine->max_context()) return prompt;
    return invalid_request(name,
                           name + " makes a prompt of " + std::to_string(prompt.tokens.size()) + " tokens; this model's context is " +
                               std::to_string(served_.engine->max_context()) +
                               ". Send it in parts, or set truncate_prompt_tokens to -1 to use its beginning only.",
                           "context_length_exceeded");
  }

  // The token that an answer of this word begins with, behind the prompt.
  ApiResult<int32_t> first_token(const ChatPrompt& prompt, std::string_view word) const {
    ONDOL_TRY(const Tokenizer* tokenizer, tokenizer_of(served_));
    ONDOL_TRY(const std::vector<int32_t> tokens,
              encode_text(*tokenizer, prompt.text + std::string(word), {.add_special = false, .parse_special = true}, "model"));
    const size_t end = prompt.tokens.size();
    if (tokens.size() > end && std::equal(prompt.tokens.begin(), prompt.tokens.end(), tokens.begin())) return tokens[end];
    return invalid_request("model", "The model " + quoted(served_.name) + " cannot rerank: in its vocabulary the answer " + quoted(word) +
                                        " is not apart from the end of the prompt.");
  }

 private:
  ApiResult<ChatPrompt> ask(const std::string& document) const {
    const std::string_view instruction = request_.instruction.empty() ? kInstruction : std::string_view(request_.instruction);
    ChatRequest chat;
    const std::string question = "<Instruct>: " + std::string(instruction) + "\n<Query>: " + query_ + "\n<Document>: " + document;
    chat.messages.push_back(json::object{{"role", "system"}, {"content", kSystem}});
    chat.messages.push_back(json::object{{"role", "user"}, {"content", question}});
    chat.template_arguments["enable_thinking"] = false;
    ApiResult<ChatPrompt> prompt = chat_prompt(served_, chat, names_, now_unix_s_);
    if (!prompt && prompt.error().param == "messages") prompt.error().param = "model";
    return prompt;
  }

  // At most text_tokens_ tokens of a text.
  ApiResult<std::string> beginning(const std::string& text, const char* field) const {
    ONDOL_TRY(const Tokenizer* tokenizer, tokenizer_of(served_));
    ONDOL_TRY(std::vector<int32_t> tokens, encode_text(*tokenizer, text, {.add_special = false, .parse_special = false}, field));
    if (std::ssize(tokens) <= text_tokens_) return text;
    tokens.resize(static_cast<size_t>(text_tokens_));
    StreamDecoder decoder(*tokenizer);  // half a character at the cut stays in it
    std::string out;
    for (const int32_t token : tokens) out += decoder.push(token);
    return out;
  }

  const ServedModel& served_;
  const RerankRequest& request_;
  const std::span<const std::string> names_;
  const int64_t now_unix_s_;
  std::string query_;
  int64_t text_tokens_ = 0;  // 0 = as they are
};

}  // namespace

ApiResult<RerankPrompts> rerank_prompts(const ServedModel& served, const RerankRequest& request, std::span<const std::string> names,
                                        int64_t now_unix_s) {
  Asker asker(served, request, names, now_unix_s);
  ONDOL_TRY_STATUS(asker.prepare());
  RerankPrompts out;
  out.prompts.reserve(request.documents.size());
  for (size_t i = 0; i < request.documents.size(); ++i) {
    ONDOL_TRY(ChatPrompt prompt, asker.about(i));
    if (i == 0) {
      ONDOL_TRY(out.yes, asker.first_token(prompt, "yes"));
      ONDOL_TRY(out.no, asker.first_token(prompt, "no"));
    }
    out.tokens += prompt.tokens.size();
    if (out.tokens > kMaxRerankTokens) {
      return invalid_request("documents", "documents and query make more than " + std::to_string(kMaxRerankTokens) +
                                              " tokens of prompts in all; send them in several requests.");
    }
    out.prompts.push_back(std::move(prompt.tokens));
  }
  return out;
}

}  // namespace ondol
