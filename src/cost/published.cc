#include "cost/published.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ondol {
namespace {

using Q = Quantity;
constexpr std::string_view kLow = "HeteroPilot rngd_lowload_envelope";
constexpr std::string_view kHigh = "HeteroPilot rngd_concurrency_envelope";
constexpr std::string_view kSteps = "HeteroPilot rngd_edf_bundle_notes";
constexpr std::string_view kLog = "vLLM 0.19 request log, RTX PRO 6000";
constexpr std::string_view kLlama = "llama-3.1-8b";
// The study gives a median prompt of 731 and, for its closed loop, a mean of 1220 tokens; 652 is its throughput times latency.
constexpr int64_t kIn = 1220, kOut = 652;
constexpr double kChats = 4;
constexpr std::string_view kQueue =
    "not explained: likely prompts of very unequal length that queue at the start; the model knows the steady state of a mean prompt";

constexpr PublishedRow served(std::string_view source, double concurrency, Q quantity, double value, bool fitted,
                              std::string_view note = {}) {
  return {source, "rngd", kLlama, 1, 1, concurrency, kIn, kOut, kChats, quantity, value, fitted, note};
}
// Kernel times: all of them went into the profile.
constexpr PublishedRow layer(double tokens, double value) {
  return {kSteps, "rngd", kLlama, 1, 1, tokens, 0, 0, 1, Q::kLayerUs, value, true, {}};
}
constexpr PublishedRow group(double sequences, int64_t context, double value) {
  return {kSteps, "rngd", kLlama, 1, 1, sequences, context, 0, 1, Q::kAttentionUs, value, true, {}};
}
constexpr PublishedRow mixed(double sequences, double value) {
  return {kSteps, "rngd", kLlama, 1, 1, sequences, 2200, 0, kChats, Q::kAttentionUs, value, true, "contexts of 2200 tokens on average"};
}

// A second of the log without prompts: streams that ran, the mean of their contexts, streams over tokens a second.
constexpr PublishedRow logged(double streams, int64_t context, double itl_ms, bool fitted) {
  return {kLog, "rtx-pro-6000", kLlama, 1, 1, streams, context, 2, 1, Q::kItlMs, itl_ms, fitted};
}

// clang-format off
constexpr std::array kRows{
    served(kLow, 1.00, Q::kTpotMs, 15.71, true), served(kLow, 1.00, Q::kTokensPerS, 63.1, true), served(kLow, 1.00, Q::kPowerW, 151.1, true),
    served(kLow, 1.99, Q::kTpotMs, 18.01, false), served(kLow, 1.99, Q::kTokensPerS, 110.1, false), served(kLow, 1.99, Q::kPowerW, 140.6, true),
    served(kLow, 3.98, Q::kTpotMs, 19.48, true), served(kLow, 3.98, Q::kTokensPerS, 200.9, true), served(kLow, 3.98, Q::kPowerW, 139.9, true),
    served(kLow, 7.88, Q::kTpotMs, 21.86, false), served(kLow, 7.88, Q::kTokensPerS, 356.8, false), served(kLow, 7.88, Q::kPowerW, 143.2, false),
    served(kLow, 15.59, Q::kTpotMs, 26.05, true), served(kLow, 15.59, Q::kTokensPerS, 598.2, true), served(kLow, 15.59, Q::kPowerW, 151.8, true),
    served(kHigh, 15.3, Q::kTpotMs, 25.71, true), served(kHigh, 15.3, Q::kTokensPerS, 585.8, true), served(kHigh, 15.3, Q::kTtftMs, 288.5, true, kQueue),
    served(kHigh, 29.3, Q::kTpotMs, 31.18, false), served(kHigh, 29.3, Q::kTokensPerS, 908.6, false), served(kHigh, 29.3, Q::kTtftMs, 725.0, false, kQueue),
    served(kHigh, 59.2, Q::kTpotMs, 44.54, true), served(kHigh, 59.2, Q::kTokensPerS, 1277.0, true), served(kHigh, 59.2, Q::kTtftMs, 1173.5, true, kQueue),
    served(kHigh, 107.2, Q::kTpotMs, 67.88, false), served(kHigh, 107.2, Q::kTokensPerS, 1473.3, false), served(kHigh, 107.2, Q::kTtftMs, 3260.6, false, kQueue),
    served(kSteps, 1, Q::kTpotMs, 15.26, true), served(kSteps, 2, Q::kTpotMs, 18.59, false), served(kSteps, 4, Q::kTpotMs, 21.41, true),
    served(kSteps, 8, Q::kTpotMs, 24.14, false), served(kSteps, 16, Q::kTpotMs, 27.24, true), served(kSteps, 32, Q::kTpotMs, 30.14, false),
    served(kSteps, 1, Q::kTtftMs, 158.4, true), served(kSteps, 2, Q::kTtftMs, 205.0, false, kQueue), served(kSteps, 4, Q::kTtftMs, 260.3, true, kQueue),
    served(kSteps, 8, Q::kTtftMs, 406.7, false, kQueue), served(kSteps, 16, Q::kTtftMs, 895.5, true, kQueue), served(kSteps, 32, Q::kTtftMs, 1894.4, false, kQueue),
    layer(1, 388.9), layer(2, 482.4), layer(8, 471.0), layer(64, 510.4), layer(512, 1431.5), layer(1024, 2685.7),
    group(1, 1024, 48.3), group(2, 1024, 54.5), group(4, 1024, 55.0), group(8, 1024, 68.8), group(16, 1024, 96.5),
    group(1, 2048, 38.8), group(2, 2048, 54.9), group(4, 2048, 76.7), group(8, 2048, 108.8), group(16, 2048, 171.1),
    mixed(2, 88.3), mixed(4, 131.3), mixed(8, 198.0), mixed(16, 254.2), mixed(32, 329.7),
    PublishedRow{"FuriosaAI product page", "rngd", "llama-3.1-8b-fp8", 1, 1, 128, 128, 4096, 1, Q::kTokensPerS, 3935.25, false,
                 "batch unstated: 128 assumed, and an 8-bit cache, as the SDK of the time quantised it", 1},
    PublishedRow{"FuriosaAI product page", "rngd", "llama-3.1-70b-fp8", 8, 8, 256, 2048, 128, 1, Q::kTokensPerS, 957.05, false,
                 "batch unstated: 256 assumed; a pipeline of 8 cards: the SDK of the time had no tensor parallelism between cards", 1},
    PublishedRow{"FuriosaAI SDK 2024.1 (MLPerf log)", "rngd", "gpt-j-6b-fp8", 1, 1, 32, 780, 69, 1, Q::kTokensPerS, 838.288, false,
                 "CNN/DailyMail: 780 tokens in, 69 out, beam search of 4 as MLPerf prescribes; FP8 and 32 samples at once assumed: what the cache holds; 99.5 % core utilisation: one graph", 1, 4, true},
    PublishedRow{"LG AI Research (secondhand, source not found)", "rngd", "exaone-3.5-32b", 4, 1, 1, 4096, 2, 1, Q::kItlMs, 16.7, false, "BF16 assumed"},
    PublishedRow{"LG AI Research (secondhand, source not found)", "rngd", "exaone-3.5-32b", 4, 1, 1, 32700, 2, 1, Q::kItlMs, 20.0, false, "BF16 assumed"},
    PublishedRow{"ISCA'24 Table II", "rngd", "llama-2-7b-fp8", 1, 1, 16, 2048, 2048, 1, Q::kTokensPerS, 935, false,
                 "FP8 with an 8-bit cache: a 16-bit one alone would need 17 of the 17.1 ms", 1, 1, true},
    PublishedRow{"ISCA'24 Table II", "rngd", "llama-2-7b-fp8", 1, 1, 32, 2048, 2048, 1, Q::kTokensPerS, 1293, false,
                 "FP8 with an 8-bit cache, as above", 1, 1, true},
    PublishedRow{"ISCA'24 Table II", "rngd", "llama-2-7b-fp8", 1, 1, 1, 128, 0, 1, Q::kPromptMs, 8, false, "FP8 assumed", 1, 1, true},
    PublishedRow{"ISCA'24 Table II", "rngd", "llama-2-7b-fp8", 1, 1, 1, 2048, 0, 1, Q::kPromptMs, 65, false,
                 "81 % of the FP8 peak; furiosa-llm, which the profile describes, reaches 61 to 65 % of BF16", 1, 1, true},
    logged(128, 1048, 27.03, true), logged(128, 1078, 26.32, false), logged(128, 1148, 27.78, true),
    logged(116, 1350, 28.47, false), logged(102, 1339, 26.15, true), logged(89, 1367, 24.36, false),
    logged(79, 1381, 24.06, true), logged(65, 1341, 22.83, false), logged(53, 1354, 21.72, true),
    logged(48, 1351, 20.76, false), logged(44, 1409, 20.86, true), logged(35, 1404, 18.25, false),
    logged(32, 1466, 17.44, true), logged(26, 1562, 16.08, false), logged(17, 1611, 14.23, true),
    logged(13, 1735, 14.15, false),
    PublishedRow{kLog, "rtx-pro-6000", kLlama, 1, 1, 1, 1034, 0, 1, Q::kPromptMs, 62.6, true},
    PublishedRow{kLog, "rtx-pro-6000", kLlama, 1, 1, 1, 1320, 0, 1, Q::kPromptMs, 79.5, false},
};
// clang-format on

Result<CostModel> model_of(const PublishedRow& row, const DeviceProfile* profile) {
  ONDOL_TRY(ModelShape model, builtin_model(row.model));
  model.kv_bytes = row.kv_bytes;
  DeviceProfile device;
  if (profile != nullptr) {
    device = *profile;
  } else {
    ONDOL_TRY(device, builtin_device(row.device));
  }
  if (row.whole_graph) {
    device.fused_share = 1;
    device.context_step = 128;
    device.kernel_overhead_s = device.pass_overhead_s = device.step_overhead_s = 0;
  }
  return CostModel::make(device, model, {.units = row.units, .pes = 8, .tensor_parallel = 0, .pipeline_parallel = row.pipeline});
}

double term(const StepCost& cost, CostTerm which) { return cost.term_s[static_cast<size_t>(which)]; }

// Matrix products of a layer, without attention, head and the host's time.
double layer_us(const CostModel& model, int64_t tokens) {
  const bool prompt = tokens > 256;
  const StepCost cost = prompt ? model.prefill(tokens) : model.decode(static_cast<int>(tokens), 128);
  const double other = term(cost, CostTerm::kAttention) + term(cost, CostTerm::kKvRead) + term(cost, CostTerm::kHead);
  return (cost.seconds - other - model.device().step_overhead_s) / model.model().layers * 1e6;
}

double attention_us(const CostModel& model, const PublishedRow& row) {
  const int count = static_cast<int>(row.concurrency);
  const StepCost cost = model.step({.decodes = count,
                                    .decode_context = count * row.input,
                                    .longest_context = static_cast<int64_t>(static_cast<double>(row.input) * row.spread),
                                    .prefills = {}});
  return (term(cost, CostTerm::kAttention) + term(cost, CostTerm::kKvRead)) / model.model().layers * 1e6;
}

}  // namespace

