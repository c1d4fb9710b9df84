#include "twin/furiosa_form.h"
#include "twin/surface_json.h"

namespace ondol {
namespace {

// /v1/responses: events without names, the large ones in Python's own spacing, all numbered.
class FuriosaResponseForm final : public AnswerForm {
 public:
  explicit FuriosaResponseForm(FuriosaResponse response) : response_(std::move(response)) {}

  std::vector<std::string> open() override {
    return {whole_event("response.created", object("in_progress", "[]", "null")),
            whole_event("response.in_progress", object("in_progress", "[]", "null"))};
  }

  std::vector<std::string> begin(int) override {
    const std::string added =
        numbered(JsonText().raw("item", item("in_progress", "")).number("output_index", 0), "response.output_item.added");
    const std::string part =
        numbered(JsonText().number("content_index", 0).text("item_id", item_id()).number("output_index", 0).raw("part", text_part("")),
                 "response.content_part.added");
    return {added, part};
  }

  std::vector<std::string> token(const AnswerToken& token) override {
    return {numbered(JsonText()
                         .number("content_index", 0)
                         .text("delta", token.text)
                         .text("item_id", item_id())
                         .raw("logprobs", "[]")
                         .number("output_index", 0),
                     "response.output_text.delta")};
  }

  std::vector<std::string> end(const std::vector<AnswerChoice>& choices, const AnswerUsage& usage) override {
    const AnswerChoice& answer = choices.front();
    const std::string status = status_of(answer);
    std::vector<std::string> out;
    out.push_back(text_done(
        JsonText().number("content_index", 0).text("item_id", item_id()).raw("logprobs", "[]").number("output_index", 0), answer.text));
    out.push_back(numbered(
        JsonText().number("content_index", 0).text("item_id", item_id()).number("output_index", 0).raw("part", text_part(answer.text)),
        "response.content_part.done"));
    out.push_back(
        numbered(JsonText().raw("item", item(status, text_part(answer.text))).number("output_index", 0), "response.output_item.done"));
    out.push_back(whole_event("response." + status, finished(answer, usage)));
    return out;
  }

  std::string whole(const std::vector<AnswerChoice>& choices, const AnswerUsage& usage) override {
    return finished(choices.front(), usage);
  }
  HttpResponse failure(const Error& error) override { return furiosa_failure(error); }
  std::string failure_event(const Error& error) override { return furiosa_failure_event(error); }

 private:
  static std::string status_of(const AnswerChoice& answer) { return answer.finish == "length" ? "incomplete" : "completed"; }
  std::string item_id() const { return id_ + "-item-0"; }

  static std::string text_part(std::string_view text) {
    return JsonText().raw("annotations", "[]").text("text", text).text("type", "output_text").raw("logprobs", "[]").done();
  }

  std::string item(std::string_view status, const std::string& content) const {
    return JsonText()
        .text("id", item_id())
        .raw("content", "[" + content + "]")
        .text("role", "assistant")
        .text("status", status)
        .text("type", "message")
        .null("phase")
        .done();
  }

  std::string whole_event(const std::string& type, const std::string& response) {
    return "data: " + python_spaces(JsonText().text("type", type).raw("response", response).number("sequence_number", next_++).done()) +
           "\n\n";
  }

  std::string numbered(JsonText& out, std::string_view type) {
    return "data: " + out.number("sequence_number", next_++).text("type", type).done() + "\n\n";
  }
  // The event that says the whole text has it behind the number.
  std::string text_done(JsonText& out, std::string_view text) {
    return "data: " + out.number("sequence_number", next_++).text("text", text).text("type", "response.output_text.done").done() + "\n\n";
  }

  std::string finished(const AnswerChoice& answer, const AnswerUsage& usage) const {
    const std::string counts = JsonText()
                                   .number("input_tokens", usage.prompt_tokens)
                                   .raw("input_tokens_details", JsonText().number("cached_tokens", usage.cached_tokens).done())
                                   .number("output_tokens", usage.completion_tokens)
                                   .raw("output_tokens_details", R"({"reasoning_tokens":0})")
                                   .number("total_tokens", usage.prompt_tokens + usage.completion_tokens)
                                   .done();
    const std::string status = status_of(answer);
    return object(status, "[" + item(status, text_part(answer.text)) + "]", counts);
  }

  std::string object(const std::string& status, const std::string& output, const std::string& usage) const {
    const bool done = status != "in_progress";
    const std::string limit = response_.max_output_tokens ? std::to_string(*response_.max_output_tokens) : std::string("null");
    return JsonText()
        .text("id", id_)
        .number("created_at", created_)
        .raw("incomplete_details", status == "incomplete" ? R"({"reason":"max_output_tokens"})" : "null")
        .raw("instructions", response_.instructions)
        .raw("metadata", response_.metadata)
        .text("model", response_.model)
        .text("object", "response")
        .raw("output", output)
        .flag("parallel_tool_calls", true)
        .raw("temperature", python_float(response_.temperature))
        .text("tool_choice", "auto")
        .raw("tools", "[]")
        .raw("top_p", python_float(response_.top_p))
        .flag("background", response_.background)
        .raw("completed_at", done ? std::to_string(unix_seconds()) : "null")
        .raw("max_output_tokens", limit)
        .null("max_tool_calls")
        .raw("previous_response_id", response_.previous)
        .raw("reasoning", R"({"context":null,"effort":null,"generate_summary":null,"mode":null,"summary":null})")
        .text("service_tier", "default")
        .text("status", status)
        .raw("text", R"({"format":{"type":"text"},"verbosity":"medium"})")
        .number("top_logprobs", 0)
        .text("truncation", "disabled")
        .raw("usage", usage)
        .raw("user", response_.user)
        .flag("store", response_.store)
        .raw("presence_penalty", "0.0")
        .raw("frequency_penalty", "0.0")
        .done();
  }

  const FuriosaResponse response_;
  const std::string id_ = new_id("resp-");
  const int64_t created_ = unix_seconds();
  int64_t next_ = 0;
};

}  // namespace

std::unique_ptr<AnswerForm> make_furiosa_response(FuriosaResponse response) {
  return std::make_unique<FuriosaResponseForm>(std::move(response));
}

}  // namespace ondol
