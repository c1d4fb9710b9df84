#include "twin/furiosa_form.h"

#include "twin/surface_json.h"

namespace ondol {
namespace {

std::string event(const std::string& json) { return "data: " + json + "\n\n"; }

std::string flat_error(int status, std::string_view message, std::string_view type) {
  return JsonText().text("object", "error").text("message", message).text("type", type).null("param").number("code", status).done();
}

std::string prompt_details(const AnswerUsage& usage) {
  return JsonText().number("cached_tokens", usage.cached_tokens).number("audio_tokens", 0).done();
}

JsonText usage_begin(const AnswerUsage& usage) {
  return JsonText()
      .number("prompt_tokens", usage.prompt_tokens)
      .number("total_tokens", usage.prompt_tokens + usage.completion_tokens)
      .number("completion_tokens", usage.completion_tokens)
      .raw("prompt_tokens_details", prompt_details(usage));
}

std::string chat_usage(const AnswerUsage& usage) {
  return usage_begin(usage)
      .raw("completion_tokens_details", JsonText()
                                            .number("accepted_prediction_tokens", 0)
                                            .number("audio_tokens", 0)
                                            .number("reasoning_tokens", 0)
                                            .number("rejected_prediction_tokens", 0)
                                            .done())
      .done();
}

JsonText& reason(JsonText& out, std::string_view finish) {
  return finish.empty() ? out.null("finish_reason") : out.text("finish_reason", finish);
}

// What chats and completions share.
class FuriosaForm : public AnswerForm {
 public:
  FuriosaForm(std::string_view id, FuriosaFormOptions options) : options_(std::move(options)), id_(new_id(id)) {}
  HttpResponse failure(const Error& error) override { return furiosa_failure(error); }
  std::string failure_event(const Error& error) override { return furiosa_failure_event(error); }

 protected:
  // "id", then "object" unless it is empty, "created", "model".
  JsonText begin_object(std::string_view object) const {
    JsonText out = JsonText().text("id", id_);
    if (!object.empty()) out.text("object", object);
    return out.number("created", created_).text("model", options_.model);
  }
  std::string ids(const std::vector<int32_t>& ids) const { return options_.return_ids ? json_ids(ids) : "null"; }

  const FuriosaFormOptions options_;

 private:
  const std::string id_;
  const int64_t created_ = unix_seconds();
};

class FuriosaChat final : public FuriosaForm {
 public:
  explicit FuriosaChat(FuriosaFormOptions options) : FuriosaForm("chat-", std::move(options)) {}

  std::vector<std::string> begin(int choice) override {
    const std::string first = JsonText()
                                  .number("index", choice)
                                  .raw("delta", R"({"role":"assistant","content":""})")
                                  .null("logprobs")
                                  .null("finish_reason")
                                  .null("stop_reason")
                                  .null("token_ids")
                                  .done();
    return {event(chunk().raw("choices", "[" + first + "]").raw("prompt_token_ids", ids(options_.prompt)).done())};
  }

  std::vector<std::string> token(const AnswerToken& token) override {
    JsonText out = JsonText().number("index", token.choice).raw("delta", JsonText().text("content", token.text).done()).null("logprobs");
    reason(out, token.finish);
    if (!token.finish.empty()) out.text_or_null("stop_reason", token.stop_reason);
    const std::string choice = out.raw("token_ids", ids(token.ids)).done();
    return {event(chunk().raw("choices", "[" + choice + "]").done())};
  }

  std::vector<std::string> end(const std::vector<AnswerChoice>&, const AnswerUsage& usage) override {
    if (!options_.include_usage) return {};
    return {event(chunk().raw("choices", "[]").raw("usage", chat_usage(usage)).done())};
  }

