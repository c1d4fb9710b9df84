// `ondol bench engine`: tokens/s as llama-bench and llama-batched-bench count them.
#pragma once

#include <string>

#include "app/cli.h"
#include "app/engine_rates.h"

namespace ondol {

struct BenchEngineOptions {
  std::string model;
  EngineBenchPlan plan{.batches = {8, 32}};
  EngineOptions engine{.threads = 2};
  bool json = false;
};

void bind_bench_engine(CLI::App& command, BenchEngineOptions& options);
Status run_bench_engine(const BenchEngineOptions& options);
void add_bench_engine(CLI::App& parent, Action& action);

}  // namespace ondol
