#include "app/cmd_cost.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <fstream>
#include <memory>

#include "app/json_output.h"
#include "app/options.h"
#include "app/table.h"
#include "cost/calibrate.h"
#include "cost/cost_model.h"
#include "model/json_file.h"

namespace ondol {
namespace json = boost::json;
namespace {

constexpr IntRange kCardsRange{1, 1024};
constexpr IntRange kBatchRange{0, 65536};
constexpr IntRange kTokensRange{0, 1 << 24};

void bind_target(CLI::App& command, CostTarget& target) {
  command.add_option("--device", target.device, "rngd, h100, b200, l40s, rtx-pro-6000, rtx-4090, cpu")->capture_default_str();
  command.add_option("--profile", target.profile, "A device profile that `ondol cost calibrate` wrote, instead of --device");
  command.add_option("--model", target.model, "A known model (llama-3.1-8b, exaone-4.0-32b-fp8, ...), or a name for --config");
  command.add_option("--config", target.config, "A Hugging Face config.json: any model");
  add_int_option(command, "--cards", target.cards, kCardsRange, "Devices that hold the model together");
  add_int_option(command, "--pes", target.pes, {1, 8}, "RNGD: PEs of the card: 1, 2, 4 or 8");
  add_int_option(command, "--tp", target.tensor_parallel, {0, 1024}, "Tensor parallel, in cards; 0 = all of them");
  add_int_option(command, "--pp", target.pipeline_parallel, kCardsRange, "Pipeline stages");
}

Result<DeviceProfile> device_of(const CostTarget& target) {
  if (target.profile.empty()) return builtin_device(target.device);
  ONDOL_TRY(const std::string text, read_text_file(target.profile, kMaxProfileBytes));
  Result<DeviceProfile> profile = parse_device_profile(text);
  if (!profile) return fail(profile.error(), target.profile);
  return profile;
}

Result<ModelShape> shape_of(const CostTarget& target) {
  if (target.config.empty() && target.model.empty())
    return fail(Code::kInvalidArgument, "name a --model, or give its --config config.json");
  if (target.config.empty()) return builtin_model(target.model);
  ONDOL_TRY(const std::string text, read_text_file(target.config, kMaxConfigBytes));
  Result<ModelShape> shape = parse_model_config(text, target.model.empty() ? target.config : target.model);
  if (!shape) return fail(shape.error(), target.config);
  return shape;
}

Placement placement_of(const CostTarget& target) {
  return {
      .units = target.cards, .pes = target.pes, .tensor_parallel = target.tensor_parallel, .pipeline_parallel = target.pipeline_parallel};
}

json::object prediction(const CostModel& model, const StepCost& cost, const CostPredictOptions& options) {
  json::object terms;
  for (size_t i = 0; i < cost.term_s.size(); ++i) {
    const std::string_view name = cost_term_name(static_cast<CostTerm>(i));
    terms[json::string_view(name.data(), name.size())] = rounded(cost.term_s[i] * 1e3);
  }
  const double tokens_per_s = options.batch / cost.seconds;
  json::object out{{"device", model.device().name},
                   {"cards", model.placement().units},
                   {"model", model.model().name},
                   {"batch", options.batch},
                   {"context", options.context},
                   {"prefill", options.prefill},
                   {"step_ms", rounded(cost.seconds * 1e3)},
                   {"power_w", rounded(cost.power_w)},
                   {"idle_power_w", rounded(model.idle_power_w())},
                   {"step_j", rounded(cost.energy_j())},
                   {"bound", std::string(cost_term_name(cost.bound))},
                   {"terms_ms", std::move(terms)},
                   {"kv_capacity_tokens", model.kv_capacity_tokens()},
                   {"max_batch", model.max_batch()},
                   {"profile_source", model.device().source}};
  if (options.batch > 0) {
    out["tpot_ms"] = rounded(cost.seconds * 1e3);
    out["tokens_per_s"] = rounded(tokens_per_s);
    out["j_per_token"] = rounded(cost.energy_j() / options.batch);
  }
  return out;
}

void print_prediction(const json::object& out) {
  const auto text = [&](const char* key) {
    const json::value& value = out.at(key);
    return value.is_string() ? std::string(value.get_string().c_str()) : pretty_json(value);
  };
  fmt::print("{} on {} x {}, batch {}, context {}, prefill {}\n", text("model"), text("cards"), text("device"), text("batch"),
             text("context"), text("prefill"));
  fmt::print("step      {} ms, bound by {}\n", text("step_ms"), text("bound"));
  if (out.contains("tpot_ms")) {
    fmt::print("serving   {} tokens/s, TPOT {} ms, {} J/token\n", text("tokens_per_s"), text("tpot_ms"), text("j_per_token"));
  }
  fmt::print("power     {} W (idle {} W)\n", text("power_w"), text("idle_power_w"));
  Table table;
  table.column("TERM");
  table.column("MS", Table::Align::kRight);
  for (const auto& entry : out.at("terms_ms").get_object()) table.row({std::string(entry.key()), pretty_json(entry.value())});
  fmt::print("{}from      {}\n", table.render(), text("profile_source"));
}

Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.flush();
  if (!file) return fail(Code::kPermissionDenied, "cannot write " + ondol::quoted(path) + ": choose another --out");
  return {};
}

template <class Options, class Bind, class Run>
void add_command(CLI::App& parent, Action& action, const char* name, const char* about, Bind bind, Run run) {
  CLI::App* command = parent.add_subcommand(name, about);
  const auto options = std::make_shared<Options>();
  bind(*command, *options);
  command->callback([options, run, &action] { action = [options, run] { return run(*options); }; });
}

}  // namespace

