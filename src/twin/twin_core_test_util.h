// A twin's core with its time in the test's hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "twin/twin_core.h"
#include "twin/twin_test_util.h"

namespace ondol {

class TwinCoreTest : public ::testing::Test {
 protected:
  using Kind = TwinFault::Kind;
  struct Told {
    std::vector<double> tokens;  // when each came
    std::optional<TwinFinish> finish;
    TwinUsage usage;
  };
  struct Sink final : TwinSink {
    Sink(Told& told, const double& now) : told_(told), now_(now) {}
    void on_token(int64_t index) override {
      EXPECT_EQ(index, static_cast<int64_t>(told_.tokens.size()));
      EXPECT_FALSE(told_.finish);
      told_.tokens.push_back(now_);
    }
    void on_finish(TwinFinish reason, const TwinUsage& usage) override {
      EXPECT_FALSE(told_.finish) << "a second end";
      told_.finish = reason;
      told_.usage = usage;
    }
    Told& told_;
    const double& now_;
  };

  TwinCoreTest() { restart(rngd_options()); }
  void restart(const TwinEngineOptions& options) { core_.emplace(options); }

  Result<uint64_t> submit(int64_t prompt, int64_t answer, int32_t id = 0) {
    TwinRequest request;
    request.prompt.assign(static_cast<size_t>(prompt), id == 0 ? ++last_id_ : id);
    request.max_tokens = answer;
    told_.push_back(std::make_unique<Told>());
    return core_->submit(std::move(request), std::make_shared<Sink>(*told_.back(), now_), now_);
  }
  void advance() {
    std::vector<TwinEvent> events;
    core_->advance(now_, events);
    for (const TwinEvent& event : events) {
      if (event.finish) {
        event.sink->on_finish(*event.finish, event.usage);
      } else {
        event.sink->on_token(event.index);
      }
    }
  }
  // Wakes at each due time up to `until`, `late` seconds after it.
  void run(double until, double late = 0) {
    while (core_->next_due() <= until) {
      now_ = std::max(now_, core_->next_due() + late);
      advance();
    }
    now_ = std::max(now_, until);
  }
  void run_all() { run(1e6); }
  double cost(int64_t prompt, int64_t answer) const {
    double seconds = core_->options().cost.prefill(prompt).seconds;
    for (int64_t i = 1; i < answer; ++i) seconds += core_->options().cost.decode(1, prompt + i).seconds;
    return seconds;
  }

  std::optional<TwinCore> core_;
  std::vector<std::unique_ptr<Told>> told_;
  double now_ = 0;
  int32_t last_id_ = 0;
};

}  // namespace ondol
