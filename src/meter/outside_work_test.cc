#include "meter/outside_work.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <random>

namespace ondol {
namespace {

constexpr int64_t kMs = 1000, kSecond = 1'000'000;

// A token of a prompt: 1 ms, 1 J. A step: 10 ms; 2 J for each stream.
WorkModel plain_model() {
  return {.prefill = [](int64_t tokens) { return WorkCost{1e-3 * static_cast<double>(tokens), static_cast<double>(tokens)}; },
          .decode = [](int streams, int64_t) { return WorkCost{0.01, 2.0 * streams}; }};
}

// Devices of 100 W whose counters are read when a test says so.
class OutsideWorkTest : public testing::Test {
 protected:
  static MeteredDevice device(const std::string& name) {
    return {.name = name, .meter = std::make_shared<DeviceMeter>(0.0), .settle = {}, .prices = {}, .metrics = {}};
  }
  void read(OutsideWork& work, int64_t at_us) {
    work.book(at_us);
    for (const MeteredDevice& each : work.devices()) each.meter->counter(at_us, 1e-4 * static_cast<double>(at_us));
  }
  double joules(uint64_t id, uint64_t engine = 1) const { return npu_.meter->account(engine << 48 | id).energy_j; }
  void expect_closed(double accounts_j) const {
    const MeterTotals totals = npu_.meter->totals();
    EXPECT_NEAR(totals.requests_j + totals.idle_j, totals.device_j, 1e-9 * (1 + totals.device_j));
    EXPECT_NEAR(accounts_j + totals.unclaimed_j, totals.requests_j, 1e-9 * (1 + totals.device_j));
  }

