#include "twin/fault_plan.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

using Kind = TwinFault::Kind;

TEST(FaultPlan, AFaultByTimeComesOnce) {
  FaultPlan plan({{.fault = {.kind = Kind::kHang}, .at_s = 10}}, 1);
  EXPECT_TRUE(plan.due(9.9).empty());
  ASSERT_EQ(plan.due(10.1).size(), 1u);
  EXPECT_TRUE(plan.due(1000).empty());
}

TEST(FaultPlan, FaultsBySeedComeAgainAndAgainAndAlike) {
  const auto times = [](uint64_t seed) {
    FaultPlan plan({{.fault = {.kind = Kind::kCrash}, .every_s = 100}}, seed);
    std::vector<int> out;
    for (int s = 0; s < 10000; ++s)
      if (!plan.due(s).empty()) out.push_back(s);
    return out;
  };
  EXPECT_EQ(times(7), times(7));
  EXPECT_NE(times(7), times(8));
  EXPECT_GT(times(7).size(), 60u);
  EXPECT_LT(times(7).size(), 140u);
}

TEST(FaultPlan, NamesGoBothWays) {
  for (const Kind kind : {Kind::kNone, Kind::kHang, Kind::kSlow, Kind::kThrottle, Kind::kCrash, Kind::kLost, Kind::kGarbage}) {
    EXPECT_EQ(parse_fault_kind(fault_kind_name(kind)).value(), kind);
  }
  EXPECT_NE(parse_fault_kind("fire").error().message.find("throttle"), std::string::npos);
}

TEST(FaultPlan, FaultsThatMakeNoSenseAreRefused) {
  EXPECT_FALSE(check_fault({.kind = Kind::kSlow}));
  EXPECT_FALSE(check_fault({.kind = Kind::kHang, .factor = 2}));
  EXPECT_FALSE(check_fault({.kind = Kind::kHang, .seconds = -1}));
  EXPECT_TRUE(check_fault({.kind = Kind::kThrottle, .factor = 2, .seconds = 5}));
}

}  // namespace
}  // namespace ondol
