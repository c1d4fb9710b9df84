#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "twin/furiosa_checks.h"
#include "twin/furiosa_form.h"
#include "twin/surface.h"
#include "twin/surface_answer.h"
#include "twin/surface_json.h"

namespace ondol {
namespace json = boost::json;
namespace {

// As furiosa-llm 2026.4.0 says it; two fields follow by which it is not taken for one.
constexpr std::string_view kVersion =
    R"({"version":"2026.4.0","furiosa-llm":{"stage":"release","version":"2026.4.0","git_hash":"b1baffa"},)"
    R"("furiosa-runtime":{"version":"2026.4.0","git_hash":"b1baffa75","build_time":"2026-10-12T08:13:27Z"},)"
    R"("npu-ir":{"version":"2026.4.0","git_hash":"ae27d44cd8","build_time":"2026-10-12T08:11:33Z"},)";

class FuriosaSurface final : public TwinSurface {
 public:
  FuriosaSurface(const SurfaceOptions& options, std::shared_ptr<TwinEngine> engine)
      : options_(options),
        engine_(std::move(engine)),
        metrics_(std::make_shared<SurfaceMetrics>(TwinEngineKind::kFuriosaLlm, options)),
        tokenizer_(options.piece_bytes),
        routes_(make_routes()) {}

  void handle(const std::shared_ptr<Exchange>& exchange) override {
    if (let_in(options_.api_key, exchange)) dispatch(routes_, exchange);
  }

 private:
  using Handler = void (FuriosaSurface::*)(Exchange&);

  std::vector<Route> make_routes() {
    const auto to = [this](Handler handler) { return [this, handler](const std::shared_ptr<Exchange>& e) { (this->*handler)(*e); }; };
    const auto post = [this](auto handler) { return [this, handler](const std::shared_ptr<Exchange>& e) { generate(e, handler); }; };
    std::vector<Route> routes = {
        {"GET", "/health", to(&FuriosaSurface::health)},
        {"GET", "/metrics", to(&FuriosaSurface::metrics)},
        {"GET", "/version", to(&FuriosaSurface::version)},
        {"GET", "/tokenizer_info", to(&FuriosaSurface::tokenizer_info)},
        {"GET", "/v1/models", to(&FuriosaSurface::models)},
        {"GET", "/v1/models/*", to(&FuriosaSurface::model)},
        {"GET", "/v1/responses/*", to(&FuriosaSurface::no_store)},
        {"POST", "/v1/chat/completions", post(&FuriosaSurface::chat)},
        {"POST", "/v1/completions", post(&FuriosaSurface::completion)},
        {"POST", "/v1/responses", post(&FuriosaSurface::response)},
        {"POST", "/v1/responses/*", to(&FuriosaSurface::no_store)},
        {"POST", "/v1/embeddings", to(&FuriosaSurface::no_embedding)},
        {"POST", "/tokenize", post(&FuriosaSurface::tokenize)},
        {"POST", "/detokenize", post(&FuriosaSurface::detokenize)},
    };
    for (const std::string_view path : {"/score", "/v1/score", "/rerank", "/v1/rerank", "/v2/rerank"}) {
      routes.push_back({"POST", path, to(&FuriosaSurface::no_score)});
    }
    if (options_.dev_mode) routes.push_back({"POST", "/reset_prefix_cache", to(&FuriosaSurface::reset_prefix_cache)});
    return routes;
  }

  void health(Exchange& exchange) {
    const TwinFault::Kind fault = engine_->load().fault;
    const bool dead = fault == TwinFault::Kind::kCrash || fault == TwinFault::Kind::kLost;
    exchange.respond(uvicorn_response(dead ? 503 : 200, "", ""));
  }
  void metrics(Exchange& exchange) { exchange.respond(uvicorn_response(200, metrics_->render(engine_->load()), kPlainText)); }
  void version(Exchange& exchange) {
    const std::string twin = JsonText().flag("ondol_twin", true).text("ondol_text", text_source(options_.relay.get())).done();
    exchange.respond(uvicorn_response(200, std::string(kVersion) + twin.substr(1)));
  }

