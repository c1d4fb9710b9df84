#include "twin/twin_floor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <thread>
#include <tuple>

#include "base/test_folder_test_util.h"
#include "net/client.h"

namespace ondol {
namespace json = boost::json;
namespace {

class TwinFloorTest : public testing::Test {
 protected:
  void SetUp() override {
    FloorSpec spec;
    spec.speed = 100;
    for (int i = 0; i < 2; ++i) spec.devices.push_back({.kind = FloorDeviceKind::kNpu, .profile = "rngd"});
    spec.devices.push_back({.kind = FloorDeviceKind::kGpu, .profile = "h100"});
    for (const auto& [name, kind, devices] :
         {std::tuple{"left", TwinEngineKind::kFuriosaLlm, "npu:0"}, std::tuple{"right", TwinEngineKind::kFuriosaLlm, "npu:1"},
          std::tuple{"gpu", TwinEngineKind::kVllm, "gpu:0"}}) {
      FloorEngine engine;
      engine.name = name;
      engine.kind = kind;
      engine.model = "llama-3.1-8b";
      engine.devices = devices;
      spec.engines.push_back(engine);
    }
    auto plan = plan_floor(std::move(spec), [](const std::string&) -> Result<std::string> { return fail(Code::kNotFound, ""); });
    ASSERT_TRUE(plan) << plan.error().message;
    auto floor = TwinFloor::start(std::move(*plan), {.tree = folder_.path("tree"), .port_base = 0});
    ASSERT_TRUE(floor) << floor.error().message;
    floor_ = std::move(*floor);
  }

  Result<HttpResponse> post(const std::string& url, const std::string& body) {
    return http_fetch({.method = "POST", .url = url, .headers = {{"Content-Type", "application/json"}}, .body = body});
  }
  Result<HttpResponse> get(const std::string& url) {
    ClientRequest request;
    request.url = url;
    return http_fetch(request);
  }
  TwinListing engine(std::string_view name) {
    for (const TwinListing& each : floor_->engines())
      if (each.name == name) return each;
    ADD_FAILURE() << name;
    return {};
  }
  // Until `done`, or the test fails: what the floor does on its own thread.
  template <class Done>
  void wait_until(Done done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    EXPECT_TRUE(done());
  }
  std::string occupancy(int card) { return folder_.read("tree/sys/class/rngd_mgmt/rngd!npu" + std::to_string(card) + "mgmt/pe_occupancy"); }

