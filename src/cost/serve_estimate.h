// What a steady load comes to: a closed loop of requests, worked out from the steps that it consists of.
//
// Owner: pure function. Any thread. Bounded: a fixed number of steps is priced.
#pragma once

#include "cost/cost_model.h"

namespace ondol {

struct ServeLoad {
  double concurrency = 1;  // requests in the system, on average; waiting ones count
  int64_t input = 512;     // tokens of a prompt, mean
  int64_t output = 512;    // tokens of an answer, mean
  double spread = 1;       // the longest context over the mean one: 1 = all requests alike, 4 = chats as people have them
  int beams = 1;           // sequences that one request decodes at a time (beam search)
  double max_batch = 0;    // streams at once; 0 = the device's default
};

struct ServeEstimate {
  double streams = 0;  // requests that decode at one time
  double step_s = 0;   // a decode step without prompts
  double tpot_s = 0;   // between a stream's tokens, prompts of others included
  double ttft_s = 0;   // waiting for the prompts of others included
  double tokens_per_s = 0;
  double power_w = 0;  // of all units
  double energy_j_per_token = 0;
  StepCost step;  // the decode step, for its terms
};

ServeEstimate serve_estimate(const CostModel& model, const ServeLoad& load);

}  // namespace ondol
