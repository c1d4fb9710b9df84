// `ondol bench serve`: loads any OpenAI-compatible server and reports what it did.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/cli.h"
#include "load/load_client.h"
#include "load/load_plan.h"
#include "load/report.h"

namespace ondol {

struct BenchServeOptions {
  LoadTarget target{.url = "http://127.0.0.1:8080"};  // model: empty = the first that the server lists
  std::string endpoint = "chat";

  RequestShape shape;
  std::string prompts;  // file; empty = synthetic

  int concurrency = 8;
  double rate = 0;    // per second; not 0: Poisson
  std::string trace;  // file; not empty: replay
  double speed = 1;
  int limit = 0;  // of the trace's rows; 0 = all
  int max_in_flight = 1024;
  int warmup = 1;

  Slo slo;
  bool json = false;
  std::string html, save, from;  // files
};

void bind_bench_serve(CLI::App& command, BenchServeOptions& options);
Status run_bench_serve(const BenchServeOptions& options);
void add_bench_serve(CLI::App& parent, Action& action);

}  // namespace ondol
