#include "app/floor_file.h"

#include <gtest/gtest.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

constexpr std::string_view kFloor = R"(name: test
speed: 20
seed: 3
devices:
  - kind: rngd
    count: 8
  - kind: h100
  - kind: cpu
engines:
  - name: a
    kind: furiosa-llm
    model: exaone-4.0-32b-fp8
    devices: npu:0,1,2,3
    port: 8101
    max_concurrency: 64
    faults:
      - {at: 60, kind: slow, factor: 3, seconds: 20}
      - {every: 300, kind: crash, seconds: 30}
  - name: b
    kind: vllm
    model: llama-3.1-8b
    devices: gpu:0
    prefix_cache: false
    relay: {url: "http://127.0.0.1:8080", model: smollm2-135m, api_key_env: RELAY_KEY}
)";

std::string problem(std::string_view text) {
  const auto spec = parse_floor(text);
  return spec ? "no problem" : spec.error().message;
}

TEST(FloorFile, ReadsEverything) {
  const auto spec = parse_floor(kFloor);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->devices.size(), 10u);
  EXPECT_EQ(spec->speed, 20);
  ASSERT_EQ(spec->engines.size(), 2u);
  EXPECT_EQ(spec->engines[0].port, 8101);
  EXPECT_EQ(spec->engines[0].line, 10);
  EXPECT_EQ(spec->engines[0].model_line, 12);
  ASSERT_EQ(spec->engines[0].faults.size(), 2u);
  EXPECT_EQ(spec->engines[0].faults[1].every_s, 300);
  EXPECT_FALSE(spec->engines[1].prefix_cache);
  EXPECT_EQ(spec->engines[1].kind, TwinEngineKind::kVllm);
  EXPECT_EQ(spec->engines[0].relay.url, "");
  EXPECT_EQ(spec->engines[1].relay.url, "http://127.0.0.1:8080");
  EXPECT_EQ(spec->engines[1].relay.model, "smollm2-135m");
  EXPECT_EQ(spec->engines[1].relay.api_key_env, "RELAY_KEY");
  EXPECT_EQ(spec->engines[1].relay_line, 24);
}

TEST(FloorFile, SaysTheLineOfWhatIsWrong) {
  EXPECT_EQ(problem("speed: 1\ncolour: red\n"),
            "line 2: a floor file has no key \"colour\"; the keys are name, speed, seed, devices, engines");
  EXPECT_EQ(problem("speed: 1\nspeed: 2\n"), "line 2: speed is given twice");
  EXPECT_EQ(problem("speed: fast\n"), "line 1: speed is \"fast\", and must be a number from 0.001 to 1000000");
  EXPECT_EQ(problem("devices: 8\n"), "line 1: devices must be a list, each entry with a dash");
  EXPECT_EQ(problem("devices:\n  - kind: rngd\n    count: 65\n"), "line 3: count is \"65\", and must be a whole number from 1 to 64");
  EXPECT_TRUE(problem("devices:\n  - kind: abacus\n").starts_with("line 2: "));
  EXPECT_EQ(problem("engines:\n  - name: a\n"), "line 2: an engine needs kind: ...");
  EXPECT_TRUE(problem("engines:\n  - name: a\n    port: 70000\n").starts_with("line 3: port is \"70000\""));
  EXPECT_TRUE(problem("a: [\n").starts_with("line "));
  EXPECT_TRUE(problem("- 1\n").starts_with("line 1: a floor file must have"));
  EXPECT_TRUE(problem(std::string(2 << 20, ' ')).starts_with("line 1: "));
}

TEST(FloorFile, FaultsComeAtATimeOrAgainAndAgain) {
  const auto fault = [](const std::string& text) {
    return problem("engines:\n  - name: a\n    kind: vllm\n    model: m\n    devices: gpu:0\n    faults:\n      - {" + text + "}\n");
  };
  EXPECT_EQ(fault("kind: hang, at: 3"), "no problem");
  EXPECT_EQ(fault("kind: hang"), "line 7: a fault comes at: SECONDS once, or every: SECONDS on average");
  EXPECT_TRUE(fault("kind: fire, at: 1").starts_with("line 7: there is no fault \"fire\""));
  EXPECT_TRUE(fault("kind: slow, at: 1").starts_with("line 7: a fault that slows down"));
}

TEST(FloorFile, ARelayNeedsAnAddressAndAModel) {
  const auto relay = [](const std::string& text) {
    return problem("engines:\n  - name: a\n    kind: vllm\n    model: m\n    devices: gpu:0\n    relay: " + text + "\n");
  };
  EXPECT_EQ(relay("{url: \"http://h\", model: m}"), "no problem");
  EXPECT_EQ(relay("{url: \"http://h\"}"), "line 6: a relay needs url: http://... and model: ...");
  EXPECT_TRUE(relay("{to: h}").starts_with("line 6: a relay has no key \"to\""));
  EXPECT_TRUE(relay("http://h").starts_with("line 6: a relay must have"));
}

TEST(FloorFile, PlansAFile) {
  const TestFolder folder;
  folder.write("floor.yaml", kFloor);
  const auto plan = read_floor(folder.path("floor.yaml"));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->engines.size(), 2u);
  folder.write("bad.yaml", "devices:\n  - kind: cpu\nengines:\n  - {name: a, kind: vllm, model: llama-3.1-8b, devices: 'gpu:0'}\n");
  const auto bad = read_floor(folder.path("bad.yaml"));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, folder.path("bad.yaml") + " line 4: there is no gpu:0; the floor has 0 GPUs");
}

TEST(FloorFile, TheExamplesAreRight) {
  for (const char* name : {"rngd8-h100x2.yaml", "small.yaml"}) {
    const auto plan = read_floor(std::string(ONDOL_SOURCE_DIR) + "/deploy/floors/" + name);
    EXPECT_TRUE(plan) << plan.error().message;
  }
}

}  // namespace
}  // namespace ondol
