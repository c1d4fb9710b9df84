#include "app/cmd_bench_serve.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "app/json_output.h"
#include "app/load_output.h"
#include "app/options.h"
#include "app/signals.h"
#include "load/load_run.h"
#include "load/report_html.h"
#include "load/report_json.h"
#include "load/samples_file.h"
#include "load/text_file.h"
#include "net/url.h"

namespace ondol {
namespace {

constexpr int kMaxTimeoutS = 7 * 24 * 3600;

// A connection takes a few descriptors, and the usual soft limit is 1,024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // if it fails, requests say so themselves
}

std::string shape_text(const RequestShape& shape) {
  std::string text = fmt::format("{} tokens in, {} out", shape.input_tokens, shape.output_tokens);
  if (shape.spread > 0) text += fmt::format(", +- {:g} %", shape.spread * 100);
  if (shape.shared_prefix > 0) text += fmt::format(", {} of them shared", shape.shared_prefix);
  return text;
}

// The plan, and the words for it in the report.
Result<LoadPlan> make_plan(const BenchServeOptions& options, RunInfo& info) {
  LoadPlan plan;
  info.prompts = shape_text(options.shape);
  if (!options.trace.empty()) {
    ONDOL_TRY(const std::string text, read_input_file(options.trace, kMaxTraceBytes));
    const Result<Trace> trace = parse_trace(text, options.limit);
    if (!trace) return fail(trace.error(), options.trace);
    plan = plan_trace(*trace, options.speed, options.shape.seed, options.max_in_flight);
    info.arrivals =
        fmt::format("{} trace {} at speed {:g}", trace_kind_name(trace->kind), ondol::quoted(options.trace, 200), options.speed);
    info.prompts = "lengths of the trace";
  } else if (options.rate > 0) {
    plan = plan_poisson(options.shape, options.rate, options.max_in_flight);
    info.arrivals = fmt::format("Poisson arrivals, {:g} a second", options.rate);
  } else {
    plan = plan_closed_loop(options.shape, options.concurrency);
    info.arrivals = fmt::format("closed loop of {}", options.concurrency);
  }
  if (!options.prompts.empty()) {
    ONDOL_TRY(const std::string text, read_input_file(options.prompts, kMaxPromptFileBytes));
    const Result<std::vector<PromptLine>> prompts = parse_prompts(text);
    if (!prompts) return fail(prompts.error(), options.prompts);
    use_prompts(plan, *prompts);
    info.prompts = fmt::format("{} prompts of {}", prompts->size(), ondol::quoted(options.prompts, 200));
  }
  info.seed = options.shape.seed;
  info.open_loop = plan.open_loop;
  info.planned = static_cast<int32_t>(plan.requests.size());
  return plan;
}

Result<LoadTarget> make_target(const BenchServeOptions& options) {
  LoadTarget target = options.target;
  ONDOL_TRY(target.url, server_root(target.url));
  target.endpoint = options.endpoint == "completions" ? LoadEndpoint::kCompletions : LoadEndpoint::kChat;
  if (target.model.empty()) {
    ONDOL_TRY(target.model, first_model(target));
  }
  return target;
}

// A few requests in front that are not counted: they find a wrong key or model before the run, and load what the server loads lazily.
Status warm_up(const BenchServeOptions& options, const LoadTarget& target, const InterruptFlag& interrupt) {
  if (options.warmup == 0) return {};
  RequestShape shape = options.shape;
  shape.requests = options.warmup;
  shape.seed = ~options.shape.seed;  // other prompts than those that are measured
  if (!options.trace.empty()) shape.input_tokens = shape.output_tokens = 32;
  const LoadPlan plan = plan_closed_loop(shape, std::min(options.concurrency, options.warmup));
  ONDOL_TRY(const RunOutcome outcome, run_load(plan, target, [&] { return interrupt.raised(); }));
  if (outcome.interrupted) return fail(Code::kCancelled, "ended while warming up");
  for (const RequestSample& sample : outcome.samples) {
    if (sample.ok()) return {};
  }
  return fail(Code::kUnavailable, "no warm-up request was answered: " + outcome.samples.front().message +
                                      " (--warmup 0 measures nevertheless, --standard-only leaves ignore_eos out)");
}

Result<SavedRun> measure(const BenchServeOptions& options) {
  SavedRun run;
  ONDOL_TRY(const LoadPlan plan, make_plan(options, run.info));
  ONDOL_TRY(const LoadTarget target, make_target(options));
  ONDOL_TRY(const Url url, parse_url(target.url));
  run.info.target = url.text();
  if (run.info.target.ends_with('/')) run.info.target.pop_back();
  run.info.model = target.model;
  run.info.endpoint = options.endpoint;
  raise_descriptor_limit();
  const InterruptFlag interrupt;
  ONDOL_TRY_STATUS(warm_up(options, target, interrupt));
  run.info.started_unix_s = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  LoadProgress progress(stderr, ::isatty(STDERR_FILENO) == 1);
  ONDOL_TRY(RunOutcome outcome,
            run_load(plan, target, [&] { return interrupt.raised(); }, [&](const RunProgress& now) { progress.update(now); }));
  run.info.interrupted = outcome.interrupted;
  run.info.held_back = outcome.held_back;
  run.samples = std::move(outcome.samples);
  return run;
}

Result<SavedRun> read_run(const std::string& path) {
  ONDOL_TRY(const std::string text, read_input_file(path, kMaxSamplesFileBytes));
  Result<SavedRun> run = parse_samples(text);
  if (!run) return fail(run.error(), path);
  return run;
}

void bind_load(CLI::App& command, BenchServeOptions& options) {
  constexpr const char* kGroup = "Load";
  auto* concurrency = add_int_option(command, "--concurrency", options.concurrency, {1, kMaxInFlight},
                                     "Closed loop: requests at a time, each followed at once by the next");
  auto* rate =
      command.add_option("--rate", options.rate, "Open loop: Poisson arrivals, so many a second on average")->check(CLI::Range(1e-3, 1e5));
  auto* trace = command.add_option("--trace", options.trace, "Open loop: a trace file (Azure CSV, Mooncake JSONL, TraceLab sessions)");
  auto* speed = command.add_option("--speed", options.speed, "Play the trace so many times faster")
                    ->check(CLI::Range(1e-3, 1e6))
                    ->capture_default_str();
  auto* limit = add_int_option(command, "--limit", options.limit, {0, kMaxRequests}, "Rows of the trace; 0 = all");
  auto* requests = add_int_option(command, "--requests", options.shape.requests, {1, kMaxRequests}, "Requests in all");
  auto* in_flight =
      add_int_option(command, "--max-in-flight", options.max_in_flight, {1, kMaxInFlight}, "Open loop: requests that may run at once");
  auto* warmup = add_int_option(command, "--warmup", options.warmup, {0, 1000}, "Requests in front that are not counted");
  auto* seed = command.add_option("--seed", options.shape.seed, "Of prompts, lengths and arrivals")->capture_default_str();
  for (CLI::Option* option : {concurrency, rate, trace, speed, limit, requests, in_flight, warmup, seed}) option->group(kGroup);
  rate->excludes(concurrency);
  trace->excludes(concurrency)->excludes(rate)->excludes(requests);
  speed->needs(trace);
  limit->needs(trace);
}

void bind_requests(CLI::App& command, BenchServeOptions& options) {
  constexpr const char* kGroup = "Requests";
  auto* input = add_int_option(command, "--input-tokens", options.shape.input_tokens, {1, kMaxPromptTokens},
                               "Prompt length, one common word each; usage tells the true number");
  auto* output = add_int_option(command, "--output-tokens", options.shape.output_tokens, {1, kMaxOutputTokens}, "Answer length");
  auto* spread = command.add_option("--spread", options.shape.spread, "0.2: both lengths vary by up to 20 %")->check(CLI::Range(0.0, 1.0));
  auto* shared = add_int_option(command, "--shared-prefix", options.shape.shared_prefix, {0, kMaxPromptTokens},
                                "Tokens at the beginning that all prompts share");
  auto* prompts = command.add_option("--prompts", options.prompts, "File with a prompt a line: text, a JSON string, or {\"prompt\": ...}");
  auto* temperature = command.add_option("--temperature", options.target.temperature, "-1 = the server's choice")
                          ->check(CLI::Range(-1.0, 2.0))
                          ->capture_default_str();
  auto* standard = command.add_flag("--standard-only", options.target.standard_only,
                                    "Leave out ignore_eos, which not all servers know; answers may then end early");
  for (CLI::Option* option : {input, output, spread, shared, prompts, temperature, standard}) option->group(kGroup);
  prompts->excludes(input)->excludes(shared);
}

void bind_target(CLI::App& command, BenchServeOptions& options) {
  command.add_option("--url", options.target.url, "The server")->capture_default_str();
  command.add_option("--model", options.target.model, "Model to ask; without it the first that the server lists");
  command.add_option("--endpoint", options.endpoint, "chat or completions")
      ->check(CLI::IsMember({"chat", "completions"}))
      ->capture_default_str();
  command.add_option("--api-key", options.target.api_key, "Sent as a bearer token")->envname("OPENAI_API_KEY");
  add_int_option(command, "--timeout", options.target.timeout_s, {1, kMaxTimeoutS}, "Seconds that one answer may take");
}

}  // namespace