  const MeteredDevice npu_ = device("npu0");
  OutsideWork work_{{npu_}, plain_model(), 1};
};

TEST_F(OutsideWorkTest, OnlyTheOldestPromptCosts) {
  read(work_, 0);
  const uint64_t first = work_.begin(0, 1000, true), second = work_.begin(0, 1000, true);
  read(work_, 500 * kMs);  // in the middle of a prefill
  EXPECT_DOUBLE_EQ(joules(first), 50);
  EXPECT_DOUBLE_EQ(joules(second), 0);
  work_.tokens(first, 800 * kMs,
               1);  // sooner than modelled: 500 J are left of its prompt, and 200 J of the other's are done by the reading
  read(work_, kSecond);
  EXPECT_DOUBLE_EQ(joules(first), 50 + 50 * 500.0 / 700);
  EXPECT_DOUBLE_EQ(joules(second), 50 * 200.0 / 700);
  expect_closed(joules(first) + joules(second));
}

TEST_F(OutsideWorkTest, APromptWeighsNoMoreThanItsModel) {
  read(work_, 0);
  const uint64_t slow = work_.begin(0, 100, true);
  const uint64_t stream = work_.begin(0, 0, true);
  work_.tokens(stream, 0, 1);
  read(work_, 100 * kMs);
  EXPECT_DOUBLE_EQ(joules(slow), 10);
  work_.tokens(stream, 150 * kMs, 5);
  read(work_, 200 * kMs);
  EXPECT_NEAR(joules(slow), 10, 1e-9) << "its 100 J are booked";
  EXPECT_NEAR(joules(stream), 10, 1e-9);
  work_.end(stream, 200 * kMs, -1, -1);
  read(work_, 300 * kMs);
  EXPECT_NEAR(joules(slow), 20, 1e-9) << "nobody else is at work";
  EXPECT_NEAR(npu_.meter->totals().idle_j, 0, 1e-9);
}

TEST_F(OutsideWorkTest, StreamsPayForTheirTokens) {
  const uint64_t many = work_.begin(0, 0, true), few = work_.begin(0, 0, true);
  work_.tokens(many, 0, 1);
  work_.tokens(few, 0, 1);
  read(work_, 0);
  work_.tokens(many, 30 * kMs, 5);
  work_.tokens(many, 60 * kMs, 4);
  work_.tokens(few, 90 * kMs, 3);
  read(work_, 100 * kMs);
  EXPECT_DOUBLE_EQ(joules(many), 7.5);
  EXPECT_DOUBLE_EQ(joules(few), 2.5);
  work_.tokens(many, 150 * kMs, 1);
  read(work_, 200 * kMs);
  EXPECT_DOUBLE_EQ(joules(many), 17.5) << "the other had no token since";
  work_.end(many, 250 * kMs, 0, 11);
  work_.end(few, 250 * kMs, 0, 8);  // four of its tokens were not told
  read(work_, 250 * kMs);
  EXPECT_DOUBLE_EQ(joules(few), 2.5 + 5) << "the other's usage is what was booked";
  const double sum_j = work_.finish(many, "m").energy_j + work_.finish(few, "m").energy_j;
  EXPECT_DOUBLE_EQ(sum_j, 25);
  expect_closed(sum_j);
}

TEST_F(OutsideWorkTest, AnAnswerThatDoesNotStreamPaysAsIfItDid) {
  read(work_, 0);
  const uint64_t whole = work_.begin(0, 100, false);
  const uint64_t next = work_.begin(0, 100, false);
  read(work_, 300 * kMs);  // 100 ms, 100 J each for the prompts; then 10 ms, 2 J for each token
  EXPECT_NEAR(joules(whole), 30 * 140.0 / 260, 1e-9);
  EXPECT_NEAR(joules(next), 30 * 120.0 / 260, 1e-9);
  work_.end(next, 400 * kMs, 100, 5);    // it was quicker than modelled: nothing is taken back
  work_.end(whole, 400 * kMs, 100, 51);  // 20 tokens of 50 were booked
  read(work_, 400 * kMs);
  EXPECT_NEAR(joules(whole), 30 * 140.0 / 260 + 10, 1e-9);
  EXPECT_NEAR(joules(next), 30 * 120.0 / 260, 1e-9);
  expect_closed(joules(whole) + joules(next));
}

TEST_F(OutsideWorkTest, UsageTellsWhatWasNotKnown) {
  read(work_, 0);
  const uint64_t unknown = work_.begin(0, 0, false), other = work_.begin(0, 300, true);
  work_.tokens(other, 50 * kMs, 1);
  work_.end(unknown, 100 * kMs, 98, 2);
  read(work_, 100 * kMs);
  // Nothing of it was booked yet: 98 J, and a token of 2 J beside the one that is the prompt's.
  EXPECT_NEAR(joules(unknown), 10 * 100.0 / 400, 1e-9);
  EXPECT_NEAR(joules(other), 10 * 300.0 / 400, 1e-9);
}

TEST_F(OutsideWorkTest, SumsOverAllItsDevices) {
  OutsideWork work({device("npu0"), device("npu1")}, plain_model(), 3);
  const uint64_t id = work.begin(0, 1000, true);
  read(work, 0);
  read(work, kSecond);
  const auto& devices = work.devices();
  devices[1].meter->work(7, kSecond, 2 * kSecond, 500);  // somebody else's, as much as this one's half
  work.end(id, 2 * kSecond, 2000, 0);
  devices[0].meter->counter(2 * kSecond, 200);
  devices[1].meter->estimate(2 * kSecond, 60);
  const EnergyAccount account = work.finish(id, "m");
  EXPECT_DOUBLE_EQ(account.energy_j, 100 + 100 + 100 + 30);
  EXPECT_DOUBLE_EQ(account.device_s, 1 + 1 + 1 + 0.5);
  EXPECT_EQ(account.source, EnergySource::kEstimate);
  EXPECT_DOUBLE_EQ(work.finish(id, "m").energy_j, 0);
}

TEST_F(OutsideWorkTest, TwoEnginesShareADevice) {
  OutsideWork other({npu_}, plain_model(), 2);
  const uint64_t mine = work_.begin(0, 100, true), theirs = other.begin(0, 100, true);
  EXPECT_EQ(mine, theirs);
  read(work_, 0);
  other.book(100 * kMs);
  read(work_, 100 * kMs);
  EXPECT_DOUBLE_EQ(joules(mine, 1), 5);
  EXPECT_DOUBLE_EQ(joules(theirs, 2), 5);
  other.end(theirs, 100 * kMs, -1, -1);
  EXPECT_DOUBLE_EQ(other.finish(theirs, "m").energy_j, 5);
  EXPECT_DOUBLE_EQ(joules(mine, 1), 5);
}

TEST_F(OutsideWorkTest, WhoLeavesMakesRoomForTheNext) {
  read(work_, 0);
  const uint64_t abandoned = work_.begin(0, 1000, true), waiting = work_.begin(0, 1000, true), last = work_.begin(0, 1000, true);
  read(work_, 100 * kMs);
  work_.finish(abandoned, "m");  // without an end
  work_.end(waiting, 150 * kMs, -1, -1);
  read(work_, 200 * kMs);
  EXPECT_DOUBLE_EQ(joules(waiting), 5 * 2.0 / 2) << "from 100 ms to 150 ms";
  EXPECT_DOUBLE_EQ(joules(last), 5);
  work_.tokens(abandoned, 200 * kMs, 5);
  read(work_, 300 * kMs);
  EXPECT_DOUBLE_EQ(joules(last), 15);
  EXPECT_DOUBLE_EQ(joules(abandoned), 0);
}

TEST_F(OutsideWorkTest, WhatMakesNoSenseChangesNothing) {
  read(work_, kSecond);
  const uint64_t id = work_.begin(kSecond, 100, true);
  read(work_, kSecond + 100 * kMs);
  for (const uint64_t unknown : {uint64_t{0}, id + 1, std::numeric_limits<uint64_t>::max()}) {
    work_.tokens(unknown, 2 * kSecond, 1);
    work_.end(unknown, 2 * kSecond, 1, 1);
    const EnergyAccount none = work_.finish(unknown, "m");
    EXPECT_DOUBLE_EQ(none.energy_j, 0);
    EXPECT_EQ(none.source, EnergySource::kEstimate);
  }
  work_.book(0);
  work_.tokens(id, 0, -3);
  work_.tokens(id, 0, 0);
  work_.end(id, 0, -1, -1);
  work_.end(id, 2 * kSecond, 1000, 1000);
  work_.tokens(id, 2 * kSecond, 1000);
  read(work_, 2 * kSecond);
  EXPECT_DOUBLE_EQ(work_.finish(id, "m").energy_j, 10);
  EXPECT_NEAR(npu_.meter->totals().idle_j, 90, 1e-9);

  WorkModel broken = plain_model();
  broken.prefill = [](int64_t) { return WorkCost{-1, std::numeric_limits<double>::quiet_NaN()}; };
  broken.decode = [](int, int64_t) { return WorkCost{0, std::numeric_limits<double>::infinity()}; };
  OutsideWork odd({npu_}, broken, 9);
  const uint64_t whole = odd.begin(2 * kSecond, std::numeric_limits<int64_t>::max(), false);
  odd.book(2 * kSecond + 500 * kMs);
  odd.end(whole, 3 * kSecond, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::max());
  read(odd, 3 * kSecond);
  EXPECT_NEAR(odd.finish(whole, "m").energy_j, 100, 1e-9);
}

TEST_F(OutsideWorkTest, IsBounded) {
  for (size_t i = 0; i < OutsideWork::kMaxRequests; ++i) EXPECT_GT(work_.begin(0, 1, true), 0u);
  EXPECT_EQ(work_.begin(0, 1, true), 0u);
  work_.finish(1, "m");
  EXPECT_GT(work_.begin(0, 1, true), 0u);
  OutsideWork nowhere({}, generic_work_model(), 4);
  const uint64_t id = nowhere.begin(0, 10, true);
  nowhere.tokens(id, 10, 1);
  nowhere.end(id, 20, 10, 1);
  EXPECT_EQ(nowhere.finish(id, "m").source, EnergySource::kEstimate);
}

TEST_F(OutsideWorkTest, WithoutACostModelATokenOfAnAnswerCostsTen) {
  const WorkModel model = generic_work_model();
  EXPECT_NEAR(model.decode(4, 1000).energy_j / 4, 10 * model.prefill(1).energy_j, 1e-9);
  EXPECT_GT(model.prefill(7).seconds, 0);
  EXPECT_GT(model.decode(1, 0).seconds, 0);
}

// Five minutes of requests that come, stream or not, are abandoned, end with and without usage: every joule is somebody's.
TEST_F(OutsideWorkTest, SumsClose) {
  std::mt19937_64 random(5);
  const auto pick = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
  std::vector<uint64_t> running;
  double accounts_j = 0;
  int64_t now_us = 0;
  read(work_, 0);
  for (int64_t next_us = 0; now_us < 300 * kSecond; now_us += pick(1, 40 * kMs)) {
    if (running.size() < 20 && pick(0, 3) == 0) running.push_back(work_.begin(now_us, pick(0, 300), pick(0, 1) == 0));
    if (!running.empty() && pick(0, 1) == 0) work_.tokens(running[static_cast<size_t>(pick(0, 100)) % running.size()], now_us, pick(1, 4));
    if (!running.empty() && pick(0, 4) == 0) {
      const uint64_t id = running.front();
      running.erase(running.begin());
      if (pick(0, 9) > 0) work_.end(id, now_us, pick(-1, 300), pick(-1, 200));
      if (pick(0, 9) > 0) read(work_, now_us);
      accounts_j += work_.finish(id, "m").energy_j;
    }
    if (now_us >= next_us) {
      read(work_, now_us);
      next_us = now_us + 100 * kMs;
    }
  }
  read(work_, now_us);
  for (const uint64_t id : running) accounts_j += work_.finish(id, "m").energy_j;
  expect_closed(accounts_j);
  EXPECT_GT(accounts_j, 0.8 * npu_.meter->totals().device_j);
}

}  // namespace
}  // namespace ondol
