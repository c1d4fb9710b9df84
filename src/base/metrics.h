// Counters, gauges and histograms in Prometheus' text format (exposition format 0.0.4).
//
// Owner: whoever makes the Registry; the metrics live as long as it does. Updates are atomic and may come from any thread. Bounded: at
// most kMaxSeries series, so that a label taken from outside cannot grow the process; past that a shared overflow series is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ondol {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void observe(double v);
  uint64_t count() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  // Prometheus' own estimate: linear inside the bucket that holds the q-quantile (0 <= q <= 1); 0 without observations.
  double quantile(double q) const;

 private:
  friend class Registry;
  std::vector<double> bounds_;
  std::deque<std::atomic<uint64_t>> buckets_;  // one per bound, plus +Inf
  std::atomic<double> sum_{0};
};

class Registry {
 public:
  static constexpr size_t kMaxSeries = 4096;

  // The same name and labels give the same object. `help` is taken from the first call for a name.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> upper_bounds, Labels labels = {});

  // `collect` is called at the beginning of each render, on its thread, and brings figures up to date that are not counted as they come.
  // What it uses outlives the last render.
  void before_render(std::function<void()> collect);

  std::string render() const;

 private:
  template <class T>
  struct Family {
    std::string help;
    std::map<std::string, T> series;  // key: rendered labels
  };
  template <class T, class... Args>
  T& find(std::map<std::string, Family<T>, std::less<>>& families, std::string_view name, std::string_view help, const Labels& labels,
          Args&&... args);

  mutable std::mutex collect_mutex_;  // one render at a time collects
  std::vector<std::function<void()>> collectors_;
  mutable std::mutex mutex_;
  size_t series_ = 0;
  std::map<std::string, Family<Counter>, std::less<>> counters_;
  std::map<std::string, Family<Gauge>, std::less<>> gauges_;
  std::map<std::string, Family<Histogram>, std::less<>> histograms_;
};

}  // namespace ondol
