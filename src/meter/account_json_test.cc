#include "meter/account_json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

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

TEST(AccountJson, HasPricesOnlyWhereThereAreSome) {
  EXPECT_EQ(boost::json::serialize(account_json(report(1.25, {}))),
            R"({"energy_j":1.25E0,"energy_source":"counter","device":"cpu","device_seconds":5E-1,"queue_ms":1.25E0})");
  UsageReport priced = report(1, 1'500'000);
  priced.co2_g = 0.25;
  const boost::json::object out = account_json(priced);
  EXPECT_EQ(out.at("cost_krw"), 1.5);
  EXPECT_EQ(out.at("co2_g"), 0.25);
}

}  // namespace
}  // namespace ondol
