#include "app/floor_endpoints.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "door/work_model.h"
#include "endpoint/http_endpoint.h"
#include "net/async_client.h"

namespace ondol {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// The built-in profile of a product; empty if there is none.
std::string_view profile_of(std::string_view product) {
  constexpr std::pair<std::string_view, std::string_view> kProducts[] = {
      {"rngd", "rngd"}, {"h100", "h100"}, {"b200", "b200"}, {"l40s", "l40s"}, {"rtx pro 6000", "rtx-pro-6000"}, {"4090", "rtx-4090"}};
  const std::string name = lower(product);
  for (const auto& [part, profile] : kProducts) {
    if (name.find(part) != std::string::npos) return profile;
  }
  return {};
}

// PEs of each card that an engine has: those of "npu:0:0-3" are four, of "npu:0:2" one.
int pes_of(std::string_view device) {
  const size_t first = device.find(':'), second = device.find(':', first + 1);
  if (second == std::string_view::npos) return 8;
  const std::string_view range = device.substr(second + 1);
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return 1;
  return std::atoi(std::string(range.substr(dash + 1)).c_str()) - std::atoi(std::string(range.substr(0, dash)).c_str()) + 1;
}

// Its model has its share of the devices' idle joules from now on.
void settle_in(DoorEndpoint& endpoint, const std::string& model, const std::optional<CostModel>& cost, double speed, Metering& metering) {
  if (endpoint.devices.empty()) return;
  if (cost) endpoint.work = work_model(*cost, speed);
  const double bytes = cost ? cost->model().total_bytes() / static_cast<double>(endpoint.devices.size()) : 1;
  for (const MeteredDevice& device : endpoint.devices) {
    endpoint.residents.push_back(metering.resident(device.name, model, static_cast<uint64_t>(bytes)));
  }
}

Result<DoorEndpoint> twin_endpoint(const TwinListing& engine, const std::optional<CostModel>& cost, Metering& metering,
                                   const std::shared_ptr<AsyncClient>& client) {
  const EndpointKind kind = engine.kind == TwinEngineKind::kVllm ? EndpointKind::kVllm : EndpointKind::kFuriosaLlm;
  DoorEndpoint out;
  ONDOL_TRY(out.endpoint, make_http_endpoint(kind, engine.url, {.name = engine.name, .api_key = engine.api_key}, client));
  ONDOL_TRY(out.devices, metering.devices_of({engine.devices}));
  settle_in(out, engine.served_model, cost, engine.speed, metering);
  return out;
}

Result<DoorEndpoint> node_endpoint(const DeclaredEngine& engine, Metering& metering, const std::shared_ptr<AsyncClient>& client) {
  DoorEndpoint out;
  const std::string url = "http://127.0.0.1:" + std::to_string(engine.port);
  ONDOL_TRY(out.endpoint, make_http_endpoint(engine.kind, url, {.name = engine.name}, client));
  Result<std::vector<MeteredDevice>> devices = metering.devices_of(engine.devices);
  if (!devices) {
    spdlog::warn("{} is not metered: {}", engine.name, devices.error().message);
    return out;
  }
  out.devices = std::move(*devices);
  const std::string product = out.devices.empty() ? std::string() : metering.product_of(out.devices.front().name);
  settle_in(out, engine.model, guess_cost(engine, product), 1, metering);
  return out;
}

}  // namespace

std::optional<CostModel> guess_cost(const DeclaredEngine& engine, std::string_view product) {
  if (engine.devices.empty()) return std::nullopt;
  const auto profile = builtin_device(profile_of(product));
  const auto model = builtin_model(lower(std::string_view(engine.model).substr(engine.model.rfind('/') + 1)));
  if (!profile || !model) return std::nullopt;
  Placement placement;
  placement.units = static_cast<int>(engine.devices.size());
  placement.pes = pes_of(engine.devices.front());
  auto made = CostModel::make(*profile, *model, placement);
  return made ? std::optional(std::move(*made)) : std::nullopt;
}

std::string process_of(const std::vector<EngineReport>& reports, std::string_view engine) {
  for (const EngineReport& report : reports) {
    if (report.state.as.name != engine) continue;
    const std::string phase(engine_phase_name(report.state.phase));
    return report.state.reason.empty() ? phase : phase + ": " + report.state.reason;
  }
  return {};
}

Result<std::vector<DoorEndpoint>> floor_endpoints(const TwinFloor* floor, const DeclaredNode& node, const NodeReports& reports,
                                                  Metering& metering) {
  const std::shared_ptr<AsyncClient> client = AsyncClient::start();
  std::vector<DoorEndpoint> out;
  for (const TwinListing& engine : floor == nullptr ? std::vector<TwinListing>() : floor->engines()) {
    ONDOL_TRY(out.emplace_back(), twin_endpoint(engine, floor->cost_of(engine.name), metering, client));
  }
  for (const DeclaredEngine& engine : node.engines) {
    ONDOL_TRY(out.emplace_back(), node_endpoint(engine, metering, client));
    out.back().process = [reports, name = engine.name] { return process_of(reports(), name); };
  }
  return out;
}

}  // namespace ondol
