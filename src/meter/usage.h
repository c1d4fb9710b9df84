// What a request used and what that costs: the `ondol` object of an answer's usage, as plain data.
//
// Pure functions; any thread. Money is in millionths of a won, integers: sums over many requests stay exact. Results are cut at the ends of
// their range instead of overflowing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "meter/meter.h"

namespace ondol {

using MicroWon = int64_t;

// Won to millionths, rounded; not a number counts as 0.
MicroWon micro_won(double won);
double won(MicroWon amount);

struct TokenPrice {
  MicroWon input_per_million = 0, output_per_million = 0;
};

// All optional. A model with a price per token costs that and nothing else; otherwise electricity and device time are added up.
struct PriceTable {
  std::optional<MicroWon> electricity_per_kwh = {};
  double pue = 1;  // power usage effectiveness: energy of the whole data centre per energy of its devices
  std::map<std::string, MicroWon, std::less<>> device_hour = {};  // by the device's id
  std::map<std::string, TokenPrice, std::less<>> tokens = {};     // by model
  std::optional<double> grid_g_per_kwh = {};                      // CO2 of the grid, in grams
};

struct RequestUse {
  std::string model, device;
  EnergyAccount energy;
  int64_t queue_us = 0;
  int64_t input_tokens = 0, output_tokens = 0;
};

// The fields of the `ondol` object, by their names.
struct UsageReport {
  double energy_j = 0;
  std::string_view energy_source;  // "counter", "power", "estimate"
  std::string device;
  double device_seconds = 0;
  double queue_ms = 0;
  std::optional<MicroWon> cost;  // cost_krw, in millionths
  std::optional<double> co2_g;
};

// Nothing if the table has no price for this request.
std::optional<MicroWon> price(const PriceTable& table, const RequestUse& use);
// With the energy that the data centre adds (PUE). Nothing without a grid factor.
std::optional<double> co2_g(const PriceTable& table, double energy_j);
UsageReport usage_report(const PriceTable& table, const RequestUse& use);

}  // namespace ondol
