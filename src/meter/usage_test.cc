#include "meter/usage.h"

#include <gtest/gtest.h>

#include <limits>

namespace ondol {
namespace {

RequestUse use() {
  return {.model = "exaone",
          .device = "GPU-1",
          .energy = {.energy_j = 7200, .device_s = 9, .source = EnergySource::kPower},
          .queue_us = 1500,
          .input_tokens = 1000,
          .output_tokens = 333};
}

TEST(Usage, PricesElectricityAndDeviceTime) {
  PriceTable table;
  EXPECT_EQ(price(table, use()), std::nullopt);
  table.electricity_per_kwh = micro_won(180.5);
  table.pue = 1.5;
  EXPECT_EQ(price(table, use()), micro_won(0.003 * 180.5));  // 7200 J at the device are 3 Wh at the meter
  table.device_hour["GPU-1"] = micro_won(4000);
  EXPECT_EQ(price(table, use()), micro_won(0.5415 + 10));
  table.electricity_per_kwh.reset();
  EXPECT_EQ(price(table, use()), micro_won(10));
  table.device_hour = {{"GPU-2", 1}};
  EXPECT_EQ(price(table, use()), std::nullopt);
}

TEST(Usage, APricePerTokenStandsAlone) {
  PriceTable table;
  table.electricity_per_kwh = micro_won(180);
  table.tokens["exaone"] = {.input_per_million = micro_won(100), .output_per_million = micro_won(400)};
  EXPECT_EQ(price(table, use()), micro_won(0.1) + micro_won(0.1332));
  RequestUse tiny = use();
  tiny.input_tokens = 0;
  tiny.output_tokens = 1;
  table.tokens["exaone"].output_per_million = 1'499'999;  // not quite one and a half millionths of a won
  EXPECT_EQ(price(table, tiny), 1);
  table.tokens["exaone"].output_per_million = 1'500'000;
  EXPECT_EQ(price(table, tiny), 2);
}

TEST(Usage, IsCutAtTheEndsOfItsRange) {
  EXPECT_EQ(micro_won(1e30), std::numeric_limits<MicroWon>::max());
  EXPECT_EQ(micro_won(std::numeric_limits<double>::quiet_NaN()), 0);
  PriceTable table;
  table.tokens["exaone"] = {.input_per_million = std::numeric_limits<MicroWon>::max(), .output_per_million = micro_won(1)};
  RequestUse huge = use();
  huge.input_tokens = huge.output_tokens = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(price(table, huge), std::numeric_limits<MicroWon>::max());
}

TEST(Usage, ReportsAllFields) {
  PriceTable table;
  table.grid_g_per_kwh = 430;
  table.pue = 1.2;
  const UsageReport report = usage_report(table, use());
  EXPECT_DOUBLE_EQ(report.energy_j, 7200);
  EXPECT_EQ(report.energy_source, "power");
  EXPECT_EQ(report.device, "GPU-1");
  EXPECT_DOUBLE_EQ(report.device_seconds, 9);
  EXPECT_DOUBLE_EQ(report.queue_ms, 1.5);
  EXPECT_EQ(report.cost, std::nullopt);
  EXPECT_DOUBLE_EQ(report.co2_g.value(), 0.0024 * 430);
  EXPECT_EQ(usage_report({}, use()).co2_g, std::nullopt);
}

}  // namespace
}  // namespace ondol
