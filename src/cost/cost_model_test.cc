#include "cost/cost_model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ondol {
namespace {

CostModel model_of(std::string_view device, std::string_view model, Placement place = {}) {
  auto made = CostModel::make(builtin_device(device).value(), builtin_model(model).value(), place);
  if (!made) throw std::runtime_error(made.error().message);
  return *made;
}

double term(const StepCost& cost, CostTerm which) { return cost.term_s[static_cast<size_t>(which)]; }

TEST(CostModel, TermsSumToTheStepAndTheLargestBounds) {
  for (const std::string& device : builtin_device_names()) {
    const CostModel model = model_of(device, "exaone-4.0-1.2b");
    for (const int batch : {1, 2, 7, 100}) {
      const StepCost cost = model.decode(batch, 900);
      double sum = 0;
      for (const double one : cost.term_s) {
        EXPECT_GE(one, 0);
        EXPECT_LE(one, term(cost, cost.bound));
        sum += one;
      }
      EXPECT_NEAR(sum, cost.seconds, 1e-12) << device;
      EXPECT_GE(cost.power_w, model.idle_power_w()) << device;
      EXPECT_LE(cost.power_w, model.device().cap_w + 1e-9) << device;
    }
  }
}

TEST(CostModel, OneStreamOnAnRngdReadsItsWeightsInTheMeasuredTime) {
  const StepCost cost = model_of("rngd", "llama-3.1-8b").decode(1, 1500);
  EXPECT_EQ(cost.bound, CostTerm::kWeights);
  EXPECT_NEAR(cost.seconds, 15.5e-3, 0.5e-3);  // 15.26 to 15.71 measured, prompts of others included
  EXPECT_NEAR(cost.power_w, 151, 3);
}

TEST(CostModel, MoreStreamsNeverCostLess) {
  for (const char* device : {"rngd", "h100"}) {
    const CostModel model = model_of(device, "llama-3.1-8b");
    double before = 0;
    for (int batch = 1; batch <= 256; ++batch) {
      const double seconds = model.decode(batch, 1000).seconds;
      EXPECT_GE(seconds, before) << device << " " << batch;
      before = seconds;
    }
  }
}

TEST(CostModel, AttentionRoundsUpToTheCompiledWidth) {
  const CostModel model = model_of("rngd", "llama-3.1-8b");
  EXPECT_DOUBLE_EQ(model.decode(4, 1025).seconds, model.decode(4, 2048).seconds);
  EXPECT_LT(model.decode(4, 1024).seconds, model.decode(4, 1025).seconds);
  // Contexts that differ fall into several groups.
  const double alike = term(model.decode(16, 2048), CostTerm::kAttention);
  const double mixed =
      term(model.step({.decodes = 16, .decode_context = 16 * 2048, .longest_context = 9000, .prefills = {}}), CostTerm::kAttention);
  EXPECT_NEAR(mixed / alike, 2.97, 0.01);  // 3.03 kernels measured
  // 64 sequences were compiled for 4096 tokens, 16 for 16384: four kernels.
  EXPECT_NEAR(term(model.decode(64, 16000), CostTerm::kAttention) / term(model.decode(1, 16000), CostTerm::kAttention), 4, 1e-9);
}

TEST(CostModel, AnRngdComputesPromptsAloneInPieces) {
  const CostModel model = model_of("rngd", "llama-3.1-8b");
  EXPECT_TRUE(model.prefill_alone());
  EXPECT_EQ(model.max_prefill_tokens(), 1024);
  EXPECT_DOUBLE_EQ(model.prefill(129).seconds, model.prefill(256).seconds);
  EXPECT_NEAR(model.prefill(1024).seconds, 32 * 2782e-6, 4e-3);
  const PrefillPart part{.tokens = 512, .context = 0};
  const double both = model.step({.decodes = 4, .decode_context = 4000, .longest_context = 1000, .prefills = {&part, 1}}).seconds;
  EXPECT_NEAR(both, model.decode(4, 1000).seconds + model.prefill(512).seconds, 1e-9);
  // Later pieces see the earlier ones.
  EXPECT_GT(model.prefill(2048).seconds, 2 * model.prefill(1024).seconds - 2e-3);
  EXPECT_GT(model.prefill(1024, 8192).seconds, model.prefill(1024).seconds);
}

TEST(CostModel, AGpuHidesAPromptBehindWeightStreaming) {
  const CostModel model = model_of("h100", "llama-3.1-8b");
  const PrefillPart part{.tokens = 32, .context = 0};
  const double both = model.step({.decodes = 8, .decode_context = 8000, .longest_context = 1000, .prefills = {&part, 1}}).seconds;
  EXPECT_LT(both, model.decode(8, 1000).seconds + 0.3 * model.prefill(32).seconds);
}

TEST(CostModel, ExpertsAreReadOnceForAllThatChooseThem) {
  const CostModel model = model_of("h100", "qwen3-30b-a3b");
  const double one = term(model.decode(1, 100), CostTerm::kWeights);
  const double many = term(model.decode(64, 100), CostTerm::kWeights);
  // 8 of 128 experts for one token; 64 tokens touch 128 x (1 - (15/16)^64) = 126.
  EXPECT_GT(many, 5 * one);
  EXPECT_LT(many, 126.0 / 8 * one);
  EXPECT_NEAR(term(model.decode(256, 100), CostTerm::kWeights) / many, 1, 0.2);
}

TEST(CostModel, WindowsBoundWhatIsRead) {
  const CostModel model = model_of("h100", "k-exaone-236b-a23b-fp8", {.units = 8});
  const double near = term(model.decode(8, 1000), CostTerm::kKvRead), far = term(model.decode(8, 101000), CostTerm::kKvRead);
  // 12 of 48 layers see everything, 36 see 128 tokens.
  EXPECT_NEAR(far / near, (12 * 101000.0 + 36 * 128) / (12 * 1000.0 + 36 * 128), 1e-6);
}

TEST(CostModel, FewerPesAreSlowerAndDrawLess) {
  const CostModel whole = model_of("rngd", "exaone-4.0-1.2b"), part = model_of("rngd", "exaone-4.0-1.2b", {.pes = 2});
  EXPECT_GT(term(part.decode(1, 1000), CostTerm::kWeights), 3 * term(whole.decode(1, 1000), CostTerm::kWeights));
  EXPECT_LT(term(part.decode(1, 1000), CostTerm::kCollective), term(whole.decode(1, 1000), CostTerm::kCollective));
  EXPECT_LT(part.decode(1, 1000).power_w - 40, 0.5 * (whole.decode(1, 1000).power_w - 40));  // above idle
  EXPECT_LT(part.kv_capacity_tokens(), whole.kv_capacity_tokens());
}

TEST(CostModel, CardsShareTheWeightsAndTalk) {
  const CostModel four = model_of("rngd", "exaone-4.0-32b-fp8", {.units = 4}), one = model_of("rngd", "exaone-4.0-32b-fp8");
  EXPECT_NEAR(term(one.decode(1, 1000), CostTerm::kWeights) / term(four.decode(1, 1000), CostTerm::kWeights), 4, 0.5);
  EXPECT_GT(term(four.decode(1, 1000), CostTerm::kCollective), term(one.decode(1, 1000), CostTerm::kCollective));
  EXPECT_DOUBLE_EQ(four.idle_power_w(), 4 * one.idle_power_w());
  const CostModel stages = model_of("rngd", "exaone-4.0-32b-fp8", {.units = 4, .pipeline_parallel = 4});
  EXPECT_NEAR(stages.decode(4, 1000).seconds, one.decode(1, 1000).seconds, 0.1e-3);
}

TEST(CostModel, CapacityIsWhatWasMeasured) {
  // 246,079 tokens on a card with Llama-3.1-8B in bf16.
  EXPECT_NEAR(static_cast<double>(model_of("rngd", "llama-3.1-8b").kv_capacity_tokens()), 246079, 2500);
}

TEST(CostModel, WhatDoesNotFitSaysWhatWould) {
  const auto made = CostModel::make(*builtin_device("rngd"), *builtin_model("llama-3.1-70b"), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kInvalidArgument);
  EXPECT_NE(made.error().message.find("4 whole ones would do"), std::string::npos) << made.error().message;
  EXPECT_TRUE(CostModel::make(*builtin_device("rngd"), *builtin_model("llama-3.1-70b"), {.units = 4}));
  EXPECT_FALSE(CostModel::make(*builtin_device("rngd"), *builtin_model("llama-3.1-8b"), {.pes = 2}));
}

TEST(CostModel, ImpossiblePlacementsAreErrors) {
  const DeviceProfile device = *builtin_device("rngd");
  const ModelShape model = *builtin_model("llama-3.1-8b");
  for (const Placement& place : {Placement{.units = 0}, Placement{.units = 3}, Placement{.pes = 3}, Placement{.units = 2, .pes = 4},
                                 Placement{.units = 4, .tensor_parallel = 3}, Placement{.units = 4, .pipeline_parallel = 3},
                                 Placement{.units = 2, .pipeline_parallel = 0}, Placement{.units = 64, .pipeline_parallel = 64}}) {
    const auto made = CostModel::make(device, model, place);
    ASSERT_FALSE(made) << place.units << " " << place.pes;
    EXPECT_EQ(made.error().code, Code::kInvalidArgument);
  }
}

TEST(CostModel, OddBatchesAreHarmless) {
  for (const char* device : {"rngd", "h100"}) {
    const CostModel model = model_of(device, "llama-3.1-8b");
    EXPECT_EQ(model.decode(0, 100).seconds, 0);
    EXPECT_EQ(model.decode(-5, 100).seconds, 0);
    EXPECT_DOUBLE_EQ(model.decode(0, 0).power_w, model.idle_power_w());
    EXPECT_TRUE(std::isfinite(model.decode(1 << 30, int64_t{1} << 50).seconds));
    EXPECT_TRUE(std::isfinite(model.prefill(int64_t{1} << 60, int64_t{1} << 60).seconds));
    EXPECT_EQ(model.prefill(-1).seconds > 1, false);
  }
}

}  // namespace
}  // namespace ondol