std::string_view quantity_name(Quantity quantity) {
  switch (quantity) {
    case Q::kTpotMs: return "TPOT ms";
    case Q::kTtftMs: return "TTFT ms";
    case Q::kTokensPerS: return "tokens/s";
    case Q::kPowerW: return "power W";
    case Q::kJoulesPerToken: return "J/token";
    case Q::kItlMs: return "ITL ms";
    case Q::kLayerUs: return "layer us";
    case Q::kAttentionUs: return "attention us";
    case Q::kPromptMs: return "prompt ms";
  }
  return "";
}

std::span<const PublishedRow> published_rngd() { return kRows; }

std::vector<PublishedRow> all_published() {
  std::vector<PublishedRow> rows(kRows.begin(), kRows.end());
  const std::vector<PublishedRow> more = published_ml_energy();
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

Result<double> predict_published(const PublishedRow& row, const DeviceProfile* profile) {
  ONDOL_TRY(const CostModel model, model_of(row, profile));
  if (row.quantity == Q::kLayerUs) return layer_us(model, static_cast<int64_t>(row.concurrency));
  if (row.quantity == Q::kAttentionUs) return attention_us(model, row);
  if (row.quantity == Q::kPromptMs) return model.prefill(row.input).seconds * 1e3;
  const ServeEstimate made = serve_estimate(model, {.concurrency = row.concurrency,
                                                    .input = row.input,
                                                    .output = row.output,
                                                    .spread = row.spread,
                                                    .beams = row.beams,
                                                    .max_batch = 8192});
  switch (row.quantity) {
    case Q::kTpotMs: return made.tpot_s * 1e3;
    case Q::kTtftMs: return made.ttft_s * 1e3;
    case Q::kTokensPerS: return made.tokens_per_s;
    case Q::kPowerW: return made.power_w;
    case Q::kJoulesPerToken: return made.energy_j_per_token;
    default: return made.step_s * 1e3;
  }
}

Result<std::vector<Checked>> check_published() {
  std::vector<Checked> checked;
  for (const PublishedRow& row : all_published()) {
    ONDOL_TRY(const double predicted, predict_published(row));
    checked.push_back({row, predicted});
  }
  std::ranges::sort(checked, std::greater<>(), [](const Checked& one) { return std::abs(std::log(one.predicted / one.row.value)); });
  return checked;
}

}  // namespace ondol