void bind_cost_predict(CLI::App& command, CostPredictOptions& options) {
  bind_target(command, options.target);
  add_int_option(command, "--batch", options.batch, kBatchRange, "Sequences that get a token in the step");
  add_int_option(command, "--context", options.context, kTokensRange, "Tokens of each that are in the cache");
  add_int_option(command, "--prefill", options.prefill, kTokensRange, "Tokens of a prompt that is computed in the same step");
  command.add_flag("--json", options.json, "Machine-readable output");
  command.footer(
      "Examples:\n"
      "  ondol cost predict --device rngd --cards 4 --model exaone-4.0-32b-fp8 --batch 8 --context 4096\n"
      "  ondol cost predict --device rngd --pes 4 --model exaone-4.0-1.2b --batch 1 --context 1024\n"
      "  ondol cost predict --device h100 --config ./config.json --batch 0 --prefill 2048 --json | jq .terms_ms");
}

void bind_cost_calibrate(CLI::App& command, CostCalibrateOptions& options) {
  bind_target(command, options.target);
  command.add_option("--csv", options.csv, "Measurements; the columns are described in docs/cost.md");
  command.add_flag("--published", options.published, "Fit to the published rows that the built-in profile was fitted to");
  command.add_option("--out", options.out, "Where the profile goes")->required();
  command.add_flag("--json", options.json, "Machine-readable output");
  command.footer(
      "Examples:\n"
      "  ondol cost calibrate --csv steps.csv --device rngd --model llama-3.1-8b --out my-rngd.json\n"
      "  ondol cost calibrate --published --device h100 --out h100.json\n"
      "  ondol cost predict --profile my-rngd.json --model llama-3.1-8b --batch 8");
}

Status run_cost_predict(const CostPredictOptions& options) {
  if (options.batch == 0 && options.prefill == 0)
    return fail(Code::kInvalidArgument, "an empty step: give a --batch, a --prefill, or both");
  ONDOL_TRY(const DeviceProfile device, device_of(options.target));
  ONDOL_TRY(const ModelShape shape, shape_of(options.target));
  ONDOL_TRY(const CostModel model, CostModel::make(device, shape, placement_of(options.target)));
  const PrefillPart part{.tokens = options.prefill, .context = 0};
  const StepCost cost = model.step({.decodes = options.batch,
                                    .decode_context = int64_t{options.batch} * options.context,
                                    .longest_context = options.context,
                                    .prefills = {&part, options.prefill > 0 ? size_t{1} : size_t{0}}});
  const json::object out = prediction(model, cost, options);
  if (options.json) {
    print_json(out);
  } else {
    print_prediction(out);
  }
  return {};
}

Status run_cost_calibrate(const CostCalibrateOptions& options) {
  if (options.published == !options.csv.empty()) return fail(Code::kInvalidArgument, "give either --csv FILE or --published");
  ONDOL_TRY(const DeviceProfile device, device_of(options.target));
  Result<Fit> fit = std::unexpected(Error{});
  if (options.published) {
    fit = calibrate_published(device);
  } else {
    ONDOL_TRY(const ModelShape shape, shape_of(options.target));
    ONDOL_TRY(const std::string text, read_text_file(options.csv, kMaxCalibrationBytes));
    const Result<std::vector<CalibrationRow>> rows = parse_calibration(text);
    if (!rows) return fail(rows.error(), options.csv);
    fit = calibrate(device, shape, placement_of(options.target), *rows);
  }
  if (!fit) return std::unexpected(fit.error());
  ONDOL_TRY_STATUS(write_file(options.out, device_profile_json(fit->profile)));
  json::object fields;
  for (const std::string& name : fit->fields) {
    const ProfileField& field = *profile_field(name);
    fields[name] = json::object{{"before", device.*field.value}, {"after", fit->profile.*field.value}};
  }
  if (options.json) {
    print_json(json::object{
        {"out", options.out}, {"error_before", fit->error_before}, {"error_after", fit->error_after}, {"fields", std::move(fields)}});
    return {};
  }
  fmt::print("{}: typical error {:.1f} % before, {:.1f} % after\n", options.out, fit->error_before * 100, fit->error_after * 100);
  for (const std::string& name : fit->fields) {
    const ProfileField& field = *profile_field(name);
    fmt::print("  {:<22}{:.6g} -> {:.6g}\n", name, device.*field.value, fit->profile.*field.value);
  }
  return {};
}

void add_cost(CLI::App& root, Action& action) {
  CLI::App* cost = root.add_subcommand("cost", "Predict step time and power of a model on a device");
  cost->require_subcommand(1);
  add_command<CostPredictOptions>(*cost, action, "predict", "Step time, tokens/s, power and energy of one batch", bind_cost_predict,
                                  run_cost_predict);
  add_command<CostCalibrateOptions>(*cost, action, "calibrate", "Fit a device profile to measurements", bind_cost_calibrate,
                                    run_cost_calibrate);
  add_command<CostCheckOptions>(*cost, action, "check", "Compare predictions with every published figure, worst first", bind_cost_check,
                                run_cost_check);
}

}  // namespace ondol
