#include "meter/meter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ondol {
namespace {

constexpr int64_t kMs = 1000, kSecond = 1'000'000;

void expect_closed(const DeviceMeter& meter) {
  const MeterTotals totals = meter.totals();
  EXPECT_NEAR(totals.requests_j + totals.idle_j, totals.device_j, 1e-9 * (1 + totals.device_j));
}

TEST(Meter, BooksTimeWithoutWorkToIdle) {
  DeviceMeter meter(50);
  meter.counter(0, 1000);
  meter.counter(kSecond, 1060);
  EXPECT_DOUBLE_EQ(meter.totals().idle_j, 60);  // all of it, whatever the idle power was said to be
  meter.work(1, kSecond + 200 * kMs, kSecond + 600 * kMs, 1);
  meter.counter(2 * kSecond, 1160);
  const EnergyAccount account = meter.account(1);
  EXPECT_DOUBLE_EQ(account.energy_j, 100 - 50 * 0.6);
  EXPECT_DOUBLE_EQ(account.device_s, 0.4);
  EXPECT_EQ(account.source, EnergySource::kCounter);
  EXPECT_DOUBLE_EQ(meter.totals().idle_j, 60 + 30);
  EXPECT_DOUBLE_EQ(meter.totals().busy_s, 0.4);
  EXPECT_DOUBLE_EQ(meter.totals().idle_s, 1.6);
  expect_closed(meter);
}

TEST(Meter, IdleTakesNoMoreThanThereWas) {
  DeviceMeter meter(500);
  meter.counter(0, 0);
  meter.work(1, 0, 100 * kMs, 1);
  meter.counter(kSecond, 10);
  EXPECT_DOUBLE_EQ(meter.totals().idle_j, 10);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 0);
  expect_closed(meter);
}

TEST(Meter, SharesByWeightWhateverTheTime) {
  DeviceMeter meter(0);
  meter.counter(0, 0);
  meter.work(1, 0, kSecond, 3);
  meter.work(2, 500 * kMs, 600 * kMs, 1);
  meter.counter(kSecond, 100);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 75);
  EXPECT_DOUBLE_EQ(meter.account(2).energy_j, 25);
  EXPECT_DOUBLE_EQ(meter.account(1).device_s + meter.account(2).device_s, 1);
}

TEST(Meter, AWorkOverTwoIntervalsWeighsItsPartInEach) {
  DeviceMeter meter(0);
  meter.counter(0, 0);
  meter.work(1, 0, 2 * kSecond, 8);  // told before it has ended
  meter.work(2, 0, kSecond, 4);
  meter.counter(kSecond, 100);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 50);
  meter.counter(2 * kSecond, 130);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 80);
  EXPECT_DOUBLE_EQ(meter.account(2).energy_j, 50);
}

TEST(Meter, LateWorkCountsFromTheLastReadingOn) {
  DeviceMeter meter(0);
  meter.counter(0, 0);
  meter.counter(kSecond, 100);
  meter.work(1, 500 * kMs, 1500 * kMs, 2);
  meter.work(2, kSecond, 1500 * kMs, 1);
  meter.work(3, 0, kSecond, 1000);  // wholly in the past
  meter.counter(2 * kSecond, 200);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 50);
  EXPECT_DOUBLE_EQ(meter.account(2).energy_j, 50);
  EXPECT_DOUBLE_EQ(meter.account(3).energy_j, 0);
  expect_closed(meter);
}

TEST(Meter, AStalledReadingIsSharedWholeWhenItComes) {
  DeviceMeter meter(10);
  meter.power(0, 100);
  for (uint64_t id = 0; id < 60; ++id) meter.work(id, static_cast<int64_t>(id) * kSecond, static_cast<int64_t>(id + 1) * kSecond, 1);
  meter.power(60 * kSecond, 300);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 200 * 60);
  EXPECT_NEAR(meter.account(17).energy_j, 200, 1e-9);
  EXPECT_EQ(meter.account(17).source, EnergySource::kPower);
}

TEST(Meter, EstimatesWithoutReadingsAndSaysSo) {
  DeviceMeter meter(40);
  meter.counter(0, 0);
  meter.work(1, 0, 500 * kMs, 1);
  meter.work(2, 250 * kMs, 500 * kMs, 0);
  meter.estimate(kSecond, 200);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 100 + 20);
  EXPECT_DOUBLE_EQ(meter.totals().idle_j, 20);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 100);
  meter.work(1, kSecond, 2 * kSecond, 1);
  meter.counter(2 * kSecond, 200);
  EXPECT_EQ(meter.account(1).source, EnergySource::kEstimate);  // the weakest stays
  expect_closed(meter);
}

