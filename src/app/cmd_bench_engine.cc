#include "app/cmd_bench_engine.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <utility>

#include "app/json_output.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/progress_bar.h"
#include "app/table.h"
#include "kernel/isa.h"

namespace ondol {
namespace {

void print_report(const BenchEngineOptions& options, const EngineBenchReport& report, const std::string& name, int threads) {
  const EngineBenchPlan& plan = options.plan;
  const std::string prompt_key = fmt::format("pp{}", plan.prompt_tokens);
  const std::string generate_key = fmt::format("tg{}", plan.generated_tokens);
  const std::string isa(isa_name(best_isa()));
  if (options.json) {
    boost::json::object out{{"model", name}, {"threads", threads}, {"isa", isa}, {"repetitions", plan.repetitions}};
    if (plan.prompt_tokens > 0) out[prompt_key] = rounded(report.prompt_rate);
    if (plan.generated_tokens > 0) out[generate_key] = rounded(report.generate_rate);
    boost::json::object batch;
    for (const auto& [size, rate] : report.batch_rates) batch[std::to_string(size)] = rounded(rate);
    out["batch"] = std::move(batch);
    print_json(out);
    return;
  }
  fmt::print("{}, {} threads, {}, median of {}\n", name, threads, isa, plan.repetitions);
  Table table;
  table.column("TEST");
  table.column("TOKENS/S", Table::Align::kRight);
  if (plan.prompt_tokens > 0) table.row({prompt_key, fmt::format("{:.1f}", report.prompt_rate)});
  if (plan.generated_tokens > 0) table.row({generate_key, fmt::format("{:.1f}", report.generate_rate)});
  for (const auto& [size, rate] : report.batch_rates) table.row({fmt::format("batch {}", size), fmt::format("{:.1f}", rate)});
  fmt::print("{}", table.render());
}

}  // namespace

void bind_bench_engine(CLI::App& command, BenchEngineOptions& options) {
  command.add_option("--model", options.model, "A .gguf file, a Hugging Face folder, or a known name")->required();
  add_int_option(command, "--pp", options.plan.prompt_tokens, {0, 1 << 20}, "Prompt tokens to read; 0 = leave out");
  add_int_option(command, "--tg", options.plan.generated_tokens, {0, 1 << 20}, "Tokens to generate, one sequence; 0 = leave out");
  command.add_option("--batch", options.plan.batches, "Sequences decoded together, with 128 prompt and 128 answer tokens each")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->default_str("8,32");
  command.add_flag_callback("--no-batch", [&options] { options.plan.batches.clear(); }, "Leave the batches out")->excludes("--batch");
  add_int_option(command, "--reps", options.plan.repetitions, {1, 1000}, "Measured runs of each test; the median counts");
  add_int_option(command, "--threads", options.engine.threads, kThreadsRange, "Threads that compute; 0 = all CPUs");
  command.add_flag("--json", options.json, "Machine-readable output");
  command.footer(
      "pp: tokens/s from submitting a random prompt to the first token. tg: tokens/s of decoding after it. batch: tokens/s of all\n"
      "sequences together once each has its first token. One run in front warms up; the prefix cache is off.\n"
      "Examples:\n"
      "  ondol bench engine --model qwen2.5-coder-0.5b\n"
      "  ondol bench engine --model smollm2-135m --pp 512 --tg 128 --batch 8,32 --threads 2 --json");
}

Status run_bench_engine(const BenchEngineOptions& options) {
  ONDOL_TRY(const ResolvedModel resolved, resolve_model(options.model, model_dirs()));
  ONDOL_TRY(std::unique_ptr<Model> opened, Model::open(resolved.path));
  const std::shared_ptr<const Model> model = std::move(opened);
  Registry metrics;
  const SteadyClock clock;
  std::unique_ptr<Engine> engine;
  {
    ProgressBar bar("loading", ProgressUnit::kShare, clock);
    ONDOL_TRY(engine, Engine::create(model, bench_engine_options(options.plan, options.engine), metrics,
                                     [&](double share) { bar.update_share(share); }));
  }
  EngineBenchReport report;
  {
    ProgressBar bar("measuring", ProgressUnit::kShare, clock);
    ONDOL_TRY(report, measure_engine(*engine, options.plan, clock, [&](double share) { bar.update_share(share); }));
  }
  print_report(options, report, resolved.name, engine->options().threads);
  return {};
}

void add_bench_engine(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("engine", "Tokens/s of one model on this machine");
  const auto options = std::make_shared<BenchEngineOptions>();
  bind_bench_engine(*command, *options);
  command->callback([options, &action] { action = [options] { return run_bench_engine(*options); }; });
}

}  // namespace ondol