  void tokenizer_info(Exchange& exchange) {
    exchange.respond(uvicorn_response(200, JsonText()
                                               .text("tokenizer_class", "TokenizersBackend")
                                               .text("backend", "tokenizers")
                                               .text("bos_token", "<|bos|>")
                                               .text("eos_token", "<|eos|>")
                                               .raw("model_max_length", "1000000000000000019884624838656")
                                               .text("chat_template", kChatTemplate)
                                               .text("name_or_path", "model")
                                               .flag("is_local", true)
                                               .flag("local_files_only", false)
                                               .raw("added_tokens_decoder", R"({"0":"<|bos|>","1":"<|eos|>"})")
                                               .done()));
  }

  std::string card() const {
    return JsonText()
        .text("id", options_.model)
        .number("created", options_.created)
        .text("object", "model")
        .text("owned_by", "furiosa-ai")
        .text("artifact_id", options_.artifact.empty() ? options_.model + ".fxb" : options_.artifact)
        .number("max_model_len", options_.max_model_len)
        .flag("ondol_twin", true)
        .text("ondol_text", text_source(options_.relay.get()))
        .done();
  }
  void models(Exchange& exchange) {
    exchange.respond(uvicorn_response(200, JsonText().text("object", "list").raw("data", "[" + card() + "]").done()));
  }
  void model(Exchange& exchange) {
    const std::string name = exchange.request().path.substr(std::string_view("/v1/models/").size());
    if (name == options_.model) return exchange.respond(uvicorn_response(200, card()));
    exchange.respond(furiosa_model_error(404, "The model '" + name + "' does not exist", "model_not_found"));
  }

  void no_store(Exchange& exchange) {
    exchange.respond(furiosa_error(400, "response store is not enabled; use --enable-responses-api-store", "InvalidRequestError"));
  }
  void no_embedding(Exchange& exchange) { no_task(exchange, "embedding"); }
  void no_score(Exchange& exchange) { no_task(exchange, "score"); }
  static void no_task(Exchange& exchange, std::string_view task) {
    exchange.respond(furiosa_model_error(400, fmt::format("The model does not support {} task.", task), "model_not_supported"));
  }

  // A new salt makes every prompt look new to the engine's prefix cache; what is in it goes as it is needed.
  void reset_prefix_cache(Exchange& exchange) {
    const TwinLoad load = engine_->load();
    if (load.running + load.waiting > 0) return exchange.respond(furiosa_error(409, "the engine is busy", "ConflictError"));
    salt_ = (salt_ + 0x9E3779) & 0x3FFFFFFF;
    exchange.respond(uvicorn_response(200, "", ""));
  }

  // Reads the body and answers what is wrong with it; `handler` does the rest.
  template <class Handle>
  void generate(const std::shared_ptr<Exchange>& exchange, Handle handle) {
    const FuriosaResult<json::object> body = furiosa_body(exchange->request());
    if (!body) return exchange->respond(body.error());
    (this->*handle)(exchange, *body);
  }

  FuriosaLimits limits() const {
    return {.max_model_len = options_.max_model_len, .seed = options_.seed, .relayed = options_.relay != nullptr};
  }

  void begin(const std::shared_ptr<Exchange>& exchange, FuriosaResult<GenerationRequest> request, std::unique_ptr<AnswerForm> form) {
    SurfaceAnswer::start(exchange, std::move(form), std::move(*request),
                         {.engine = engine_,
                          .relay = options_.relay,
                          .metrics = metrics_,
                          .tokenizer = tokenizer_,
                          .seed = options_.seed,
                          .speed = options_.speed,
                          .salt = salt_});
  }