  std::string whole(const std::vector<AnswerChoice>& choices, const AnswerUsage& usage) override {
    std::string list;
    for (size_t i = 0; i < choices.size(); ++i) {
      JsonText out =
          JsonText()
              .number("index", static_cast<int64_t>(i))
              .raw("message",
                   JsonText().text("role", "assistant").text("content", choices[i].text).null("reasoning").raw("tool_calls", "[]").done())
              .null("logprobs");
      list +=
          (i == 0 ? "" : ",") +
          reason(out, choices[i].finish).text_or_null("stop_reason", choices[i].stop_reason).raw("token_ids", ids(choices[i].ids)).done();
    }
    return begin_object("chat.completion")
        .raw("choices", "[" + list + "]")
        .raw("usage", chat_usage(usage))
        .null("prompt_logprobs")
        .raw("prompt_token_ids", ids(options_.prompt))
        .done();
  }

 private:
  JsonText chunk() const { return begin_object("chat.completion.chunk"); }
};

class FuriosaCompletion final : public FuriosaForm {
 public:
  explicit FuriosaCompletion(FuriosaFormOptions options) : FuriosaForm("cmpl-", std::move(options)) {}

  std::vector<std::string> begin(int) override { return {}; }

  std::vector<std::string> token(const AnswerToken& token) override {
    JsonText out = JsonText().number("index", token.choice).text("text", token.text).null("logprobs");
    const std::string choice = reason(out, token.finish)
                                   .text_or_null("stop_reason", token.stop_reason)
                                   .raw("prompt_token_ids", token.index == 0 ? ids(options_.prompt) : "null")
                                   .raw("token_ids", ids(token.ids))
                                   .done();
    return {event(begin_object("text_completion").raw("choices", "[" + choice + "]").null("usage").done())};
  }

  // The vendor leaves "object" out of this one.
  std::vector<std::string> end(const std::vector<AnswerChoice>&, const AnswerUsage& usage) override {
    if (!options_.include_usage) return {};
    return {event(begin_object("").raw("choices", "[]").raw("usage", usage_begin(usage).done()).done())};
  }

  std::string whole(const std::vector<AnswerChoice>& choices, const AnswerUsage& usage) override {
    std::string list;
    for (size_t i = 0; i < choices.size(); ++i) {
      JsonText out = JsonText().number("index", static_cast<int64_t>(i)).text("text", choices[i].text).null("logprobs");
      list += (i == 0 ? "" : ",") + reason(out, choices[i].finish)
                                        .text_or_null("stop_reason", choices[i].stop_reason)
                                        .raw("token_ids", ids(choices[i].ids))
                                        .null("prompt_logprobs")
                                        .raw("prompt_token_ids", i == 0 ? ids(options_.prompt) : "null")
                                        .done();
    }
    return begin_object("text_completion")
        .raw("choices", "[" + list + "]")
        .raw("usage", usage_begin(usage).null("completion_tokens_details").done())
        .done();
  }
};

}  // namespace

HttpResponse furiosa_error(int status, std::string_view message, std::string_view type) {
  return uvicorn_response(status, flat_error(status, message, type));
}

HttpResponse furiosa_model_error(int status, std::string_view message, std::string_view code) {
  const std::string error =
      JsonText().text("message", message).text("type", "invalid_request_error").text("param", "model").text("code", code).done();
  return uvicorn_response(status, JsonText().raw("error", error).done());
}

HttpResponse furiosa_failure(const Error& error) {
  if (error.code == Code::kInvalidArgument) return furiosa_error(400, error.message);
  return uvicorn_response(500, "Internal Server Error", kPlainText);
}

std::string furiosa_failure_event(const Error& error) {
  const std::string body = error.code == Code::kInvalidArgument ? flat_error(400, error.message, "BadRequestError")
                                                                : flat_error(500, "internal server error", "InternalServerError");
  return event(python_spaces(JsonText().raw("error", body).done()));
}

std::unique_ptr<AnswerForm> make_furiosa_chat(FuriosaFormOptions options) { return std::make_unique<FuriosaChat>(std::move(options)); }
std::unique_ptr<AnswerForm> make_furiosa_completion(FuriosaFormOptions options) {
  return std::make_unique<FuriosaCompletion>(std::move(options));
}

}  // namespace ondol
