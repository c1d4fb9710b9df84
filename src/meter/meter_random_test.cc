// Five simulated minutes of a mixed load: requests of all lengths in shared steps, failures in the middle, a sampler that stalls, counters
// that are reset, readings that fail. What the device drew is known exactly, and every joule has to be found again.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "meter/meter.h"

namespace ondol {
namespace {

constexpr double kIdleW = 60;
constexpr int64_t kEndUs = 300'000'000;

enum class Readings { kCounter, kCounterOrEstimate, kCounterWithResets, kPower };

class MixedLoad {
 public:
  MixedLoad(uint64_t seed, Readings readings) : random_(seed), readings_(readings) {}

  void run() {
    count(now_us_);
    if (readings_ == Readings::kPower) read();
    while (now_us_ < kEndUs) {
      if (running_.size() < 32 && chance(running_.empty() ? 0.05 : 0.2)) running_.push_back(next_id_++);
      step();
      leave();
      if (now_us_ >= next_reading_us_) read();
    }
    for (const uint64_t id : running_) {
      read();
      accounts_j_ += meter_.finish(id).energy_j;
    }
    running_.clear();
    // A quiet end, in which a counter takes back what estimates had booked too much.
    for (int i = 0; i < 300; ++i) {
      step();
      count(now_us_);
    }
  }

  void check() const {
    const MeterTotals totals = meter_.totals();
    EXPECT_GT(accounts_j_, 1000);
    EXPECT_GT(totals.idle_j, 100);
    EXPECT_NEAR(totals.requests_j + totals.idle_j, totals.device_j, 1e-9 * totals.device_j);
    EXPECT_NEAR(accounts_j_ + totals.unclaimed_j, totals.requests_j, 1e-9 * totals.device_j);
    EXPECT_LT(totals.unclaimed_j, 0.05 * totals.device_j);
    EXPECT_NEAR(totals.busy_s + totals.idle_s, seconds_, 1e-6);
    if (readings_ == Readings::kPower) return;  // the integral of samples is not what was drawn
    EXPECT_NEAR(totals.device_j, counted_j_, 1e-9 * counted_j_);
  }

 private:
  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_); }
  bool chance(double p) { return std::bernoulli_distribution(p)(random_); }

  // One step of the engine, or a pause.
  void step() {
    const int64_t begin_us = now_us_;
    now_us_ += running_.empty() ? pick(1'000, 200'000) : pick(3'000, 60'000);
    power_w_ = running_.empty() ? kIdleW : 120 + 8 * static_cast<double>(running_.size()) + static_cast<double>(pick(0, 50));
    const double energy_j = power_w_ * static_cast<double>(now_us_ - begin_us) * 1e-6;
    counter_j_ += energy_j;
    since_reading_j_ += energy_j;
    for (const uint64_t id : running_) {
      // Not every request takes part in the whole of the step.
      const int64_t from_us = chance(0.2) ? pick(begin_us, now_us_) : begin_us;
      meter_.work(id, from_us, now_us_, static_cast<double>(pick(0, 1000)));
    }
  }

  // Ends and failures; most are settled first, some are not.
  void leave() {
    if (running_.empty() || !chance(0.15)) return;
    const auto place = running_.begin() + pick(0, static_cast<int64_t>(running_.size()) - 1);
    if (chance(0.9)) read();
    accounts_j_ += meter_.finish(*place).energy_j;
    if (chance(0.3)) meter_.work(*place, now_us_ - 1000, now_us_ + 1000, 5);  // its last step, told late
    running_.erase(place);
  }

  void read() {
    next_reading_us_ = now_us_ + (chance(0.01) ? pick(1'000'000, 15'000'000) : 100'000);
    if (readings_ == Readings::kPower) {
      meter_.power(now_us_, power_w_);
      seconds_ = static_cast<double>(now_us_) * 1e-6;
    } else if (readings_ == Readings::kCounterOrEstimate && chance(0.2)) {
      meter_.estimate(now_us_, 250);
    } else {
      count(now_us_);
    }
  }

  void count(int64_t at_us) {
    if (readings_ == Readings::kPower) return;
    const bool reset = counter_j_ < told_j_;
    meter_.counter(at_us, counter_j_);
    if (!reset) {  // the interval of a reset is counted by nobody
      counted_j_ += since_reading_j_;
      seconds_ += static_cast<double>(at_us - counted_us_) * 1e-6;
    }
    counted_us_ = at_us;
    told_j_ = counter_j_;
    since_reading_j_ = 0;
    if (readings_ == Readings::kCounterWithResets && chance(0.003)) counter_j_ = -1e6 * ++resets_;
  }

  std::mt19937_64 random_;
  const Readings readings_;
  DeviceMeter meter_{kIdleW};
  std::vector<uint64_t> running_;
  uint64_t next_id_ = 1;
  int64_t now_us_ = 0, next_reading_us_ = 0, counted_us_ = 0;
  double power_w_ = kIdleW;
  // What the device's counter shows, what it showed last, what has been drawn since, and what the meter has to have in the end.
  double counter_j_ = 5000, told_j_ = 0, since_reading_j_ = 0, counted_j_ = 0;
  double seconds_ = 0, accounts_j_ = 0;
  int resets_ = 0;
};

TEST(MeterRandom, EveryJouleIsFoundAgain) {
  for (const Readings readings : {Readings::kCounter, Readings::kCounterOrEstimate, Readings::kCounterWithResets, Readings::kPower}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " readings " << static_cast<int>(readings));
      MixedLoad load(seed, readings);
      load.run();
      load.check();
    }
  }
}

}  // namespace
}  // namespace ondol
