#include "base/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ondol {
namespace {

std::string number(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, v).ptr;
  return {text, end};
}

std::string escape(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string render_labels(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) out += (out.empty() ? "" : ",") + name + "=\"" + escape(value) + "\"";
  return out;
}

std::string braced(const std::string& labels, const std::string& more = "") {
  if (labels.empty() && more.empty()) return "";
  return "{" + labels + (labels.empty() || more.empty() ? "" : ",") + more + "}";
}

void header(std::string& out, const std::string& name, const std::string& help, std::string_view type) {
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " ";
  out += type;
  out += '\n';
}

}  // namespace

Histogram::Histogram(std::vector<double> upper_bounds) : bounds_(std::move(upper_bounds)), buckets_(bounds_.size() + 1) {}

void Histogram::observe(double v) {
  const auto bucket = static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin());
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(v, std::memory_order_relaxed);
}

uint64_t Histogram::count() const {
  uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

double Histogram::quantile(double q) const {
  const double rank = q * static_cast<double>(count());
  double below = 0;
  for (size_t i = 0; i < bounds_.size(); ++i) {
    const auto in_bucket = static_cast<double>(buckets_[i].load(std::memory_order_relaxed));
    if (in_bucket > 0 && below + in_bucket >= rank) {
      const double lower = i == 0 ? 0 : bounds_[i - 1];
      return lower + (bounds_[i] - lower) * (rank - below) / in_bucket;
    }
    below += in_bucket;
  }
  return bounds_.empty() || below == 0 ? 0 : bounds_.back();
}

template <class T, class... Args>
T& Registry::find(std::map<std::string, Family<T>, std::less<>>& families, std::string_view name, std::string_view help,
                  const Labels& labels, Args&&... args) {
  const std::scoped_lock lock(mutex_);
  auto family = families.find(name);
  if (family == families.end()) family = families.emplace(std::string(name), Family<T>{std::string(help), {}}).first;
  std::string key = render_labels(labels);
  auto& series = family->second.series;
  auto found = series.find(key);
  if (found != series.end()) return found->second;
  if (series_ >= kMaxSeries) key = "overflow=\"true\"";
  const auto [place, added] = series.try_emplace(key, std::forward<Args>(args)...);
  series_ += added ? 1 : 0;
  return place->second;
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) { return find(counters_, name, help, labels); }

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) { return find(gauges_, name, help, labels); }

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::vector<double> upper_bounds, Labels labels) {
  return find(histograms_, name, help, labels, std::move(upper_bounds));
}

void Registry::before_render(std::function<void()> collect) {
  const std::scoped_lock lock(collect_mutex_);
  collectors_.push_back(std::move(collect));
}

std::string Registry::render() const {
  {
    const std::scoped_lock lock(collect_mutex_);
    for (const auto& collect : collectors_) collect();
  }
  const std::scoped_lock lock(mutex_);
  std::string out;
  for (const auto& [name, family] : counters_) {
    header(out, name, family.help, "counter");
    for (const auto& [labels, counter] : family.series) out += name + braced(labels) + " " + std::to_string(counter.value()) + "\n";
  }
  for (const auto& [name, family] : gauges_) {
    header(out, name, family.help, "gauge");
    for (const auto& [labels, gauge] : family.series) out += name + braced(labels) + " " + number(gauge.value()) + "\n";
  }
  for (const auto& [name, family] : histograms_) {
    header(out, name, family.help, "histogram");
    for (const auto& [labels, histogram] : family.series) {
      uint64_t total = 0;
      for (size_t i = 0; i < histogram.buckets_.size(); ++i) {
        total += histogram.buckets_[i].load(std::memory_order_relaxed);
        const std::string bound = i < histogram.bounds_.size() ? number(histogram.bounds_[i]) : "+Inf";
        out += name + "_bucket" + braced(labels, "le=\"" + bound + "\"") + " " + std::to_string(total) + "\n";
      }
      out += name + "_sum" + braced(labels) + " " + number(histogram.sum()) + "\n";
      out += name + "_count" + braced(labels) + " " + std::to_string(total) + "\n";
    }
  }
  return out;
}

}  // namespace ondol