TEST(Meter, ACounterThatComesBackMakesTheEstimatesGood) {
  DeviceMeter meter(40);
  meter.counter(0, 1000);
  meter.estimate(kSecond, 200);  // books 40 J
  meter.counter(2 * kSecond, 1100);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 100);
  meter.work(1, 2 * kSecond, 3 * kSecond, 1);
  meter.estimate(3 * kSecond, 200);  // books 200 J, too much
  meter.counter(4 * kSecond, 1250);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 300);
  meter.counter(5 * kSecond, 1400);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 400);  // as the counter has it again
  expect_closed(meter);
}

TEST(Meter, ReadingsThatGoBackBeginAnew) {
  DeviceMeter meter(0);
  meter.counter(0, 1000);
  meter.counter(kSecond, 1100);
  meter.work(1, kSecond, 2 * kSecond, 1);
  meter.counter(2 * kSecond, 5);  // the driver was loaded anew
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 100);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 0);
  meter.counter(3 * kSecond, 25);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 120);
  meter.power(kSecond, 100);  // time goes back
  meter.power(2 * kSecond, 100);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 220);
  expect_closed(meter);
}

TEST(Meter, TakesPowerUntilACounterIsThere) {
  DeviceMeter meter(0);
  meter.power(0, 100);
  meter.counter(kSecond, 7777);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 100);
  meter.counter(2 * kSecond, 7800);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 123);
}

TEST(Meter, TwoReadingsAtOneTimeLoseNothing) {
  DeviceMeter meter(0);
  meter.counter(0, 0);
  meter.counter(kSecond, 10);
  meter.counter(kSecond, 12);
  meter.counter(2 * kSecond, 20);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 20);
}

TEST(Meter, IgnoresWhatIsNoNumber) {
  DeviceMeter meter(0);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  meter.counter(0, 0);
  meter.counter(kSecond, nan);
  meter.power(kSecond, -1);
  meter.work(1, 0, kSecond, nan);
  meter.work(1, kSecond, 0, 1);
  meter.counter(2 * kSecond, 10);
  EXPECT_DOUBLE_EQ(meter.totals().device_j, 10);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 10);
}

TEST(Meter, WorkOfAFinishedRequestIsNobodys) {
  DeviceMeter meter(0);
  meter.counter(0, 0);
  meter.work(1, 0, 500 * kMs, 1);
  meter.counter(500 * kMs, 50);
  meter.work(1, 500 * kMs, 600 * kMs, 1);
  EXPECT_DOUBLE_EQ(meter.finish(1).energy_j, 50);
  meter.work(1, 600 * kMs, 700 * kMs, 1);  // told after the end
  meter.counter(kSecond, 80);
  EXPECT_DOUBLE_EQ(meter.totals().unclaimed_j, 30);
  EXPECT_DOUBLE_EQ(meter.account(1).energy_j, 0);
  EXPECT_EQ(meter.finish(1).source, EnergySource::kEstimate);
  expect_closed(meter);
}

TEST(Meter, OpensNoMoreAccountsThanItsLimit) {
  DeviceMeter meter(0);
  meter.counter(0, 0);
  const uint64_t many = DeviceMeter::kMaxRequests + 1000;
  for (uint64_t id = 0; id < many; ++id) meter.work(id, 0, kSecond, 1);
  meter.counter(kSecond, static_cast<double>(many));
  EXPECT_NEAR(meter.totals().unclaimed_j, 1000, 1e-6);
  EXPECT_NEAR(meter.account(5).energy_j, 1, 1e-9);
}

TEST(Meter, ManyWorksWithoutAReadingAreMergedAndKeepTheirWeight) {
  DeviceMeter meter(0);
  meter.counter(0, 0);
  const auto many = static_cast<int64_t>(DeviceMeter::kMaxWorks) * 2 + 17;
  for (int64_t i = 0; i < many; ++i) meter.work(static_cast<uint64_t>(i % 4), i * 10, i * 10 + 10, i % 4 == 3 ? 3 : 1);
  meter.counter(many * 10, 600);
  EXPECT_NEAR(meter.account(0).energy_j, 100, 0.01);
  EXPECT_NEAR(meter.account(3).energy_j, 300, 0.01);
  expect_closed(meter);
}

}  // namespace
}  // namespace ondol
