// The meters' joules on /metrics: by model and device, and idle.
//
// Owner: whoever has the Registry; it outlives this. Any thread. Bounded: kMaxSeries pairs of model and device, the rest are "(other)".
// Prometheus gets whole joules; fractions are kept for the next time, so that no sum drifts.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/metrics.h"
#include "meter/meter.h"

namespace ondol {

class EnergyMetrics {
 public:
  static constexpr size_t kMaxSeries = 512;

  explicit EnergyMetrics(Registry& registry) : registry_(registry) {}

  // A request has ended and had used `energy_j`.
  void request(const std::string& model, const std::string& device, double energy_j);
  // A meter's totals: all that it has shared out, its idle joules, and as model "(unclaimed)" those that no request has. Call when somebody
  // asks for /metrics.
  void update(const std::string& device, const MeterTotals& totals);
  // The same idle joules by the model that kept the device waiting (IdleShare::shares). Pairs beyond kMaxSeries are left out.
  void update_idle(const std::string& device, const std::map<std::string, double>& shares);

 private:
  struct Sum {
    Counter* counter = nullptr;
    double left_j = 0;  // less than one
    double seen_j = 0;  // of a total that only grows
    void add(double energy_j);
    void follow(double total_j);
  };
  Sum& request_sum(std::string model, std::string device);
  // Nothing beyond kMaxSeries devices.
  void follow(std::map<std::string, Sum>& sums, const char* name, const char* help, const std::string& device, double total_j);

  Registry& registry_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Sum> requests_;
  std::map<std::string, Sum> idle_, metered_;
  std::map<std::pair<std::string, std::string>, Sum> idle_shares_;
};

}  // namespace ondol