void bind_bench_serve(CLI::App& command, BenchServeOptions& options) {
  bind_target(command, options);
  bind_load(command, options);
  bind_requests(command, options);
  command.add_option("--slo-ttft-ms", options.slo.ttft_ms, "Goodput: time to first token that a good answer keeps")
      ->check(CLI::PositiveNumber);
  command.add_option("--slo-itl-ms", options.slo.tpot_ms, "Goodput: time per output token that a good answer keeps")
      ->check(CLI::PositiveNumber);
  command.add_flag("--json", options.json, "Machine-readable output");
  command.add_option("--html", options.html, "Write the report as one page, with plots");
  command.add_option("--save", options.save, "Write the samples, for --from");
  command.add_option("--from", options.from, "Report on saved samples; nothing is sent")->excludes("--save");
  command.footer(
      "Ctrl-C ends the run early; the report then covers what was answered. docs/bench-serve.md explains the figures.\n"
      "Examples:\n"
      "  ondol bench serve --concurrency 8 --requests 200\n"
      "  ondol bench serve --rate 2.5 --requests 300 --slo-ttft-ms 500 --slo-itl-ms 50 --html report.html\n"
      "  ondol bench serve --trace azure_llm_2023_conv.csv --speed 2 --limit 500 --save run.jsonl\n"
      "  ondol bench serve --from run.jsonl --json\n"
      "  ondol bench serve --url https://api.example.com/v1 --model m --standard-only --prompts prompts.txt");
}

Status run_bench_serve(const BenchServeOptions& options) {
  ONDOL_TRY(const SavedRun run, options.from.empty() ? measure(options) : read_run(options.from));
  const LoadReport report = make_report(run.info, run.samples, options.slo);
  if (options.json) {
    print_json(report_json(report));
  } else {
    fmt::print("{}", load_report_text(report));
    std::fflush(stdout);
  }
  // The report is out before files are written: a full disk costs the file, not the run.
  if (!options.save.empty()) ONDOL_TRY_STATUS(write_output_file(options.save, samples_text(run)));
  if (!options.html.empty()) ONDOL_TRY_STATUS(write_output_file(options.html, report_html(report, run.samples)));
  if (report.completed > 0 || report.failed == 0) return {};
  return fail(Code::kUnavailable, "no request was answered");
}

void add_bench_serve(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("serve", "Load a running server with requests; latency, throughput, goodput");
  const auto options = std::make_shared<BenchServeOptions>();
  bind_bench_serve(*command, *options);
  command->callback([options, &action] { action = [options] { return run_bench_serve(*options); }; });
}

}  // namespace ondol
