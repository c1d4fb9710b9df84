// Whose the joules are: what one device drew, shared among the requests that ran on it and "idle".
//
// Owner: one per device, of the gateway or the node. Any thread (a short lock). Pure accounting: times and readings are passed in. The sum
// over all requests and idle equals the device's own energy exactly, by construction: each interval between two readings is shared out
// whole. Bounded: work that is older than the last reading is gone; at most kMaxRequests accounts are open, kMaxWorks pieces of work wait.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace ondol {

enum class EnergySource { kCounter, kPower, kEstimate };   // the device's energy counter; its power, integrated; the cost model
std::string_view energy_source_name(EnergySource source);  // "counter", "power", "estimate"

struct EnergyAccount {
  double energy_j = 0;
  double device_s = 0;                           // its share of the device's busy time
  EnergySource source = EnergySource::kCounter;  // the weakest of those that went in; kEstimate while nothing has
};

struct MeterTotals {
  double device_j = 0, requests_j = 0, idle_j = 0;  // device = requests + idle
  // Of requests_j, what is in no account: its request was finished before the reading that told of it, or too many were open.
  double unclaimed_j = 0;
  double busy_s = 0, idle_s = 0;
};

class DeviceMeter {
 public:
  static constexpr size_t kMaxRequests = 1 << 16;
  static constexpr size_t kMaxWorks = 2 * kMaxRequests;
  // So many finished requests are remembered, so that their last work, told late, opens no account that nobody would close.
  static constexpr size_t kMaxFinished = 1 << 14;

  // `idle_power_w`: what the device draws with the model resident and nothing to do.
  explicit DeviceMeter(double idle_power_w) : idle_power_w_(idle_power_w) {}

  // Request `id` was worked on from `begin_us` to `end_us`; `weight` in any unit that is the same for all (modelled joules of the step).
  // The weight is spread evenly over the work's own time: two works of equal weight cost the same, however long each took. What lies before
  // the last reading has been shared out already: the work counts from there on. Tell work before the reading that is to include it.
  void work(uint64_t id, int64_t begin_us, int64_t end_us, double weight);

  // A reading; closes the interval since the previous one: the time without work is idle and books idle power (at most the interval's
  // energy), the rest is shared by weight. Readings that go back in time, or a counter that does, begin anew: that interval is not counted.
  // Readings that are no numbers are no readings. A counter that comes back after other readings makes good what they had wrong.
  void power(int64_t at_us, double power_w);
  void counter(int64_t at_us, double energy_j);
  // No reading was to be had: the interval's energy is the model's: idle power, and `busy_power_w` while there was work.
  void estimate(int64_t at_us, double busy_power_w);

  // What a request has cost up to the last reading; `finish` closes its account. An id is not used again.
  EnergyAccount account(uint64_t id) const;
  EnergyAccount finish(uint64_t id);
  MeterTotals totals() const;

 private:
  struct Work {
    uint64_t id = 0;
    bool claimed = false;  // has an account
    int64_t begin_us = 0, end_us = 0;
    double rate = 0;  // weight per microsecond
  };
  struct CounterState {
    double origin_j = 0, last_j = 0;
    double booked_j = 0;  // since the origin, by whatever reading
  };

  // True if this reading has no previous one and only begins.
  bool begins(int64_t at_us);
  void begin_anew(int64_t at_us);
  // Time with work since the last reading, in microseconds. Sorts the works.
  int64_t busy_us(int64_t at_us);
  // Shares an interval out and ends it.
  void close(int64_t at_us, double energy_j, EnergySource source);
  void share(int64_t at_us, double energy_j, double busy_s, EnergySource source);
  void merge_works();

  const double idle_power_w_;
  mutable std::mutex mutex_;
  std::optional<int64_t> last_us_;
  std::optional<double> last_power_w_;
  std::optional<CounterState> counter_;
  std::vector<Work> works_;  // that end after the last reading
  std::unordered_map<uint64_t, EnergyAccount> accounts_;
  std::deque<uint64_t> finished_order_;
  std::unordered_set<uint64_t> finished_;
  MeterTotals totals_;
};

}  // namespace ondol
