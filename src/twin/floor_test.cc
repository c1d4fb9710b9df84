#include "twin/floor.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

Result<std::string> no_file(const std::string& path) { return fail(Code::kNotFound, "cannot read " + path); }

FloorEngine engine(std::string name, TwinEngineKind kind, std::string model, std::string devices, int line) {
  FloorEngine out;
  out.name = std::move(name);
  out.kind = kind;
  out.model = std::move(model);
  out.devices = std::move(devices);
  out.line = out.devices_line = out.model_line = out.port_line = line;
  return out;
}

FloorSpec floor_of(std::vector<FloorEngine> engines) {
  FloorSpec spec;
  for (int i = 0; i < 8; ++i) spec.devices.push_back({.kind = FloorDeviceKind::kNpu, .profile = "rngd"});
  for (int i = 0; i < 2; ++i) spec.devices.push_back({.kind = FloorDeviceKind::kGpu, .profile = "h100"});
  spec.engines = std::move(engines);
  return spec;
}

constexpr auto kNpu = TwinEngineKind::kFuriosaLlm;
constexpr auto kGpu = TwinEngineKind::kVllm;

std::string problem(std::vector<FloorEngine> engines) {
  const auto plan = plan_floor(floor_of(std::move(engines)), no_file);
  return plan ? "no problem" : plan.error().message;
}

TEST(FloorSlices, TakeTheVendorsNotation) {
  const auto four = parse_slices("npu:0,1,2,3").value();
  ASSERT_EQ(four.size(), 4u);
  EXPECT_EQ(four[3].index, 3);
  EXPECT_EQ(four[3].last_pe, 7);
  const auto half = parse_slices("npu:2:4-7").value();
  EXPECT_EQ(half[0].first_pe, 4);
  EXPECT_EQ(parse_slices("npu:0:3").value()[0].last_pe, 3);
  EXPECT_EQ(parse_slices("gpu:1").value()[0].kind, FloorDeviceKind::kGpu);
  for (const char* bad : {"", "0", "npu:", "npu:x", "npu:64", "npu:0:0-2", "npu:0:2-5", "npu:0:8", "npu:0:-1", "gpu:0:0-3", "npu:0,",
                          "npu:-1", "npu:0:0-", "tpu:0"}) {
    EXPECT_FALSE(parse_slices(bad)) << bad;
  }
}

TEST(Floor, PlansEngines) {
  const auto plan =
      plan_floor(floor_of({engine("a", kNpu, "exaone-4.0-32b-fp8", "npu:0,1,2,3", 10), engine("b", kNpu, "llama-3.1-8b", "npu:4:0-7", 11),
                           engine("c", kGpu, "llama-3.1-8b", "gpu:0", 12)}),
                 no_file);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->engines[0].options.cost.placement().units, 4);
  EXPECT_EQ(plan->engines[2].spec.served_name, "llama-3.1-8b");
  EXPECT_GT(plan->engines[1].options.max_context, 0);
  EXPECT_EQ(plan->npus(), 8);
}

TEST(Floor, SaysWhatIsWrongAndWhere) {
  const auto says = [](std::vector<FloorEngine> engines, std::string_view what) {
    const std::string message = problem(std::move(engines));
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  says({engine("a", kNpu, "llama-3.1-8b", "npu:0", 10), engine("b", kNpu, "llama-3.1-8b", "npu:0:4-7", 20)},
       "line 20: npu:0:4-7 of engine");
  says({engine("a", kNpu, "llama-3.1-8b", "npu:8", 10)}, "line 10: there is no npu:8; the floor has 8 NPUs");
  says({engine("a", kGpu, "llama-3.1-8b", "npu:0", 10)}, "line 10: vllm runs on gpu:N");
  says({engine("a", kNpu, "llama-3.1-8b", "gpu:0", 10)}, "line 10: furiosa-llm runs on npu:N");
  says({engine("a", kNpu, "gpt-17", "npu:0", 10)}, "line 10: ");
  says({engine("a", kNpu, "llama-3.1-70b", "npu:0", 10)}, "line 10: engine \"a\" on npu:0: ");
  says({engine("a", kNpu, "llama-3.1-8b", "npu:0:0-3,npu:1", 10)}, "line 10: an engine needs as many PEs");
  says({engine("a", kNpu, "llama-3.1-8b", "npu:0,npu:0", 10)}, "is named twice");
  says({engine("a", kNpu, "llama-3.1-8b", "npu:0", 10), engine("a", kNpu, "llama-3.1-8b", "npu:1", 20)}, "line 20: there are two engines");
  auto first = engine("a", kNpu, "llama-3.1-8b", "npu:0", 10), second = engine("b", kNpu, "llama-3.1-8b", "npu:1", 20);
  first.port = second.port = 9000;
  says({first, second}, "line 20: port 9000 is that of engine \"a\"");
  first.config = "there/is/none.json";
  says({first}, "cannot read there/is/none.json");
  second.port = 0;
  second.relay = {.url = "https://far", .model = "m", .api_key_env = ""};
  second.relay_line = 21;
  says({second}, "line 21: the relay's url: ");
  EXPECT_FALSE(plan_floor(FloorSpec{}, no_file));
}

}  // namespace
}  // namespace ondol
