// Measurements that others published, and what the model says of them. Rows marked `fitted` were used to find the built-in profiles'
// constants (every other row of each source); the rest only check them.
//
// Owner: constant data and pure functions. Any thread. Bounded by the tables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cost/device_profile.h"
#include "cost/serve_estimate.h"

namespace ondol {

enum class Quantity {
  kTpotMs,  // of a served load
  kTtftMs,
  kTokensPerS,
  kPowerW,
  kJoulesPerToken,
  kItlMs,        // a decode step without prompts (the median of gaps between tokens)
  kLayerUs,      // matrix products of one layer for `concurrency` tokens
  kAttentionUs,  // attention of one layer for `concurrency` sequences of `input` tokens
  kPromptMs,     // computing one prompt of `input` tokens
};
std::string_view quantity_name(Quantity quantity);

struct PublishedRow {
  std::string_view source, device, model;
  int units = 1, pipeline = 1;
  double concurrency = 1;
  int64_t input = 0, output = 0;
  double spread = 1;
  Quantity quantity = Quantity::kTpotMs;
  double value = 0;
  bool fitted = false;
  std::string_view note = {};  // why a deviation is to be expected, or what had to be assumed
  double kv_bytes = 2;
  int beams = 1;
  bool whole_graph = false;  // compiled as one graph for exactly this shape, no serving engine around it
};

// FuriosaAI's figures and the HeteroPilot study of the RNGD, the ISCA'24 paper, the log of a vLLM server.
std::span<const PublishedRow> published_rngd();
// ML.ENERGY's lm-arena-chat: throughput, power, energy and gap of each configuration.
std::vector<PublishedRow> published_ml_energy();
std::vector<PublishedRow> all_published();

struct Checked {
  PublishedRow row;
  double predicted = 0;
  // predicted / published - 1
  double deviation() const { return predicted / row.value - 1; }
};

// With the row's built-in profile, or with `profile` if it is given. Fails only if the placement is impossible.
Result<double> predict_published(const PublishedRow& row, const DeviceProfile* profile = nullptr);
// Worst first.
Result<std::vector<Checked>> check_published();

}  // namespace ondol