  FuriosaFormOptions form_options(const GenerationRequest& request) const {
    FuriosaFormOptions options{
        .model = options_.model, .include_usage = request.include_usage, .return_ids = request.return_ids, .prompt = {}};
    if (request.return_ids) options.prompt = request.prompts.front();
    return options;
  }

  void chat(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    FuriosaResult<GenerationRequest> request = furiosa_chat_request(body, tokenizer_, limits());
    if (!request) return exchange->respond(request.error());
    auto form = make_furiosa_chat(form_options(*request));
    begin(exchange, std::move(request), std::move(form));
  }

  void completion(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    FuriosaResult<GenerationRequest> request = furiosa_completion_request(body, tokenizer_, limits());
    if (!request) return exchange->respond(request.error());
    auto form = make_furiosa_completion(form_options(*request));
    begin(exchange, std::move(request), std::move(form));
  }

  void response(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    FuriosaResult<GenerationRequest> request = furiosa_response_request(body, tokenizer_, limits());
    if (!request) return exchange->respond(request.error());
    const auto said = [&](const char* field, const char* otherwise) {
      const json::value* value = body.if_contains(field);
      return value == nullptr || value->is_null() ? std::string(otherwise) : json::serialize(*value);
    };
    const auto number = [&](const char* field) {
      const json::value* value = body.if_contains(field);
      return value == nullptr ? 1.0 : json_number(*value).value_or(1.0);
    };
    FuriosaResponse out;
    out.model = options_.model;
    out.instructions = said("instructions", "null");
    out.metadata = said("metadata", "{}");
    out.previous = said("previous_response_id", "null");
    out.user = said("user", "null");
    out.temperature = number("temperature");
    out.top_p = number("top_p");
    if (const json::value* asked = body.if_contains("max_output_tokens")) out.max_output_tokens = json_whole(*asked);
    out.background = said("background", "false") == "true";
    out.store = said("store", "true") == "true";
    begin(exchange, std::move(request), make_furiosa_response(std::move(out)));
  }

  void tokenize(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    const json::value* prompt = body.if_contains("prompt");
    const json::value* messages = body.if_contains("messages");
    std::vector<int32_t> ids;
    if (prompt != nullptr && prompt->is_string()) {
      ids = tokenizer_.encode({prompt->get_string().data(), prompt->get_string().size()});
    } else if (messages != nullptr && messages->is_array()) {
      ids = chat_prompt(messages->get_array(), tokenizer_);
    } else {
      return exchange->respond(uvicorn_response(400, detail_body("prompt or messages: Field required")));
    }
    exchange->respond(uvicorn_response(200, JsonText()
                                                .number("count", static_cast<int64_t>(ids.size()))
                                                .number("max_model_len", options_.max_model_len)
                                                .raw("tokens", json_ids(ids))
                                                .null("token_strs")
                                                .done()));
  }

  void detokenize(const std::shared_ptr<Exchange>& exchange, const json::object& body) {
    const json::value* tokens = body.if_contains("tokens");
    std::vector<std::vector<int32_t>> ids;
    if (tokens != nullptr && tokens->is_array()) ids = completion_prompts(*tokens, tokenizer_);
    if (ids.size() != 1) return exchange->respond(uvicorn_response(400, detail_body("tokens: Input should be a valid list of integers")));
    exchange->respond(uvicorn_response(200, JsonText().text("prompt", tokenizer_.decode(ids.front())).done()));
  }

  const SurfaceOptions options_;
  const std::shared_ptr<TwinEngine> engine_;
  const std::shared_ptr<SurfaceMetrics> metrics_;
  const TwinTokenizer tokenizer_;
  int32_t salt_ = 0;  // server's thread
  const std::vector<Route> routes_;
};

}  // namespace

std::shared_ptr<TwinSurface> make_furiosa_surface(const SurfaceOptions& options, std::shared_ptr<TwinEngine> engine) {
  return std::make_shared<FuriosaSurface>(options, std::move(engine));
}

}  // namespace ondol
