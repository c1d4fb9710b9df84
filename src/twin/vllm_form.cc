#include "twin/vllm_form.h"

#include "twin/surface_json.h"

namespace ondol {
namespace {

std::string event(const std::string& json) { return "data: " + json + "\n\n"; }

std::string error_json(int status, std::string_view message, std::string_view type, std::string_view param) {
  JsonText error = JsonText().text("message", message).text("type", type);
  if (param.empty()) {
    error.null("param");
  } else {
    error.text("param", param);
  }
  return JsonText().raw("error", error.number("code", status).done()).done();
}

struct Refusal {
  int status;
  std::string_view message, type;
};
Refusal refusal(const Error& error) {
  if (error.code == Code::kInvalidArgument) return {400, error.message, "BadRequestError"};
  return {500, "EngineCore encountered an issue. See stack trace (above) for the root cause.", "InternalServerError"};
}

std::string usage_json(const AnswerUsage& usage) {
  JsonText out = JsonText()
                     .number("prompt_tokens", usage.prompt_tokens)
                     .number("total_tokens", usage.prompt_tokens + usage.completion_tokens)
                     .number("completion_tokens", usage.completion_tokens);
  if (usage.cached_tokens == 0) return out.null("prompt_tokens_details").done();
  return out.raw("prompt_tokens_details", JsonText().number("cached_tokens", usage.cached_tokens).done()).done();
}

JsonText& reason(JsonText& out, std::string_view finish) {
  return finish.empty() ? out.null("finish_reason") : out.text("finish_reason", finish);
}

class VllmForm : public AnswerForm {
 public:
  VllmForm(std::string_view id, VllmFormOptions options) : options_(std::move(options)), id_(new_id(id, 16)) {}
  HttpResponse failure(const Error& error) override {
    const Refusal why = refusal(error);
    return vllm_error(why.status, why.message, why.type);
  }
  std::string failure_event(const Error& error) override {
    const Refusal why = refusal(error);
    return event(python_spaces(error_json(why.status, why.message, why.type, "")));
  }

 protected:
  JsonText begin_object(std::string_view object) const {
    return JsonText().text("id", id_).text("object", object).number("created", created_).text("model", options_.model);
  }
  std::string ids(const std::vector<int32_t>& ids) const { return options_.return_ids ? json_ids(ids) : "null"; }

  const VllmFormOptions options_;

 private:
  const std::string id_;
  const int64_t created_ = unix_seconds();
};

class VllmChat final : public VllmForm {
 public:
  explicit VllmChat(VllmFormOptions options) : VllmForm("chatcmpl-", std::move(options)) {}

  std::vector<std::string> begin(int choice) override {
    const std::string first = JsonText()
                                  .number("index", choice)
                                  .raw("delta", R"({"role":"assistant","content":""})")
                                  .null("logprobs")
                                  .null("finish_reason")
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
    return {event(chunk().raw("choices", "[]").raw("usage", usage_json(usage)).done())};
  }

  std::string whole(const std::vector<AnswerChoice>& choices, const AnswerUsage& usage) override {
    std::string list;
    for (size_t i = 0; i < choices.size(); ++i) {
      const std::string message = JsonText()
                                      .text("role", "assistant")
                                      .text("content", choices[i].text)
                                      .null("refusal")
                                      .null("annotations")
                                      .null("audio")
                                      .null("function_call")
                                      .raw("tool_calls", "[]")
                                      .null("reasoning")
                                      .done();
      JsonText out = JsonText().number("index", static_cast<int64_t>(i)).raw("message", message).null("logprobs");
      list +=
          (i == 0 ? "" : ",") +
          reason(out, choices[i].finish).text_or_null("stop_reason", choices[i].stop_reason).raw("token_ids", ids(choices[i].ids)).done();
    }
    return begin_object("chat.completion")
        .raw("choices", "[" + list + "]")
        .null("service_tier")
        .null("system_fingerprint")
        .raw("usage", usage_json(usage))
        .null("prompt_logprobs")
        .raw("prompt_token_ids", ids(options_.prompt))
        .null("kv_transfer_params")
        .done();
  }

 private:
  JsonText chunk() const { return begin_object("chat.completion.chunk"); }
};

class VllmCompletion final : public VllmForm {
 public:
  explicit VllmCompletion(VllmFormOptions options) : VllmForm("cmpl-", std::move(options)) {}

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

  std::vector<std::string> end(const std::vector<AnswerChoice>&, const AnswerUsage& usage) override {
    if (!options_.include_usage) return {};
    return {event(begin_object("text_completion").raw("choices", "[]").raw("usage", usage_json(usage)).done())};
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
        .null("service_tier")
        .null("system_fingerprint")
        .raw("usage", usage_json(usage))
        .null("kv_transfer_params")
        .done();
  }
};

}  // namespace

HttpResponse vllm_error(int status, std::string_view message, std::string_view type, std::string_view param) {
  return uvicorn_response(status, error_json(status, message, type, param));
}

std::unique_ptr<AnswerForm> make_vllm_chat(VllmFormOptions options) { return std::make_unique<VllmChat>(std::move(options)); }
std::unique_ptr<AnswerForm> make_vllm_completion(VllmFormOptions options) { return std::make_unique<VllmCompletion>(std::move(options)); }

}  // namespace ondol
