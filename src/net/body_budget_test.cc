#include "net/body_budget.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

namespace ondol {
namespace {

TEST(BodyBudget, GivesWhatThereIsAndTakesItBack) {
  BodyBudget budget(100);
  std::optional<BodyBudget::Share> first(std::in_place, budget), second(std::in_place, budget);
  EXPECT_TRUE(first->grow_to(60));
  EXPECT_TRUE(first->grow_to(50)) << "it never shrinks";
  EXPECT_EQ(budget.free(), 40u);
  EXPECT_FALSE(second->grow_to(41));
  EXPECT_TRUE(second->grow_to(40));
  EXPECT_FALSE(first->grow_to(61));
  EXPECT_EQ(budget.free(), 0u);
  first.reset();
  EXPECT_EQ(budget.free(), 60u);
  second.reset();
  EXPECT_EQ(budget.free(), 100u);
}

TEST(BodyBudget, AShareThatMovesIsCountedOnce) {
  BodyBudget budget(100);
  {
    BodyBudget::Share first(budget);
    ASSERT_TRUE(first.grow_to(70));
    BodyBudget::Share second(std::move(first));
    EXPECT_EQ(budget.free(), 30u);
    BodyBudget::Share third;
    third = std::move(second);
    EXPECT_EQ(budget.free(), 30u);
    EXPECT_TRUE(third.grow_to(100));
  }
  EXPECT_EQ(budget.free(), 100u);
}

TEST(BodyBudget, WithoutOneAllIsAllowed) { EXPECT_TRUE(BodyBudget::Share().grow_to(SIZE_MAX)); }

TEST(BodyBudget, ThreadsNeverTakeMoreThanThereIs) {
  BodyBudget budget(1000);
  std::atomic<int> granted = 0;
  std::vector<BodyBudget::Share> shares;
  for (int i = 0; i < 400; ++i) shares.emplace_back(budget);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (size_t i = t * 100; i < t * 100 + 100; ++i) granted += shares[i].grow_to(7) ? 1 : 0;
      });
  }
  EXPECT_EQ(granted, 1000 / 7);
  shares.clear();
  EXPECT_EQ(budget.free(), 1000u);
}

}  // namespace
}  // namespace ondol
