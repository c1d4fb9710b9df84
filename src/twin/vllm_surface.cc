#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <expected>
#include <utility>

#include "twin/surface.h"
#include "twin/surface_answer.h"
#include "twin/surface_json.h"
#include "twin/vllm_form.h"

namespace ondol {
namespace json = boost::json;
namespace {

constexpr int64_t kMaxAnswers = 256;  // of one request
constexpr int64_t kDefaultTokens = 16;

template <class T>
using VllmResult = std::expected<T, HttpResponse>;

std::unexpected<HttpResponse> wrong(std::string_view message, std::string_view param = "") {
  return std::unexpected(vllm_error(400, message, "BadRequestError", param));
}

const json::value* given(const json::object& body, std::string_view field) {
  const json::value* value = body.if_contains(json::string_view(field.data(), field.size()));
  return value == nullptr || value->is_null() ? nullptr : value;
}

VllmResult<std::optional<int64_t>> whole(const json::object& body, std::string_view field) {
  const json::value* value = given(body, field);
  if (value == nullptr) return std::optional<int64_t>{};
  const std::optional<int64_t> number = json_whole(*value);
  if (!number) return wrong(fmt::format("{}: Input should be a valid integer", field), field);
  return number;
}

bool flag(const json::object& body, std::string_view field) {
  const json::value* value = given(body, field);
  return value != nullptr && value->is_bool() && value->get_bool();
}

class VllmSurface final : public TwinSurface {
 public:
  VllmSurface(const SurfaceOptions& options, std::shared_ptr<TwinEngine> engine)
      : options_(options),
        engine_(std::move(engine)),
        metrics_(std::make_shared<SurfaceMetrics>(TwinEngineKind::kVllm, options)),
        tokenizer_(options.piece_bytes),
        routes_(make_routes()) {}

  void handle(const std::shared_ptr<Exchange>& exchange) override {
    if (let_in(options_.api_key, exchange)) dispatch(routes_, exchange);
  }

 private:
  std::vector<Route> make_routes() {
    const auto get = [this](auto answer) {
      return [this, answer](const std::shared_ptr<Exchange>& e) { e->respond((this->*answer)(e->request())); };
    };
    const auto post = [this](auto handle) {
      return [this, handle](const std::shared_ptr<Exchange>& e) {
        auto body = parse_json_body(e->request().body);
        if (!body || !body->is_object()) return e->respond(vllm_error(400, "JSON decode error", "Bad Request"));
        if (const auto refused = (this->*handle)(e, body->get_object()); !refused) e->respond(refused.error());
      };
    };
    return {
        {"GET", "/health", get(&VllmSurface::health)},
        {"GET", "/ping", get(&VllmSurface::health)},
        {"GET", "/version", get(&VllmSurface::version)},
        {"GET", "/metrics", get(&VllmSurface::metrics)},
        {"GET", "/v1/models", get(&VllmSurface::models)},
        {"POST", "/v1/chat/completions", post(&VllmSurface::chat)},
        {"POST", "/v1/completions", post(&VllmSurface::completion)},
        {"POST", "/tokenize", post(&VllmSurface::tokenize)},
        {"POST", "/detokenize", post(&VllmSurface::detokenize)},
    };
  }

  HttpResponse health(const HttpRequest&) {
    const TwinFault::Kind fault = engine_->load().fault;
    const bool dead = fault == TwinFault::Kind::kCrash || fault == TwinFault::Kind::kLost;
    return uvicorn_response(dead ? 503 : 200, "", "");
  }
  HttpResponse version(const HttpRequest&) {
    return uvicorn_response(
        200, JsonText().text("version", "0.19.0").flag("ondol_twin", true).text("ondol_text", text_source(options_.relay.get())).done());
  }
  HttpResponse metrics(const HttpRequest&) { return uvicorn_response(200, metrics_->render(engine_->load()), kPlainText); }
  HttpResponse models(const HttpRequest&) {
    const std::string card = JsonText()
                                 .text("id", options_.model)
                                 .text("object", "model")
                                 .number("created", options_.created)
                                 .text("owned_by", "vllm")
                                 .text("root", options_.model)
                                 .null("parent")
                                 .number("max_model_len", options_.max_model_len)
                                 .flag("ondol_twin", true)
                                 .text("ondol_text", text_source(options_.relay.get()))
                                 .done();
    return uvicorn_response(200, JsonText().text("object", "list").raw("data", "[" + card + "]").done());
  }

