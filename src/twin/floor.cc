#include "twin/floor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "cost/device_profile.h"
#include "cost/model_shape.h"
#include "twin/text_relay.h"

namespace ondol {
namespace {

std::unexpected<Error> wrong(int line, const std::string& what) {
  return fail(Code::kInvalidArgument, fmt::format("line {}: {}", line, what));
}

std::string slice_name(const FloorSlice& slice) {
  if (slice.kind != FloorDeviceKind::kNpu) return fmt::format("gpu:{}", slice.index);
  return slice.first_pe == 0 && slice.last_pe == 7 ? fmt::format("npu:{}", slice.index)
                                                   : fmt::format("npu:{}:{}-{}", slice.index, slice.first_pe, slice.last_pe);
}

// Who has which PE (a GPU counts as one).
class Leases {
 public:
  Status take(const FloorEngine& engine, const FloorSlice& slice) {
    const bool npu = slice.kind == FloorDeviceKind::kNpu;
    for (int pe = npu ? slice.first_pe : 0; pe <= (npu ? slice.last_pe : 0); ++pe) {
      const auto [place, fresh] = taken_.try_emplace({npu ? 0 : 1, slice.index, pe}, &engine);
      if (fresh) continue;
      if (place->second == &engine) return wrong(engine.devices_line, slice_name(slice) + " is named twice");
      return wrong(engine.devices_line, fmt::format("{} of engine {} overlaps with the devices of engine {} (line {})", slice_name(slice),
                                                    quoted(engine.name), quoted(place->second->name), place->second->devices_line));
    }
    return {};
  }

 private:
  std::map<std::array<int, 3>, const FloorEngine*> taken_;
};

// The devices of one engine: all there, of one kind, alike, and of the kind that its software runs on.
Status check_slices(const FloorPlan& plan, const FloorEngine& engine, const std::vector<FloorSlice>& slices) {
  const FloorSlice& first = slices.front();
  const bool npu = first.kind == FloorDeviceKind::kNpu;
  if (npu != (engine.kind == TwinEngineKind::kFuriosaLlm)) {
    return wrong(engine.devices_line, npu ? "vllm runs on gpu:N; on npu:N the engine's kind is furiosa-llm"
                                          : "furiosa-llm runs on npu:N; on gpu:N the engine's kind is vllm");
  }
  for (const FloorSlice& slice : slices) {
    if (slice.kind != first.kind) return wrong(engine.devices_line, "an engine cannot run on NPUs and GPUs at once");
    const int there = npu ? plan.npus() : plan.gpus();
    if (slice.index >= there) {
      return wrong(engine.devices_line,
                   fmt::format("there is no {}; the floor has {} {}", slice_name(slice), there, npu ? "NPUs" : "GPUs"));
    }
    if (slice.last_pe - slice.first_pe != first.last_pe - first.first_pe) {
      return wrong(engine.devices_line, "an engine needs as many PEs on each of its cards");
    }
    if (plan.device(slice.kind, slice.index).profile != plan.device(first.kind, first.index).profile) {
      return wrong(engine.devices_line, "an engine's GPUs must be of one type");
    }
  }
  return {};
}

Result<ModelShape> model_of(const FloorEngine& engine, const ReadFile& read_file) {
  if (engine.config.empty()) return builtin_model(engine.model);
  ONDOL_TRY(const std::string text, read_file(engine.config));
  return parse_model_config(text, engine.model);
}

Result<PlannedEngine> plan_engine(const FloorPlan& plan, const FloorEngine& engine, const ReadFile& read_file) {
  const Result<std::vector<FloorSlice>> slices = parse_slices(engine.devices);
  if (!slices) return wrong(engine.devices_line, slices.error().message);
  ONDOL_TRY_STATUS(check_slices(plan, engine, *slices));
  if (!engine.relay.url.empty()) {
    if (const auto url = parse_relay_url(engine.relay.url); !url)
      return wrong(engine.relay_line, "the relay's url: " + url.error().message);
  }
  const Result<ModelShape> model = model_of(engine, read_file);
  if (!model) return wrong(engine.model_line, model.error().message);
  const FloorSlice& first = slices->front();
  const Result<DeviceProfile> device = builtin_device(plan.device(first.kind, first.index).profile);
  if (!device) return wrong(engine.devices_line, device.error().message);
  Placement placement;
  placement.units = static_cast<int>(slices->size());
  placement.pes = first.last_pe - first.first_pe + 1;
  Result<CostModel> cost = CostModel::make(*device, *model, placement);
  if (!cost) return wrong(engine.model_line, fmt::format("engine {} on {}: {}", quoted(engine.name), engine.devices, cost.error().message));
  const int64_t longest = model->max_context > 0 ? model->max_context : engine.max_context;
  if (longest > 0 && engine.max_context > longest) {
    return wrong(engine.line, fmt::format("max_context is {}, and {} has {}", engine.max_context, model->name, longest));
  }
  PlannedEngine out{.spec = engine,
                    .slices = *slices,
                    .options = {.kind = engine.kind,
                                .cost = std::move(*cost),
                                .speed = engine.speed > 0 ? engine.speed : plan.spec.speed,
                                .max_concurrency = engine.max_concurrency,
                                .max_step_tokens = engine.max_step_tokens,
                                .max_context = engine.max_context > 0 ? engine.max_context : longest,
                                .prefix_cache = engine.prefix_cache}};
  out.options.seed = plan.spec.seed + plan.engines.size();
  if (out.spec.served_name.empty()) out.spec.served_name = engine.model;
  return out;
}

}  // namespace

int FloorPlan::npus() const { return static_cast<int>(std::ranges::count(spec.devices, FloorDeviceKind::kNpu, &FloorDevice::kind)); }
int FloorPlan::gpus() const { return static_cast<int>(std::ranges::count(spec.devices, FloorDeviceKind::kGpu, &FloorDevice::kind)); }

const FloorDevice& FloorPlan::device(FloorDeviceKind kind, int index) const {
  for (const FloorDevice& device : spec.devices)
    if (device.kind == kind && index-- == 0) return device;
  return spec.devices.front();  // callers ask within npus() and gpus()
}

Result<FloorPlan> plan_floor(FloorSpec spec, const ReadFile& read_file) {
  if (spec.devices.empty())
    return fail(Code::kInvalidArgument, "the floor has no devices; list them, as devices: [{kind: rngd, count: 8}]");
  if (spec.devices.size() > FloorSpec::kMaxDevices) return fail(Code::kInvalidArgument, "a floor has at most 64 devices");
  if (spec.engines.size() > FloorSpec::kMaxEngines) return fail(Code::kInvalidArgument, "a floor has at most 64 engines");
  FloorPlan plan;
  plan.spec = std::move(spec);
  Leases leases;
  std::set<std::string> names;
  std::map<int, const FloorEngine*> ports;
  for (const FloorEngine& engine : plan.spec.engines) {
    if (!names.insert(engine.name).second) return wrong(engine.line, "there are two engines " + quoted(engine.name));
    if (engine.port > 0) {
      const auto [place, fresh] = ports.try_emplace(engine.port, &engine);
      if (!fresh) return wrong(engine.port_line, fmt::format("port {} is that of engine {}", engine.port, quoted(place->second->name)));
    }
    ONDOL_TRY(PlannedEngine planned, plan_engine(plan, engine, read_file));
    for (const FloorSlice& slice : planned.slices) ONDOL_TRY_STATUS(leases.take(engine, slice));
    plan.engines.push_back(std::move(planned));
  }
  return plan;
}

}  // namespace ondol
