#include "meter/idle_share.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace ondol {
namespace {

constexpr int64_t kSecond = 1'000'000;
using Shares = std::map<std::string, double>;

TEST(IdleShare, GoesByBytesAndTime) {
  IdleShare share(0);
  share.follow(kSecond, 10);
  EXPECT_EQ(share.shares(), (Shares{{"(nobody)", 10}}));
  share.arrive("large", 3000, kSecond);
  share.arrive("small", 1000, kSecond);
  share.follow(2 * kSecond, 50);
  EXPECT_EQ(share.shares(), (Shares{{"(nobody)", 10}, {"large", 30}, {"small", 10}}));
  // Within one interval: 3000 for one second, 1000 for three, nobody for one.
  share.leave("large", 3000, 3 * kSecond);
  share.leave("small", 1000, 5 * kSecond);
  share.follow(6 * kSecond, 50 + 80);
  EXPECT_EQ(share.shares(), (Shares{{"(nobody)", 10 + 20}, {"large", 30 + 30}, {"small", 10 + 30}}));
}

TEST(IdleShare, SharesOutWhatIsNew) {
  IdleShare share(0);
  share.arrive("m", 10, 0);
  share.arrive("m", 0, 0);  // another instance, of a size that nobody knows
  share.follow(kSecond, 5);
  share.leave("m", 10, kSecond);
  share.follow(kSecond, 6);       // no time has passed: those who are there
  share.follow(kSecond / 2, 7);   // nor here
  share.follow(2 * kSecond, 2);   // a meter made anew
  share.follow(3 * kSecond, -1);  // no figure
  share.follow(3 * kSecond, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(share.shares(), (Shares{{"m", 9}}));
  share.leave("m", 0, 3 * kSecond);
  share.leave("m", 99, 3 * kSecond);
  share.follow(3 * kSecond, 3);
  EXPECT_NEAR(share.shares()["m"] + share.shares()["(nobody)"], 10, 1e-9);
}

TEST(IdleShare, NamesAreBounded) {
  IdleShare share(0);
  for (size_t i = 0; i < IdleShare::kMaxNames + 10; ++i) share.arrive("m" + std::to_string(i), 1, 0);
  share.follow(kSecond, static_cast<double>(IdleShare::kMaxNames) + 10);
  EXPECT_EQ(share.shares().size(), IdleShare::kMaxNames + 1);
  EXPECT_NEAR(share.shares()["(other)"], 10, 1e-9);
  for (size_t i = 0; i < IdleShare::kMaxNames + 10; ++i) share.leave("m" + std::to_string(i), 1, kSecond);
  share.follow(2 * kSecond, static_cast<double>(IdleShare::kMaxNames) + 20);
  EXPECT_NEAR(share.shares()["(nobody)"], 10, 1e-9);
}

TEST(IdleShare, SumsToTheIdleJoules) {
  std::mt19937_64 random(3);
  const auto pick = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
  IdleShare share(0);
  std::map<std::string, uint64_t> there;
  int64_t now_us = 0;
  double idle_j = 0;
  for (int i = 0; i < 10'000; ++i) {
    now_us += pick(0, kSecond);
    const std::string model = "m" + std::to_string(pick(0, 5));
    if (const auto found = there.find(model); found != there.end()) {
      share.leave(model, found->second, now_us);
      there.erase(found);
    } else {
      share.arrive(model, there[model] = static_cast<uint64_t>(pick(0, int64_t{1} << 36)), now_us);
    }
    if (pick(0, 2) == 0) share.follow(now_us, idle_j += static_cast<double>(pick(0, 1000)) * 0.1);
  }
  double sum = 0;
  for (const auto& [model, energy_j] : share.shares()) {
    EXPECT_GT(energy_j, 0) << model;
    sum += energy_j;
  }
  EXPECT_NEAR(sum, idle_j, 1e-9 * idle_j);
}

}  // namespace
}  // namespace ondol