  // The name must be the served one (or missing).
  VllmResult<void> check_model(const json::object& body) const {
    const json::value* model = given(body, "model");
    if (model == nullptr) return {};
    const std::string name = model->is_string() ? model->get_string().c_str() : "";
    if (name == options_.model) return {};
    return std::unexpected(vllm_error(404, fmt::format("The model `{}` does not exist.", name), "NotFoundError", "model"));
  }

  // Everything but the prompts. `asked`: the limit by the field that this kind of request has for it.
  VllmResult<void> read_common(const json::object& body, std::optional<int64_t> asked, GenerationRequest& request) const {
    request.stream = flag(body, "stream");
    request.return_ids = flag(body, "return_token_ids");
    request.silent_stop = true;
    if (!read_stops(body, request)) return wrong("stop: Input should be a valid string", "stop");
    if (auto read = whole(body, "min_tokens"); !read) return std::unexpected(read.error());
    if (const json::value* options = given(body, "stream_options"); options != nullptr && options->is_object()) {
      request.include_usage = flag(options->get_object(), "include_usage");
    }
    ONDOL_TRY(const std::optional<int64_t> n, whole(body, "n"));
    if (n && *n < 1) return wrong(fmt::format("n must be at least 1, got {}.", *n), "n");
    const auto answers = static_cast<int64_t>(request.prompts.size()) * std::min(n.value_or(1), kMaxAnswers + 1);
    if (answers > kMaxAnswers) return wrong(fmt::format("The twin gives at most {} answers to a request.", kMaxAnswers), "n");
    request.copies = static_cast<int>(n.value_or(1));
    if (const json::value* value = given(body, "temperature")) {
      const double temperature = json_number(*value).value_or(-1);
      if (temperature < 0) return wrong(fmt::format("temperature must be non-negative, got {}.", python_float(temperature)), "temperature");
    }
    if (asked && *asked < 1) return wrong(fmt::format("max_tokens must be at least 1, got {}.", *asked), "max_tokens");
    return set_length(asked, flag(body, "ignore_eos"), request);
  }

  VllmResult<void> set_length(std::optional<int64_t> asked, bool ignore_eos, GenerationRequest& request) const {
    int64_t left = options_.max_model_len;
    for (const auto& prompt : request.prompts) {
      const auto tokens = static_cast<int64_t>(prompt.size());
      if (tokens == 0) return wrong("The decoder prompt cannot be empty");
      left = std::min(left, options_.max_model_len - tokens);
      if (left < 1) {
        return wrong(fmt::format("This model's maximum context length is {} tokens. However, your request has {} input tokens. Please "
                                 "reduce the length of the input messages.",
                                 options_.max_model_len, tokens),
                     "input_tokens");
      }
      if (asked.value_or(1) > left) {
        return wrong(
            fmt::format("'max_tokens' or 'max_completion_tokens' is too large: {}. This model's maximum context length is {} tokens "
                        "and your request has {} input tokens ({} > {} - {}).",
                        *asked, options_.max_model_len, tokens, *asked, options_.max_model_len, tokens),
            "max_tokens");
      }
    }
    if (const std::string problem = stops_problem(request, asked.value_or(left)); !problem.empty()) return wrong(problem);
    set_answer_length({.asked = asked, .ignore_eos = ignore_eos, .left = left, .seed = options_.seed, .relayed = options_.relay != nullptr},
                      request);
    return {};
  }

  VllmFormOptions form_options(const GenerationRequest& request) const {
    VllmFormOptions options{
        .model = options_.model, .include_usage = request.include_usage, .return_ids = request.return_ids, .prompt = {}};
    if (request.return_ids) options.prompt = request.prompts.front();
    return options;
  }

