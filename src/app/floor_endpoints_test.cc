#include "app/floor_endpoints.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

std::string guessed(const std::string& model, const std::vector<std::string>& devices, std::string_view product) {
  const auto cost = guess_cost({.name = "e", .model = model, .devices = devices, .environment = {}}, product);
  if (!cost) return "none";
  return cost->device().name + " " + cost->model().name + " " + std::to_string(cost->placement().units) + "x" +
         std::to_string(cost->placement().pes);
}

TEST(GuessCost, KnowsModelsAndDevicesByTheirNames) {
  EXPECT_EQ(guessed("furiosa-ai/EXAONE-4.0-32B-FP8", {"npu:0", "npu:1"}, "RNGD"), "rngd exaone-4.0-32b-fp8 2x8");
  EXPECT_EQ(guessed("meta-llama/Llama-3.1-8B", {"npu:0:0-3"}, "FuriosaAI RNGD"), "rngd llama-3.1-8b 1x4");
  EXPECT_EQ(guessed("Qwen3-8B", {"gpu:1"}, "NVIDIA H100 80GB HBM3"), "h100 qwen3-8b 1x8");
}

TEST(GuessCost, SaysNothingOfWhatItDoesNotKnow) {
  EXPECT_EQ(guessed("Qwen3-8B", {"gpu:1"}, "Tesla K80"), "none");
  EXPECT_EQ(guessed("my/own-model", {"gpu:1"}, "NVIDIA H100"), "none");
  EXPECT_EQ(guessed("llama-3.1-70b", {"npu:0:2"}, "RNGD"), "none") << "does not fit";
  EXPECT_EQ(guessed("", {}, ""), "none");
}

TEST(ProcessOf, SaysPhaseAndReason) {
  EngineReport well, ill;
  well.state.as.name = "a";
  well.state.phase = EnginePhase::kReady;
  ill.state.as.name = "b";
  ill.state.reason = "exit code 3";
  EXPECT_EQ(process_of({well, ill}, "a"), "ready");
  EXPECT_EQ(process_of({well, ill}, "b"), "waiting: exit code 3");
  EXPECT_EQ(process_of({well, ill}, "c"), "");
}

}  // namespace
}  // namespace ondol