  TestFolder folder_;
  std::unique_ptr<TwinFloor> floor_;
};

TEST_F(TwinFloorTest, EnginesAnswerAndDevicesAreSeen) {
  const auto answer = post(engine("left").url + "/v1/completions", R"({"model":"m","prompt":"hello","max_tokens":5})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(json::parse(answer->body).at("usage").at("completion_tokens"), 5);
  wait_until([&] { return occupancy(0).starts_with("1\n"); });
  const auto reader = make_twin_gpu_reader(*floor_);
  const auto gpus = reader->read();
  ASSERT_EQ(gpus.size(), 1u);
  EXPECT_EQ(gpus[0].unhealthy, "");
  wait_until([&] { return reader->read()[0].power_w.value_or(0) > 10; });
}

TEST_F(TwinFloorTest, ACrashedEngineClosesItsPortAndComesBack) {
  const std::string url = engine("left").url;
  const auto ordered = post(floor_->control_url() + "/twin/fault", R"({"engine":"left","kind":"crash"})");
  ASSERT_TRUE(ordered) << ordered.error().message;
  EXPECT_EQ(ordered->status, 200) << ordered->body;
  wait_until([&] { return !engine("left").serving; });
  EXPECT_FALSE(get(url + "/health"));
  EXPECT_TRUE(get(engine("right").url + "/health"));
  EXPECT_TRUE(floor_->inject("left", {}));
  wait_until([&] { return engine("left").serving; });
  EXPECT_EQ(engine("left").url, url);
  EXPECT_EQ(get(url + "/health")->status, 200);
}

TEST_F(TwinFloorTest, ALostCardLeavesTheTreeAndReturns) {
  EXPECT_TRUE(floor_->inject("right", {.kind = TwinFault::Kind::kLost}));
  const std::string card = "tree/sys/class/rngd_mgmt/rngd!npu1mgmt";
  wait_until([&] { return !folder_.has(card); });
  EXPECT_TRUE(folder_.has("tree/sys/class/rngd_mgmt/rngd!npu0mgmt"));
  EXPECT_TRUE(floor_->inject("right", {}));
  wait_until([&] { return folder_.has(card); });
}

// Over files in the tree, as `ondol device set` writes them.
TEST_F(TwinFloorTest, ALowerPowerLimitHoldsTheEngineBack) {
  const std::string limit = "tree/sys/kernel/debug/rngd/mgmt0/power_limit_mw";
  const std::string throttle = "tree/sys/class/rngd_mgmt/rngd!npu0mgmt/throttle_reason";
  const std::string before = folder_.read(limit);
  std::jthread client([url = engine("left").url](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      (void)http_fetch({.method = "POST",
                        .url = url + "/v1/completions",
                        .headers = {{"Content-Type", "application/json"}},
                        .body = R"({"model":"m","prompt":"hello","max_tokens":2000})"})
          .has_value();
    }
  });
  // Between two answers the engine idles: what was seen once counts.
  const auto most_w = [&](double enough_w) {
    double most = 0;
    wait_until([&] { return (most = std::max(most, engine("left").load.power_w)) > enough_w; });
    return most;
  };
  (void)most_w(100);
  EXPECT_EQ(folder_.read(throttle), "0x0\n");
  folder_.write(limit, "80000\n");
  bool told = false;
  wait_until([&] { return told = told || folder_.read(throttle) == "0x4\n"; });
  EXPECT_LT(most_w(50), 80.01);  // of a step that was planned since
  EXPECT_FALSE(engine("right").load.capped);
  folder_.write(limit, before);
  (void)most_w(100);
  wait_until([&] { return folder_.read(throttle) == "0x0\n"; });
}

TEST_F(TwinFloorTest, DevicesDrawWhatTheirEnginesCount) {
  ASSERT_TRUE(post(engine("left").url + "/v1/completions", R"({"model":"m","prompt":"hello","max_tokens":500})"));
  const auto device = [&](size_t i) { return floor_->device_energy().at(i); };
  EXPECT_EQ(device(0).name, "npu0");
  EXPECT_EQ(device(2).name, "gpu0");
  const double engine_j = engine("left").load.energy_j, engine_s = engine("left").load.time_s;
  wait_until([&] { return device(0).energy_j >= engine_j; });
  const TwinDeviceEnergy later = device(0);
  EXPECT_LE(later.energy_j, 1.01 * engine("left").load.energy_j + 40);
  EXPECT_GT(later.time_s, 0);
  EXPECT_GT(engine_s, 0);
}

TEST_F(TwinFloorTest, SaysWhatAnEngineIs) {
  const TwinListing left = engine("left");
  EXPECT_EQ(left.model, "llama-3.1-8b");
  EXPECT_EQ(left.served_model, "llama-3.1-8b");
  EXPECT_EQ(left.devices, "npu:0");
  EXPECT_EQ(left.device_names, std::vector<std::string>{"npu0"});
  EXPECT_EQ(left.text, "filler");
  ASSERT_TRUE(floor_->cost_of("gpu"));
  EXPECT_EQ(floor_->cost_of("gpu")->device().name, "h100");
  EXPECT_FALSE(floor_->cost_of("nobody"));
  const json::value shown = json::parse(get(floor_->control_url() + "/twin/floor")->body);
  EXPECT_EQ(shown.at("devices").as_array().size(), 3u);
  EXPECT_EQ(shown.at("engines").at(0).at("text"), "filler");
}

TEST_F(TwinFloorTest, WrongOrdersAreRefused) {
  const std::string url = floor_->control_url() + "/twin/fault";
  EXPECT_EQ(post(url, R"({"engine":"nobody","kind":"hang"})")->status, 404);
  EXPECT_EQ(post(url, R"({"engine":"left","kind":"slow"})")->status, 400);
  EXPECT_EQ(post(url, R"({"engine":"left"})")->status, 400);
  EXPECT_EQ(post(url, R"({"engine":"left","kind":"hang","how":1})")->status, 400);
  EXPECT_EQ(post(url, "[")->status, 400);
}

TEST_F(TwinFloorTest, TheTreeGoesWithTheFloor) {
  EXPECT_TRUE(folder_.has("tree/sys"));
  floor_.reset();
  EXPECT_FALSE(folder_.has("tree"));
}

}  // namespace
}  // namespace ondol
