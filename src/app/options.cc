#include "app/options.h"

#include <CLI/CLI.hpp>

#include "app/sizes.h"

namespace ondol {

Result<KvType> parse_kv_type(const std::string& text) {
  if (text == "f16") return KvType::kF16;
  if (text == "f32") return KvType::kF32;
  if (text == "q8") return KvType::kQ8;
  return fail(Code::kInvalidArgument, ondol::quoted(text) + " is not a KV type; write f16, q8 or f32");
}

std::string kv_type_name(KvType type) {
  switch (type) {
    case KvType::kF16: return "f16";
    case KvType::kF32: return "f32";
    case KvType::kQ8: return "q8";
  }
  return "f16";
}

CLI::Option* add_size_option(CLI::App& app, const std::string& name, uint64_t& value, const std::string& description) {
  const auto store = [&value, name](const std::string& text) {
    const Result<uint64_t> size = parse_size(text);
    if (!size) throw CLI::ValidationError(name, size.error().message);
    value = *size;
  };
  return app.add_option_function<std::string>(name, store, description)->type_name("SIZE");
}

CLI::Option* add_int_option(CLI::App& app, const std::string& name, int& value, IntRange range, const std::string& description) {
  return app.add_option(name, value, description)->check(CLI::Range(range.min, range.max))->capture_default_str();
}

void bind_engine_options(CLI::App& app, EngineOptions& options) {
  constexpr const char* kGroup = "Engine";
  add_int_option(app, "--threads", options.threads, kThreadsRange, "Threads that compute; 0 = all CPUs that the process may use")
      ->group(kGroup);
  add_int_option(app, "--ctx", options.max_context, kContextRange, "Tokens of one conversation; 0 = what model and KV cache allow")
      ->group(kGroup);
  add_size_option(app, "--kv-bytes", options.kv_bytes, "Memory for the KV cache, as 2G; without it a quarter of the free memory")
      ->group(kGroup);
  const auto store_type = [&options](const std::string& text) {
    const Result<KvType> type = parse_kv_type(text);
    if (!type) throw CLI::ValidationError("--kv-type", type.error().message);
    options.kv_type = *type;
  };
  app.add_option_function<std::string>("--kv-type", store_type, "Number format of the KV cache: f16, q8 (half the memory) or f32")
      ->default_str("f16")
      ->group(kGroup);
  add_int_option(app, "--max-running", options.max_running, kRunningRange, "Requests that are computed together")->group(kGroup);
  add_int_option(app, "--max-waiting", options.max_waiting, kWaitingRange, "Requests that may wait; further ones get HTTP 429")
      ->group(kGroup);
  app.add_flag_callback(
         "--no-prefix-cache", [&options] { options.prefix_cache = false; },
         "Compute every prompt anew instead of keeping shared beginnings")
      ->group(kGroup);
  add_int_option(app, "--step-tokens", options.step_tokens, kStepTokensRange, "Tokens computed in one step at most")->group(kGroup);
  add_int_option(app, "--mixed-prefill", options.mixed_prefill, kStepTokensRange,
                 "Prompt tokens in a step while answers are streaming, at most")
      ->group(kGroup);
  app.add_option("--stream-slowdown", options.stream_slowdown,
                 "How many times longer a step may last because a prompt enters while answers are streaming; 0 = no limit")
      ->check(CLI::Range(kSlowdownRange.min, kSlowdownRange.max))
      ->capture_default_str()
      ->group(kGroup);
}

}  // namespace ondol
