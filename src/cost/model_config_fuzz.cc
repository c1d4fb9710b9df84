// Any bytes as a config.json: an error that says something, or a shape whose every figure is finite and can be priced.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "cost/cost_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const auto shape = parse_model_config({reinterpret_cast<const char*>(data), size}, "fuzzed");
  if (!shape) {
    if (shape.error().message.empty()) __builtin_trap();
    return 0;
  }
  if (!(shape->total_bytes() > 0) || !std::isfinite(shape->total_bytes())) __builtin_trap();
  const auto model = CostModel::make(*builtin_device("rngd"), *shape, {});
  if (!model) return 0;
  const double seconds = model->decode(3, 1000).seconds;
  if (!std::isfinite(seconds) || seconds <= 0) __builtin_trap();
  return 0;
}
