// One call of the cost model. Usage: cost_bench; the target is less than a microsecond a step.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string_view>

#include "cost/cost_model.h"

namespace ondol {
namespace {

CostModel model_of(std::string_view device, std::string_view model, int units) {
  const auto made = CostModel::make(*builtin_device(device), *builtin_model(model), {.units = units});
  if (!made) std::abort();
  return *made;
}

void decode(benchmark::State& state, std::string_view device, std::string_view name, int units) {
  const CostModel model = model_of(device, name, units);
  int64_t context = 1000;
  for (auto _ : state) benchmark::DoNotOptimize(model.decode(17, context = 1000 + (context * 7) % 3000));
}

void mixed_step(benchmark::State& state, std::string_view device, std::string_view name, int units) {
  const CostModel model = model_of(device, name, units);
  const PrefillPart part{.tokens = 777, .context = 1024};
  int64_t context = 1000;
  for (auto _ : state) {
    context = 1000 + (context * 7) % 3000;
    benchmark::DoNotOptimize(
        model.step({.decodes = 32, .decode_context = 32 * context, .longest_context = 4 * context, .prefills = {&part, 1}}));
  }
}

BENCHMARK_CAPTURE(decode, rngd_llama_8b, "rngd", "llama-3.1-8b", 1);
BENCHMARK_CAPTURE(decode, rngd_k_exaone_4_cards, "rngd", "k-exaone-236b-a23b-w4", 4);
BENCHMARK_CAPTURE(decode, h100_qwen3_30b_a3b, "h100", "qwen3-30b-a3b", 1);
BENCHMARK_CAPTURE(mixed_step, rngd_llama_8b, "rngd", "llama-3.1-8b", 1);
BENCHMARK_CAPTURE(mixed_step, h100_qwen3_30b_a3b, "h100", "qwen3-30b-a3b", 1);

}  // namespace
}  // namespace ondol

BENCHMARK_MAIN();
