#include "gateway/usage.h"

#include <algorithm>

namespace ondol {
namespace {

template <class T>
std::optional<T> sum(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return a ? a : b;
  return *a + *b;
}

}  // namespace

UsageReport together(const UsageReport& a, const UsageReport& b) {
  UsageReport out = a;
  out.energy_j += b.energy_j;
  out.device_seconds += b.device_seconds;
  out.queue_ms = std::max(a.queue_ms, b.queue_ms);
  out.cost = sum(a.cost, b.cost);
  out.co2_g = sum(a.co2_g, b.co2_g);
  if (b.energy_source == energy_source_name(EnergySource::kEstimate)) out.energy_source = b.energy_source;
  return out;
}

}  // namespace ondol
