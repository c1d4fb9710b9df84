#include "app/cmd_model_verify.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <string_view>
#include <utility>

#include "app/json_output.h"
#include "engine/verify.h"

namespace ondol {
namespace {

// Float weights and a float KV cache leave rounding only: the recorded models stay below this by a factor of ten.
constexpr double kTolerance = 2e-4;

}  // namespace

void bind_model_verify(CLI::App& command, ModelVerifyOptions& options) {
  command
      .add_option("dir", options.dir,
                  "Folder with config.json, model.safetensors, expected.safetensors (input_ids, hidden.N, logits) and expected.json "
                  "(prompt, greedy)")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_flag("--json", options.json, "Machine-readable output");
  command.footer(
      "Computes the prompt in five ways (at once; token by token; in chunks of 5; beside three other sequences; after a prefix-cache hit)\n"
      "and exits with 0 only if errors stay below 2e-4 and the greedy tokens match in all of them.\n"
      "Examples:\n"
      "  ondol model verify tests/models/qwen2\n"
      "  ondol model verify tests/models/exaone4-hybrid --json");
}

Status run_model_verify(const ModelVerifyOptions& options) {
  ONDOL_TRY(const VerifyReport report, verify_model(options.dir));
  const bool close = report.hidden_max_abs_err < kTolerance && report.logits_max_abs_err < kTolerance;  // false for NaN
  const bool ok = close && report.greedy_ok();
  const std::pair<std::string_view, bool> ways[] = {{"whole_prefill", report.whole_prefill},
                                                    {"token_by_token", report.token_by_token},
                                                    {"chunks_of_5", report.chunks_of_5},
                                                    {"in_batch", report.in_batch},
                                                    {"after_cache_hit", report.after_cache_hit}};
  if (options.json) {
    boost::json::object matches;
    for (const auto& [way, match] : ways) matches[boost::json::string_view(way.data(), way.size())] = match;
    print_json(boost::json::object{{"hidden_max_abs_err", report.hidden_max_abs_err},
                                   {"logits_max_abs_err", report.logits_max_abs_err},
                                   {"tolerance", kTolerance},
                                   {"greedy_matches", std::move(matches)},
                                   {"ok", ok}});
  } else {
    fmt::print("hidden states  largest error {:.2e}\nlogits         largest error {:.2e}\n", report.hidden_max_abs_err,
               report.logits_max_abs_err);
    for (const auto& [way, match] : ways) fmt::print("greedy {:<16} {}\n", way, match ? "matches" : "DIFFERS");
  }
  if (ok) return {};
  return fail(Code::kFailedPrecondition, ondol::quoted(options.dir, 200) +
                                             (close ? ": the greedy tokens differ from the recorded ones"
                                                    : ": the numbers differ from the recorded ones by more than 2e-4") +
                                             "; the weights, the configuration or the engine is wrong");
}

void add_model_verify(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("verify", "Compare the engine with recorded reference outputs");
  const auto options = std::make_shared<ModelVerifyOptions>();
  bind_model_verify(*command, *options);
  command->callback([options, &action] { action = [options] { return run_model_verify(*options); }; });
}

}  // namespace ondol
