// Books what one engine computes on its device's meter, and closes the accounts of its requests.
//
// Owner: shared by the engine's step thread (`step`) and the generations (`finish`). Any thread. Bounded as DeviceMeter and EnergyMetrics.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "gateway/usage.h"
#include "meter/metered_device.h"
#include "model/spec.h"

namespace ondol {

class EngineMeter {
 public:
  // `engine` tells the requests of several engines on one device apart.
  EngineMeter(MeteredDevice device, uint16_t engine, const ModelSpec& spec);

  // On the step thread. The step's time is its requests', by the operations of their tokens: 2 per weight that a token passes, 4 per number
  // of a key in its context (q.k and p.v), as far as a layer's window reaches.
  void step(const StepReport& report);

  // Closes request `id` of this engine.
  UsageReport finish(uint64_t id, const std::string& model, const Usage& usage, int64_t queue_us);

 private:
  uint64_t account_of(uint64_t id) const { return engine_ << 48 | id; }

  const MeteredDevice device_;
  const uint64_t engine_;
  double token_ops_ = 0, full_ops_ = 0, window_ops_ = 0;  // a token's; a token's for each token in its context, by kind of layer
  double window_ = 0;
};

}  // namespace ondol
