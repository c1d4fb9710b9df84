#include "twin/twin_floor.h"

#include <gtest/gtest.h>

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
      engine.speed = 100;
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
