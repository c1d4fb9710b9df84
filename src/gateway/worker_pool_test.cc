#include "gateway/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace ondol {
namespace {

TEST(WorkerPool, RunsEveryJobThatItTook) {
  std::atomic<int> done = 0;
  std::promise<void> all;
  WorkerPool pool(2, 100, 100);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.post(
        [&] {
          if (++done == 50) all.set_value();
        },
        1));
  }
  all.get_future().wait();
  EXPECT_EQ(done, 50);
}

// One job that runs until the promise is kept; what comes after it waits.
class BusyPool : public testing::Test {
 protected:
  BusyPool() : pool_(1, 3, 100) {
    pool_.post(
        [this] {
          started_.set_value();
          released_.get_future().wait();
        },
        0);
    started_.get_future().wait();
  }
  std::promise<void> started_, released_;
  WorkerPool pool_;
};

TEST_F(BusyPool, RefusesMoreJobsThanItsBound) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool_.post([] {}, 1));
  EXPECT_FALSE(pool_.post([] {}, 1));
  released_.set_value();
}

TEST_F(BusyPool, RefusesMoreBytesThanItsBoundExceptForOneJob) {
  EXPECT_TRUE(pool_.post([] {}, 1000));
  EXPECT_FALSE(pool_.post([] {}, 1));
  released_.set_value();
}

TEST_F(BusyPool, StopDropsWhatWaitsAndThenWaitsForWhatRuns) {
  bool ran = false;
  // The job that runs goes on only when the one that waits is dropped.
  std::shared_ptr<void> dropped(nullptr, [this](void*) { released_.set_value(); });
  EXPECT_TRUE(pool_.post([&ran, held = std::move(dropped)] { ran = true; }, 1));
  pool_.stop();
  EXPECT_FALSE(ran);
  EXPECT_FALSE(pool_.post([] {}, 1));
}

}  // namespace
}  // namespace ondol
