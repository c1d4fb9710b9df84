#include "meter/account_json.h"

#include <cmath>
#include <string_view>

namespace ondol {
namespace {

// Six decimals: a microjoule, a microsecond, a millionth of a won. More digits would be noise in every answer.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

}  // namespace

boost::json::object account_json(const UsageReport& account) {
  const std::string_view source = account.energy_source;
  boost::json::object out;
  out.reserve(7);
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