  void begin(const std::shared_ptr<Exchange>& exchange, GenerationRequest request, std::unique_ptr<AnswerForm> form) {
    SurfaceAnswer::start(exchange, std::move(form), std::move(request),
                         {.engine = engine_,
                          .relay = options_.relay,
                          .metrics = metrics_,
                          .tokenizer = tokenizer_,
                          .seed = options_.seed,
                          .speed = options_.speed});
  }

  VllmResult<void> chat(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    if (auto checked = check_model(body); !checked) return checked;
    const json::value* messages = given(body, "messages");
    if (messages == nullptr || !messages->is_array()) return wrong("messages: Input should be a valid list", "messages");
    if (const json::value* tools = given(body, "tools"); tools != nullptr && tools->is_array() && !tools->get_array().empty()) {
      const json::value* choice = given(body, "tool_choice");
      const bool none = choice != nullptr && choice->is_string() && choice->get_string() == "none";
      if (!none) return wrong("\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set");
    }
    GenerationRequest request;
    request.prompts.push_back(chat_prompt(messages->get_array(), tokenizer_));
    ONDOL_TRY(std::optional<int64_t> asked, whole(body, "max_completion_tokens"));
    ONDOL_TRY(const std::optional<int64_t> older, whole(body, "max_tokens"));
    if (auto read = read_common(body, asked ? asked : older, request); !read) return read;
    if (options_.relay != nullptr) {
      request.question = {.chat = true, .body = relay_sampling(body)};
      request.question.body["messages"] = *messages;
    }
    auto form = make_vllm_chat(form_options(request));
    begin(exchange, std::move(request), std::move(form));
    return {};
  }

  VllmResult<void> completion(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    if (auto checked = check_model(body); !checked) return checked;
    const json::value* prompt = given(body, "prompt");
    GenerationRequest request;
    if (prompt != nullptr) request.prompts = completion_prompts(*prompt, tokenizer_);
    if (request.prompts.empty()) return wrong("prompt: Either prompt or prompt_embeds must be provided", "prompt");
    ONDOL_TRY(const std::optional<int64_t> asked, whole(body, "max_tokens"));
    if (auto read = read_common(body, asked.value_or(kDefaultTokens), request); !read) return read;
    if (options_.relay != nullptr) request.question = {.chat = false, .body = relay_sampling(body)};
    auto form = make_vllm_completion(form_options(request));
    begin(exchange, std::move(request), std::move(form));
    return {};
  }

  VllmResult<void> tokenize(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    const json::value* prompt = given(body, "prompt");
    const json::value* messages = given(body, "messages");
    if ((prompt == nullptr || !prompt->is_string()) && (messages == nullptr || !messages->is_array())) {
      return wrong("prompt: Field required", "prompt");
    }
    const bool plain = prompt != nullptr && prompt->is_string();
    const std::vector<int32_t> ids = plain ? tokenizer_.encode({prompt->get_string().data(), prompt->get_string().size()})
                                           : chat_prompt(messages->get_array(), tokenizer_);
    exchange->respond(uvicorn_response(200, JsonText()
                                                .number("count", static_cast<int64_t>(ids.size()))
                                                .number("max_model_len", options_.max_model_len)
                                                .raw("tokens", json_ids(ids))
                                                .null("token_strs")
                                                .done()));
    return {};
  }

  VllmResult<void> detokenize(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    const json::value* tokens = given(body, "tokens");
    std::vector<std::vector<int32_t>> ids;
    if (tokens != nullptr && tokens->is_array()) ids = completion_prompts(*tokens, tokenizer_);
    if (ids.size() != 1) return wrong("tokens: Input should be a valid list of integers", "tokens");
    exchange->respond(uvicorn_response(200, JsonText().text("prompt", tokenizer_.decode(ids.front())).done()));
    return {};
  }

  const SurfaceOptions options_;
  const std::shared_ptr<TwinEngine> engine_;
  const std::shared_ptr<SurfaceMetrics> metrics_;
  const TwinTokenizer tokenizer_;
  const std::vector<Route> routes_;
};

}  // namespace

std::shared_ptr<TwinSurface> make_vllm_surface(const SurfaceOptions& options, std::shared_ptr<TwinEngine> engine) {
  return std::make_shared<VllmSurface>(options, std::move(engine));
}

}  // namespace ondol
