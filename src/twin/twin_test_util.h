// Cost models of the twin's tests.
#pragma once

#include <gtest/gtest.h>

#include "cost/cost_model.h"
#include "twin/twin_engine.h"

namespace ondol {

inline CostModel test_cost(std::string_view device, std::string_view model) {
  const Result<DeviceProfile> profile = builtin_device(device);
  const Result<ModelShape> shape = builtin_model(model);
  EXPECT_TRUE(profile) << profile.error().message;
  EXPECT_TRUE(shape) << shape.error().message;
  Result<CostModel> cost = CostModel::make(*profile, *shape, {});
  EXPECT_TRUE(cost) << cost.error().message;
  return std::move(*cost);
}

inline TwinEngineOptions rngd_options() { return {.kind = TwinEngineKind::kFuriosaLlm, .cost = test_cost("rngd", "llama-3.1-8b")}; }
inline TwinEngineOptions vllm_options() { return {.kind = TwinEngineKind::kVllm, .cost = test_cost("rtx-pro-6000", "llama-3.1-8b")}; }

}  // namespace ondol
