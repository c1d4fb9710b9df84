// Throughput of an engine, measured through its public interface as llama-bench and llama-batched-bench define their figures.
//
// Called on one thread while nothing else uses the engine. Random prompts from a fixed seed, greedy, prefix cache off.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"

namespace ondol {

struct EngineBenchPlan {
  int prompt_tokens = 512;     // pp: tokens of the prompt; 0 = leave out
  int generated_tokens = 128;  // tg: tokens decoded one after another; 0 = leave out
  std::vector<int> batches;    // sequences decoded together
  int batch_prompt_tokens = 128;
  int batch_generated_tokens = 128;
  int repetitions = 3;  // the median counts; one more run in front warms up
};

struct EngineBenchReport {
  double prompt_rate = 0;             // tokens/s from submitting to the first token
  double generate_rate = 0;           // tokens/s of decoding after the first token
  std::map<int, double> batch_rates;  // tokens/s of all sequences together, once every one has its first token
};

// The engine options that the plan needs, on top of `base`: context, batch size, no prefix cache, prompts not throttled by streams.
EngineOptions bench_engine_options(const EngineBenchPlan& plan, EngineOptions base);

// `progress` (may be null) gets 0..1. Errors: what the engine says.
Result<EngineBenchReport> measure_engine(Engine& engine, const EngineBenchPlan& plan, const Clock& clock,
                                         const std::function<void(double)>& progress = {});

double median(std::vector<double> values);

}  // namespace ondol
