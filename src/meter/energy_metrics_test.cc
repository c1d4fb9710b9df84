#include "meter/energy_metrics.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(EnergyMetrics, KeepsFractionsOfAJoule) {
  Registry registry;
  EnergyMetrics metrics(registry);
  for (int i = 0; i < 10; ++i) metrics.request("m", "d", 0.25);
  metrics.request("m", "d", -5);
  metrics.request("m", "e", 7);
  const std::string text = registry.render();
  EXPECT_NE(text.find("ondol_request_energy_joules_total{model=\"m\",device=\"d\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ondol_request_energy_joules_total{model=\"m\",device=\"e\"} 7\n"), std::string::npos) << text;
  metrics.request("m", "d", 0.5);
  EXPECT_NE(registry.render().find("{model=\"m\",device=\"d\"} 3\n"), std::string::npos);
}

TEST(EnergyMetrics, FollowsAMeterAndTheNextOne) {
  Registry registry;
  EnergyMetrics metrics(registry);
  metrics.update("d", {.idle_j = 100.5, .unclaimed_j = 3});
  metrics.update("d", {.idle_j = 150.5, .unclaimed_j = 3});
  metrics.update("d", {.idle_j = 10});  // a meter made anew
  const std::string text = registry.render();
  EXPECT_NE(text.find("ondol_idle_energy_joules_total{device=\"d\"} 160\n"), std::string::npos) << text;
  EXPECT_NE(text.find("{model=\"(unclaimed)\",device=\"d\"} 3\n"), std::string::npos) << text;
}

TEST(EnergyMetrics, ShowsWhoseIdleItWas) {
  Registry registry;
  EnergyMetrics metrics(registry);
  metrics.update_idle("d", {{"m", 1.5}, {"(nobody)", 2}});
  metrics.update_idle("d", {{"m", 3.25}, {"(nobody)", 2}});
  const std::string text = registry.render();
  EXPECT_NE(text.find("ondol_idle_share_joules_total{model=\"m\",device=\"d\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ondol_idle_share_joules_total{model=\"(nobody)\",device=\"d\"} 2\n"), std::string::npos) << text;
}

TEST(EnergyMetrics, SeriesAreBounded) {
  Registry registry;
  EnergyMetrics metrics(registry);
  for (size_t i = 0; i < EnergyMetrics::kMaxSeries + 10; ++i) metrics.request("m" + std::to_string(i), "d", 1);
  EXPECT_NE(registry.render().find("{model=\"(other)\",device=\"(other)\"} 10\n"), std::string::npos);
  for (size_t i = 0; i < EnergyMetrics::kMaxSeries + 1; ++i) metrics.update_idle("d" + std::to_string(i), {{"m", 1}});
  EXPECT_EQ(registry.render().find("d512"), std::string::npos);
}

}  // namespace
}  // namespace ondol
