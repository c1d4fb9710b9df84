#include "twin/twin_control.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "net/http_text.h"
#include "twin/surface_json.h"

namespace ondol {
namespace json = boost::json;
namespace {

std::string number(double value) { return fmt::format("{:.6g}", value); }

struct FaultOrder {
  std::string engine;
  TwinFault fault;
};

Status read_member(const json::object::value_type& member, FaultOrder& order) {
  const std::string_view key = member.key();
  const json::value& value = member.value();
  if (key == "engine" || key == "kind") {
    if (!value.is_string()) return fail(Code::kInvalidArgument, std::string(key) + " must be a string");
    const std::string text(value.get_string().data(), value.get_string().size());
    if (key == "engine") {
      order.engine = text;
      return {};
    }
    ONDOL_TRY(order.fault.kind, parse_fault_kind(text));
    return {};
  }
  const std::optional<double> amount = json_number(value);
  if (key != "factor" && key != "seconds") {
    return fail(Code::kInvalidArgument, "there is no key " + quoted(key) + "; the keys are engine, kind, factor, seconds");
  }
  if (!amount) return fail(Code::kInvalidArgument, std::string(key) + " must be a number");
  (key == "factor" ? order.fault.factor : order.fault.seconds) = *amount;
  return {};
}

Status inject(TwinFloor& floor, const std::string& body) {
  const auto value = parse_json_body(body);
  if (!value || !value->is_object()) return fail(Code::kInvalidArgument, R"(send JSON, as {"engine": "a", "kind": "slow", "factor": 3})");
  FaultOrder order;
  for (const auto& member : value->get_object()) ONDOL_TRY_STATUS(read_member(member, order));
  if (!value->get_object().contains("kind")) return fail(Code::kInvalidArgument, "kind is missing");
  ONDOL_TRY_STATUS(check_fault(order.fault));
  return floor.inject(order.engine, order.fault);
}

std::string joules(double value) { return fmt::format("{:.3f}", value); }

std::string engine_json(const TwinListing& engine) {
  return JsonText()
      .text("name", engine.name)
      .text("kind", engine.kind == TwinEngineKind::kVllm ? "vllm" : "furiosa-llm")
      .text("model", engine.model)
      .text("served_model", engine.served_model)
      .text("devices", engine.devices)
      .text("url", engine.url)
      .text("text", engine.text)
      .text("relay_problem", engine.relay_problem)
      .flag("serving", engine.serving)
      .text("fault", fault_kind_name(engine.load.fault))
      .number("running", engine.load.running)
      .number("waiting", engine.load.waiting)
      .raw("kv_used", number(engine.load.kv_used))
      .raw("power_w", number(engine.load.power_w))
      .flag("capped", engine.load.capped)
      .raw("energy_j", joules(engine.load.energy_j))
      .done();
}

std::string gpu_json(const DeviceSnapshot& gpu) {
  return JsonText()
      .text("name", gpu.name)
      .text("id", gpu.id)
      .text("product", gpu.product)
      .text("unhealthy", gpu.unhealthy)
      .raw("power_w", gpu.power_w ? number(*gpu.power_w) : "null")
      .raw("energy_j", gpu.energy_j ? joules(*gpu.energy_j) : "null")
      .raw("utilization", gpu.utilization ? number(*gpu.utilization) : "null")
      .done();
}

void answer(Exchange& exchange, int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  exchange.respond(std::move(response));
}

}  // namespace

std::string floor_json(const TwinFloor& floor) {
  std::string engines, gpus, devices;
  for (const TwinListing& engine : floor.engines()) engines += (engines.empty() ? "" : ",") + engine_json(engine);
  for (const DeviceSnapshot& gpu : floor.gpus()) gpus += (gpus.empty() ? "" : ",") + gpu_json(gpu);
  for (const auto& [name, energy_j, time_s] : floor.device_energy()) {
    devices += (devices.empty() ? "" : ",") +
               JsonText().text("name", name).raw("energy_j", joules(energy_j)).raw("time_s", fmt::format("{:.3f}", time_s)).done();
  }
  return JsonText()
      .text("control", floor.control_url())
      .text("tree", floor.tree())
      .raw("engines", "[" + engines + "]")
      .raw("gpus", "[" + gpus + "]")
      .raw("devices", "[" + devices + "]")
      .done();
}

void handle_control(TwinFloor& floor, Exchange& exchange) {
  const HttpRequest& request = exchange.request();
  const bool fault = request.path == "/twin/fault", show = request.path == "/twin/floor";
  if (!fault && !show) return answer(exchange, 404, error_body(404, "there are POST /twin/fault and GET /twin/floor", "not_found"));
  if (request.method != (fault ? "POST" : "GET")) {
    return answer(exchange, 405, error_body(405, fault ? "use POST" : "use GET", "method_not_allowed"));
  }
  if (show) return answer(exchange, 200, floor_json(floor));
  const Status injected = inject(floor, request.body);
  if (injected) return answer(exchange, 200, R"({"ok":true})");
  const int status = http_status(injected.error().code);
  answer(exchange, status, error_body(status, injected.error().message, code_name(injected.error().code)));
}

}  // namespace ondol
