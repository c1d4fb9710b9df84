#include "meter/device_sampler.h"

#include <gtest/gtest.h>

#include <latch>

namespace ondol {
namespace {

TEST(DeviceSampler, PrefersTheCounterThenPowerThenTheModel) {
  ManualClock clock;
  DeviceMeter meter(10);
  std::optional<EnergyReading> reading = EnergyReading{.energy_j = 1000, .power_w = 5};
  DeviceSampler sampler({{.meter = &meter, .read = [&] { return reading; }, .busy_power_w = 100}}, clock);
  sampler.sample();
  clock.advance_us(1'000'000);
  reading = EnergyReading{.energy_j = 1050, .power_w = 5};
  meter.work(1, 0, 1'000'000, 1);
  sampler.settle(0);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 50);
  EXPECT_EQ(meter.account(1).source, EnergySource::kCounter);

  clock.advance_us(1'000'000);
  reading = EnergyReading{.power_w = 70};
  meter.work(2, 1'000'000, 2'000'000, 1);
  sampler.settle(0);
  EXPECT_DOUBLE_EQ(meter.finish(2).energy_j, 70);

  for (const auto& none : {std::optional<EnergyReading>(), std::optional<EnergyReading>(EnergyReading{})}) {
    const int64_t begin_us = clock.now_us();
    clock.advance_us(1'000'000);
    reading = none;
    meter.work(3, begin_us, begin_us + 500'000, 1);
    sampler.settle(0);
  }
  EXPECT_DOUBLE_EQ(meter.account(3).energy_j, 100);
  EXPECT_EQ(meter.account(3).source, EnergySource::kEstimate);
  sampler.settle(7);  // no such device
}

TEST(DeviceSampler, AdvancesWithoutReading) {
  ManualClock clock;
  DeviceMeter meter(0);
  int readings = 0;
  EnergyReading reading{.energy_j = 100};
  DeviceSampler sampler({{.meter = &meter,
                          .read =
                              [&] {
                                ++readings;
                                return std::optional(reading);
                              }}},
                        clock);
  sampler.sample();
  clock.advance_us(1'000'000);
  reading.energy_j = 150;
  sampler.sample();
  clock.advance_us(1'000'000);
  meter.work(1, 1'000'000, 2'000'000, 1);
  sampler.advance(0);
  EXPECT_EQ(readings, 2);
  EXPECT_DOUBLE_EQ(meter.finish(1).energy_j, 50);  // as in the second before
  clock.advance_us(1'000'000);
  reading.energy_j = 270;
  sampler.sample();
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 170);  // the counter's, again
  reading = {};
  clock.advance_us(1'000'000);
  sampler.sample();
  sampler.advance(0);  // no power is known any more: an estimate
  sampler.advance(7);
}

TEST(DeviceSampler, ACounterCountsAtTheTimeItWasLookedAt) {
  ManualClock clock;
  DeviceMeter meter(0);
  EnergyReading reading{.energy_j = 0, .power_w = {}, .at_us = 0};
  DeviceSampler sampler({{.meter = &meter, .read = [&] { return std::optional(reading); }}}, clock);
  sampler.sample();
  clock.advance_us(1'000'000);
  meter.work(1, 0, 500'000, 1);
  meter.work(2, 500'000, 1'000'000, 1);
  sampler.sample();  // no news
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 0);
  reading = {.energy_j = 30, .power_w = {}, .at_us = 500'000};
  sampler.sample();
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 30);
  EXPECT_DOUBLE_EQ(meter.account(2).energy_j, 0);
  reading.at_us = 400'000;  // never back
  reading.energy_j = 31;
  sampler.sample();
  reading = {.energy_j = 60, .power_w = {}, .at_us = {}};
  sampler.sample();
  EXPECT_DOUBLE_EQ(meter.account(2).energy_j, 30);
}

TEST(DeviceSampler, ReadsAllDevicesOverAndOverUntilStopped) {
  const SteadyClock clock;
  DeviceMeter first(0), second(0);
  std::latch reads(6);
  const auto read = [&]() -> std::optional<EnergyReading> {
    if (!reads.try_wait()) reads.count_down();
    return EnergyReading{.power_w = 100};
  };
  DeviceSampler sampler({{.meter = &first, .read = read}, {.meter = &second, .read = read}}, clock, 1000);
  sampler.start();
  sampler.start();  // once is enough
  reads.wait();
  sampler.stop();
  EXPECT_GT(first.totals().device_j, 0);
  EXPECT_GT(second.totals().device_j, 0);
}

}  // namespace
}  // namespace ondol
