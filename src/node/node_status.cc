#include "node/node_status.h"

#include <boost/json.hpp>

namespace ondol {

namespace json = boost::json;

namespace {

json::array device_health(const std::vector<PinnedDevice>& devices) {
  json::array out;
  for (const PinnedDevice& device : devices) {
    out.push_back(json::object{{"device", device.device}, {"state", device_standing_name(device.standing)}, {"reason", device.reason}});
  }
  return out;
}

}  // namespace

json::value node_status(const std::vector<EngineReport>& engines) {
  json::array out;
  for (const EngineReport& report : engines) {
    const DeclaredEngine& engine = report.state.as;
    json::object one;
    one["name"] = engine.name;
    one["kind"] = endpoint_kind_name(engine.kind);
    one["model"] = engine.model;
    one["port"] = engine.port;
    one["devices"] = json::value_from(engine.devices);
    one["device_health"] = device_health(report.devices);
    one["phase"] = engine_phase_name(report.state.phase);
    one["phase_s"] = report.in_phase_s;
    one["pid"] = report.pid ? json::value(*report.pid) : json::value(nullptr);
    one["failures"] = report.state.failures;
    one["restarts"] = report.state.restarts;
    one["reason"] = report.state.reason;
    one["log"] = report.log_tail;
    out.push_back(std::move(one));
  }
  return json::object{{"engines", std::move(out)}};
}

}  // namespace ondol
