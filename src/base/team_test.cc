#include "base/team.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ondol {
namespace {

TEST(Team, BarrierMakesEveryMembersWritesVisible) {
  for (const int size : {1, 2, 3, 5}) {
    Team team(size);
    std::vector<int> values(static_cast<size_t>(size));
    std::atomic<int> wrong{0};
    for (int round = 0; round < 50; ++round) {
      team.run([&](int member) {
        for (int step = 0; step < 20; ++step) {
          values[static_cast<size_t>(member)] = step;
          team.barrier();
          if (std::accumulate(values.begin(), values.end(), 0) != step * size) ++wrong;
          team.barrier();
        }
      });
    }
    EXPECT_EQ(wrong, 0) << size;
  }
}

TEST(Team, WorkCounterHandsOutEachItemOnce) {
  Team team(3);
  WorkCounter counter;
  std::vector<std::atomic<int>> taken(1000);
  team.run([&](int) {
    for (int64_t at; (at = counter.take(7)) < 1000;)
      for (int64_t i = at; i < std::min<int64_t>(at + 7, 1000); ++i) ++taken[static_cast<size_t>(i)];
  });
  for (const auto& count : taken) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace ondol
