#include "gateway/usage.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace ondol {
namespace {

// Six decimals: a microjoule, a microsecond, a millionth of a won. More digits would be noise in every answer.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

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

boost::json::object account_json(const UsageReport& account) {
  const std::string_view source = account.energy_source;
  boost::json::object out;
  out["energy_j"] = rounded(account.energy_j);
  out["energy_source"] = boost::json::string(source.data(), source.size());
  out["device"] = account.device;
  out["device_seconds"] = rounded(account.device_seconds);
  out["queue_ms"] = rounded(account.queue_ms);
  if (account.cost) out["cost_krw"] = won(*account.cost);
  if (account.co2_g) out["co2_g"] = rounded(*account.co2_g);
  return out;
}

}  // namespace ondol
