// Time, passed in so that policies and tests run on a clock of their own.
#pragma once

#include <chrono>
#include <cstdint>

namespace ondol {

class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since an arbitrary start; never goes back.
  virtual int64_t now_us() const = 0;
};

class SteadyClock final : public Clock {
 public:
  int64_t now_us() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

class ManualClock final : public Clock {
 public:
  int64_t now_us() const override { return now_us_; }
  void advance_us(int64_t step_us) { now_us_ += step_us; }

 private:
  int64_t now_us_ = 0;
};

}  // namespace ondol
