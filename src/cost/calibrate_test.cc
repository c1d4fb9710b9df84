#include "cost/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ondol {
namespace {

std::string error_of(std::string_view csv) {
  const auto rows = parse_calibration(csv);
  return rows ? "accepted" : rows.error().message;
}

TEST(CalibrationCsv, ReadsStepsAndKernels) {
  const auto steps = parse_calibration("# made up\nstep_ms, batch,context,prefill_tokens,power_w\r\n15.5,1,1000,0,151\n90,0,0,1024,\n\n");
  ASSERT_TRUE(steps) << steps.error().message;
  ASSERT_EQ(steps->size(), 2U);
  EXPECT_DOUBLE_EQ((*steps)[0].seconds, 0.0155);
  EXPECT_EQ((*steps)[0].power_w, 151);
  EXPECT_EQ((*steps)[1].prefill_tokens, 1024);
  EXPECT_FALSE((*steps)[1].power_w);
  const auto kernels =
      parse_calibration("kernel,tokens,batch,context,cycles,clock_mhz\nlinear,64,,,816640,1600\nattention,,8,2048,174080,1600\n");
  ASSERT_TRUE(kernels) << kernels.error().message;
  EXPECT_NEAR((*kernels)[0].seconds, 510.4e-6, 1e-9);
  EXPECT_EQ((*kernels)[0].kind, CalibrationRow::Kind::kLinear);
  EXPECT_EQ((*kernels)[1].kind, CalibrationRow::Kind::kAttention);
  EXPECT_EQ((*kernels)[1].batch, 8);
}

TEST(CalibrationCsv, ErrorsNameTheLine) {
  const std::string header = "batch,context,prefill_tokens,step_ms\n";
  EXPECT_NE(error_of("").find("no measurements"), std::string::npos);
  EXPECT_NE(error_of(header).find("no measurements"), std::string::npos);
  EXPECT_NE(error_of(header + "1,1,0,5\n1,1,0\n").find("line 3 has 3 columns"), std::string::npos);
  EXPECT_NE(error_of(header + "1,1,0,fast\n").find("step_ms is \"fast\""), std::string::npos);
  EXPECT_NE(error_of(header + "1,1,0,nan\n").find("line 2"), std::string::npos);
  EXPECT_NE(error_of(header + "-1,1,0,5\n").find("batch"), std::string::npos);
  EXPECT_NE(error_of(header + "0,1,0,5\n").find("computes nothing"), std::string::npos);
  EXPECT_NE(error_of("kernel,cycles,clock_mhz\nconv,5,5\n").find("\"conv\""), std::string::npos);
  EXPECT_NE(error_of("batch\n1\n").find("there is no context"), std::string::npos);
  EXPECT_NE(error_of(std::string(5000, 'x')).find("longer"), std::string::npos);
}

TEST(Calibrate, FindsTheConstantsThatMadeTheMeasurements) {
  DeviceProfile truth = *builtin_device("rngd");
  truth.weight_efficiency = 0.61;
  truth.compute_efficiency = 0.5;
  truth.kv_efficiency = 0.5;
  truth.serving_w = 60;
  const ModelShape model = *builtin_model("llama-3.1-8b");
  const CostModel made = *CostModel::make(truth, model, {});
  std::vector<CalibrationRow> rows;
  for (const int batch : {1, 4, 16, 64}) {
    for (const int64_t context : {500, 2000, 4000}) {
      const StepCost cost = made.decode(batch, context);
      rows.push_back({.batch = batch, .context = context, .seconds = cost.seconds, .power_w = cost.power_w});
    }
  }
  for (const int64_t tokens : {512, 1024, 4096}) {
    const StepCost cost = made.prefill(tokens);
    rows.push_back({.prefill_tokens = tokens, .seconds = cost.seconds, .power_w = cost.power_w});
  }
  const auto fit = calibrate(*builtin_device("rngd"), model, {}, rows);
  ASSERT_TRUE(fit) << fit.error().message;
  EXPECT_GT(fit->error_before, 0.1);
  EXPECT_LT(fit->error_after, 0.02);
  EXPECT_NEAR(fit->profile.weight_efficiency, 0.61, 0.06);
  EXPECT_NEAR(fit->profile.compute_efficiency, 0.5, 0.03);
}

TEST(Calibrate, LeavesAloneWhatTheRowsSayNothingOf) {
  const DeviceProfile start = *builtin_device("rngd");
  const std::vector<CalibrationRow> rows{{.kind = CalibrationRow::Kind::kLinear, .prefill_tokens = 1024, .seconds = 3e-3}};
  const auto fit = calibrate(start, *builtin_model("llama-3.1-8b"), {}, rows);
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->fields, std::vector<std::string>{"compute_efficiency"});
  EXPECT_LT(fit->profile.compute_efficiency, start.compute_efficiency);
  EXPECT_EQ(fit->profile.weight_efficiency, start.weight_efficiency);
  EXPECT_FALSE(calibrate(start, *builtin_model("llama-3.1-70b"), {}, rows));
  EXPECT_FALSE(calibrate(start, *builtin_model("llama-3.1-8b"), {}, {}));
}

TEST(DeviceProfile, SurvivesAFile) {
  for (const std::string& name : builtin_device_names()) {
    const DeviceProfile before = *builtin_device(name);
    const auto after = parse_device_profile(device_profile_json(before));
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(after->name, name);
    EXPECT_EQ(after->execution, before.execution);
    for (const ProfileField& field : profile_fields())
      EXPECT_DOUBLE_EQ((*after).*field.value, before.*field.value) << name << " " << field.name;
  }
  EXPECT_EQ(parse_device_profile(R"({"base":"h100","name":"mine","idle_w":60})")->idle_w, 60);
}

TEST(DeviceProfile, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(parse_device_profile("{}"));
  EXPECT_FALSE(parse_device_profile(R"({"base":"abacus"})"));
  EXPECT_FALSE(parse_device_profile(R"({"base":"h100","idle":60})"));
  EXPECT_FALSE(parse_device_profile(R"({"base":"h100","weight_efficiency":0})"));
  EXPECT_FALSE(parse_device_profile(R"({"base":"h100","weight_efficiency":"high"})"));
  EXPECT_FALSE(parse_device_profile(std::string(kMaxProfileBytes + 1, ' ')));
}

}  // namespace
}  // namespace ondol
