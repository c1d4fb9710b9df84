#include "gateway/usage.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "gateway/response_format.h"

namespace ondol {
namespace {

UsageReport report(double energy_j, std::optional<MicroWon> cost) {
  return {.energy_j = energy_j,
          .energy_source = "counter",
          .device = "cpu",
          .device_seconds = 0.5,
          .queue_ms = energy_j,
          .cost = cost,
          .co2_g = {}};
}

TEST(AccountJson, StandsInTheUsage) {
  Usage usage;
  EXPECT_FALSE(usage_json(usage).as_object().contains("ondol"));
  usage.account = report(2, {});
  EXPECT_EQ(usage_json(usage).at("ondol").at("energy_j"), 2.0);
}

TEST(Together, AddsWhatSeveralAnswersCost) {
  UsageReport estimated = report(2, 7);
  estimated.energy_source = "estimate";
  const UsageReport both = together(report(1, 5), estimated);
  EXPECT_EQ(both.energy_j, 3);
  EXPECT_EQ(both.cost, 12);
  EXPECT_EQ(both.device_seconds, 1);
  EXPECT_EQ(both.queue_ms, 2);
  EXPECT_EQ(both.energy_source, "estimate");
}

}  // namespace
}  // namespace ondol
