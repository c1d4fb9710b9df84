// `ondol cost predict|calibrate|check`: what a model on a device would take and draw, and how well that is known.
#pragma once

#include <cstdint>
#include <string>

#include "app/cli.h"

namespace ondol {

// Which device, model and placement a command is about.
struct CostTarget {
  std::string device = "rngd";
  std::string profile;  // a file instead of the built-in device
  std::string model;
  std::string config;  // a config.json instead of the built-in model
  int cards = 1;
  int pes = 8;
  int tensor_parallel = 0;
  int pipeline_parallel = 1;
};

struct CostPredictOptions {
  CostTarget target;
  int batch = 1;
  int context = 1024;
  int prefill = 0;
  bool json = false;
};

struct CostCalibrateOptions {
  CostTarget target;
  std::string csv;
  bool published = false;
  std::string out;
  bool json = false;
};

struct CostCheckOptions {
  std::string device;
  int limit = 40;
  bool json = false;
};

void bind_cost_predict(CLI::App& command, CostPredictOptions& options);
void bind_cost_calibrate(CLI::App& command, CostCalibrateOptions& options);
void bind_cost_check(CLI::App& command, CostCheckOptions& options);
Status run_cost_predict(const CostPredictOptions& options);
Status run_cost_calibrate(const CostCalibrateOptions& options);
Status run_cost_check(const CostCheckOptions& options);
// `ondol cost` with its commands.
void add_cost(CLI::App& root, Action& action);

}  // namespace ondol
