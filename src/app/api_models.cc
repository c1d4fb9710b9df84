#include "app/api_models.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <utility>

#include "app/options.h"
#include "app/sizes.h"
#include "base/clock.h"
#include "model/e5s1.h"

namespace ondol {
namespace {

int64_t unix_now() { return static_cast<int64_t>(std::time(nullptr)); }

ServedSource source_of(const std::string& path, const std::string& name, const EngineOptions& engine, Registry& metrics,
                       Metering& metering) {
  ServedSource source;
  source.name = name;
  source.load = [path, name, engine, &metrics, &metering]() -> Result<ServedModel> {
    const SteadyClock clock;
    const int64_t started_us = clock.now_us();
    Result<ServedModel> served = load_model(path, name, engine, metrics, metering, {});
    ::malloc_trim(0);
    if (served) {
      spdlog::info("{} loaded in {:.1f} s", name, static_cast<double>(clock.now_us() - started_us) / 1e6);
    } else {
      spdlog::error("{} cannot be loaded: {}", name, served.error().message);
    }
    return served;
  };
  return source;
}

Result<EmbeddingModel> open_embeddings(const std::string& wanted, int threads, const ModelDirs& dirs) {
  ONDOL_TRY(const ResolvedModel resolved, resolve_model(wanted, dirs));
  ONDOL_TRY(std::unique_ptr<Encoder> encoder, Encoder::open(resolved.path, threads));
  spdlog::info("{} ready: embeddings of {} numbers, texts of up to {} tokens, {}", resolved.name, encoder->dimensions(),
               encoder->max_tokens(), format_size(encoder->memory_bytes()));
  return EmbeddingModel{resolved.name, std::move(encoder), unix_now()};
}

// Both kinds of file are given as models; only one of them can chat.
Status expect_chat_model(const std::string& path) {
  if (!E5s1File::is_one(path)) return {};
  return fail(
      Code::kInvalidArgument,
      ondol::quoted(path, 200) + " is an embedding model, which cannot chat: give it as --embeddings, beside a chat model as --model");
}

}  // namespace

void bind_models_options(CLI::App& app, ModelsOptions& options) {
  constexpr const char* kGroup = "Models";
  constexpr IntRange kSeconds{0, 30 * 24 * 3600}, kCount{0, 1024};
  app.add_option("--also", options.also, "Another model, loaded when it is first asked for; may be repeated")->group(kGroup);
  app.add_option("--embeddings", options.embeddings, "Model for /v1/embeddings and /v1/rerank, as multilingual-e5-small")->group(kGroup);
  add_int_option(app, "--idle-unload", options.idle_unload_s, kSeconds, "Seconds after which an unused model leaves memory; 0 = never")
      ->group(kGroup);
  add_int_option(app, "--max-loaded", options.max_loaded, kCount, "Models in memory at once; 0 = as many as fit")->group(kGroup);
}

Result<ServedModel> load_model(const std::string& path, const std::string& name, const EngineOptions& options, Registry& metrics,
                               Metering& metering, const std::function<void(double)>& progress) {
  ServedModel served;
  served.name = name;
  served.created_unix_s = unix_now();
  ONDOL_TRY_STATUS(expect_chat_model(path));
  ONDOL_TRY(std::unique_ptr<Model> opened, Model::open(path));
  const std::shared_ptr<const Model> model = std::move(opened);
  served.model = model;
  if (model->tokenizer() == nullptr) {
    return fail(Code::kFailedPrecondition, name + " cannot be served without a tokenizer: " + model->tokenizer_error());
  }
  if (!model->chat_template().empty()) {
    Result<ChatTemplate> parsed = ChatTemplate::parse(model->chat_template());
    if (parsed) {
      served.chat_template = std::make_shared<const ChatTemplate>(std::move(*parsed));
    } else {
      spdlog::warn("chat completions are off for {}: its chat template cannot be read: {}", name, parsed.error().message);
    }
  }
  EngineOptions labelled = options;
  labelled.label = name;
  served.meter = metering.meter_engine(model->spec());
  labelled.on_step = [meter = served.meter](const StepReport& report) { meter->step(report); };
  ONDOL_TRY(std::unique_ptr<Engine> engine, Engine::create(model, labelled, metrics, progress));
  const EngineStats stats = engine->stats();
  served.resident = metering.resident("cpu", name, stats.weight_bytes + stats.kv_bytes);
  served.engine = std::move(engine);
  return served;
}

Result<ApiModels> make_api_models(ServedModel first, const std::string& first_path, const ModelsOptions& options,
                                  const EngineOptions& engine, const ModelDirs& dirs, Registry& metrics, Metering& metering) {
  ApiModels models;
  models.pool = {.idle_unload_us = options.idle_unload_s * int64_t{1'000'000}, .max_loaded = options.max_loaded};
  const int threads = first.engine->options().threads;
  models.chat.push_back(source_of(first_path, first.name, engine, metrics, metering));
  models.chat.front().ready = std::move(first);
  for (const std::string& wanted : options.also) {
    ONDOL_TRY(const ResolvedModel resolved, resolve_model(wanted, dirs));
    ONDOL_TRY_STATUS(expect_chat_model(resolved.path));
    if (std::ranges::find(models.chat, resolved.name, &ServedSource::name) != models.chat.end()) {
      return fail(Code::kInvalidArgument, "two models are named " + ondol::quoted(resolved.name) + "; rename a file, or leave one out");
    }
    models.chat.push_back(source_of(resolved.path, resolved.name, engine, metrics, metering));
  }
  if (!options.embeddings.empty()) {
    ONDOL_TRY(EmbeddingModel embedding, open_embeddings(options.embeddings, threads, dirs));
    models.embedding.push_back(std::move(embedding));
  }
  return models;
}

}  // namespace ondol
