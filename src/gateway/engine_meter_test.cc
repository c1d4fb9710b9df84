#include "gateway/engine_meter.h"

#include <gtest/gtest.h>

#include <vector>

namespace ondol {
namespace {

ModelSpec spec(int window) {
  ModelSpec out;
  out.hidden = 8;
  out.heads = out.kv_heads = 2;
  out.head_dim = 4;
  out.ffn = 16;
  out.layers.resize(2);
  out.layers[0].window = window;
  return out;
}

class EngineMeterTest : public testing::Test {
 protected:
  // One second of work at 10 W, shared by the two.
  void second(EngineMeter& meter, const std::vector<StepShare>& shares) {
    device_->power(at_us_, 10);
    meter.step({at_us_, at_us_ + 1'000'000, shares});
    at_us_ += 1'000'000;
  }
  MeteredDevice metered() {
    const auto settle = [this] {
      ++settled_;
      device_->power(at_us_, 10);
    };
    return {"cpu", device_, settle, prices_, std::make_shared<EnergyMetrics>(metrics_)};
  }
  static double joules(EngineMeter& meter, uint64_t id) { return meter.finish(id, "m", {}, 0).energy_j; }

  Registry metrics_;
  std::shared_ptr<const PriceTable> prices_ = std::make_shared<PriceTable>(PriceTable{.electricity_per_kwh = micro_won(100), .pue = 1.5});
  std::shared_ptr<DeviceMeter> device_ = std::make_shared<DeviceMeter>(1.0);
  int64_t at_us_ = 0;
  int settled_ = 0;
};

TEST_F(EngineMeterTest, SharesAStepByTokensAndContext) {
  EngineMeter meter(metered(), 1, spec(0));
  second(meter, {{1, 3, 0}, {2, 1, 0}});
  const double many = joules(meter, 1), one = joules(meter, 2);
  EXPECT_EQ(settled_, 2);
  EXPECT_NEAR(many + one, 10, 1e-9);
  EXPECT_GT(many, 3 * one);  // the later of its tokens see those before them

  second(meter, {{3, 1, 1000}, {4, 1, 0}});
  EXPECT_GT(joules(meter, 3), 2 * joules(meter, 4));
}

TEST_F(EngineMeterTest, AWindowBoundsWhatContextCosts) {
  EngineMeter wide(metered(), 1, spec(0)), narrow(metered(), 2, spec(4));
  second(wide, {{1, 1, 1000}, {2, 1, 0}});
  const double in_full = joules(wide, 1);
  second(narrow, {{1, 1, 1000}, {2, 1, 0}});
  EXPECT_LT(joules(narrow, 1), in_full);
}

TEST_F(EngineMeterTest, TellsTheRequestsOfTwoEnginesApart) {
  EngineMeter first(metered(), 1, spec(0)), second_engine(metered(), 2, spec(0));
  second(first, {{7, 1, 0}});
  EXPECT_EQ(joules(second_engine, 7), 0);
  EXPECT_NEAR(joules(first, 7), 10, 1e-9);
}

TEST_F(EngineMeterTest, SaysWhatItCost) {
  EngineMeter meter(metered(), 1, spec(0));
  second(meter, {{1, 1, 0}});
  const UsageReport report = meter.finish(1, "m", {}, 2'500);
  EXPECT_EQ(report.device, "cpu");
  EXPECT_EQ(report.energy_source, "power");
  EXPECT_DOUBLE_EQ(report.device_seconds, 1);
  EXPECT_DOUBLE_EQ(report.queue_ms, 2.5);
  EXPECT_EQ(report.cost, micro_won(10 * 1.5 / 3.6e6 * 100));
  EXPECT_NE(metrics_.render().find("ondol_request_energy_joules_total{"), std::string::npos);
}

}  // namespace
}  // namespace ondol
