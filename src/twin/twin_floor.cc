#include "twin/twin_floor.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/thread_name.h"
#include "device/rngd_tree.h"
#include "net/server.h"
#include "twin/surface_common.h"
#include "twin/twin_control.h"
#include "twin/twin_engine_run.h"
#include "twin/twin_floor_devices.h"

namespace ondol {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);

std::vector<std::string> device_names(const PlannedEngine& engine) {
  std::vector<std::string> names;
  for (const FloorSlice& slice : engine.slices)
    names.push_back(fmt::format("{}{}", slice.kind == FloorDeviceKind::kNpu ? "npu" : "gpu", slice.index));
  return names;
}

class RunningFloor final : public TwinFloor {
 public:
  RunningFloor(FloorPlan plan, TwinFloorOptions options) : plan_(std::move(plan)), options_(std::move(options)), devices_(plan_) {}

  ~RunningFloor() override {
    if (ticker_.joinable()) {
      {
        const std::scoped_lock lock(mutex_);
        ending_ = true;
        wake_.notify_all();
      }
      ticker_.join();
    }
    if (control_ != nullptr) control_->stop(1);
    runs_.clear();
    devices_.remove_tree();
  }

  Status open() {
    if (!options_.tree.empty() && plan_.npus() > 0) ONDOL_TRY_STATUS(devices_.make_tree(options_.tree));
    int next = options_.port_base;
    for (const PlannedEngine& engine : plan_.engines) {
      const int port = engine.spec.port > 0 ? engine.spec.port : options_.port_base == 0 ? 0 : ++next;
      if (port > 65535) return fail(Code::kInvalidArgument, "there are not enough ports above the port base; choose a lower one");
      ONDOL_TRY(std::unique_ptr<TwinEngineRun> run, TwinEngineRun::start(engine, options_.host, port));
      const std::scoped_lock lock(mutex_);
      runs_.push_back(std::move(run));
    }
    HttpServerOptions control;
    control.port = static_cast<uint16_t>(options_.port_base);
    control.max_body_bytes = kMaxControlBody;
    ONDOL_TRY(control_, HttpServer::start(control, metrics_, [this](const std::shared_ptr<Exchange>& e) { handle_control(*this, *e); }));
    control_port_ = control_->port();
    devices_.advance(runs_, 0);  // who reads them before the first tick sees them idle, not dead
    ticker_ = std::thread([this] { tick_until_the_end(); });
    return {};
  }

  Status inject(const std::string& engine, const TwinFault& fault) override {
    const std::scoped_lock lock(mutex_);
    const auto at = std::ranges::find(runs_, engine, [](const auto& run) { return run->plan().spec.name; });
    if (at == runs_.end()) {
      std::string names;
      for (const auto& run : runs_) names += (names.empty() ? "" : ", ") + run->plan().spec.name;
      return fail(Code::kNotFound, "there is no engine " + quoted(engine) + "; the engines are " + names);
    }
    const bool device = fault.kind == TwinFault::Kind::kLost;
    for (const auto& run : runs_)
      if (run == *at || (device && share_a_device(run->plan(), (*at)->plan()))) run->inject(fault);
    return {};
  }

  std::vector<TwinListing> engines() const override {
    const std::scoped_lock lock(mutex_);
    std::vector<TwinListing> out;
    for (const auto& run : runs_) {
      const FloorEngine& spec = run->plan().spec;
      const std::string host = options_.host == "0.0.0.0" || options_.host == "::" ? "127.0.0.1" : options_.host;
      out.push_back({.name = spec.name,
                     .model = spec.model,
                     .url = fmt::format("http://{}:{}", host, run->port()),
                     .served_model = spec.served_name,
                     .devices = spec.devices,
                     .device_names = device_names(run->plan()),
                     .text = text_source(run->relay()),
                     .relay_problem = run->relay() == nullptr ? std::string() : run->relay()->last_problem(),
                     .kind = spec.kind,
                     .speed = run->plan().options.speed,
                     .api_key = spec.api_key,
                     .serving = run->serving(),
                     .load = run->load()});
    }
    return out;
  }

  std::vector<DeviceSnapshot> gpus() const override {
    const std::scoped_lock lock(mutex_);
    return devices_.gpus();
  }

  std::vector<TwinDeviceEnergy> device_energy() const override {
    const std::scoped_lock lock(mutex_);
    return devices_.energy();
  }

  std::optional<CostModel> cost_of(const std::string& engine) const override {
    const auto at = std::ranges::find(plan_.engines, engine, [](const PlannedEngine& planned) { return planned.spec.name; });
    if (at == plan_.engines.end()) return std::nullopt;
    return at->options.cost;
  }

  std::string control_url() const override { return fmt::format("http://127.0.0.1:{}", control_port_.load()); }
  std::string tree() const override { return devices_.tree(); }

 private:
  void tick_until_the_end() {
    name_this_thread("twin-floor");
    const SteadyClock clock;
    int64_t last_us = clock.now_us();
    for (std::unique_lock lock(mutex_); !ending_;) {
      wake_.wait_for(lock, kTick, [this] { return ending_; });
      const int64_t now_us = clock.now_us();
      for (const auto& run : runs_) run->tick();
      devices_.advance(runs_, static_cast<double>(now_us - std::exchange(last_us, now_us)) * 1e-6 * plan_.spec.speed);
    }
  }

  const FloorPlan plan_;
  const TwinFloorOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  TwinFloorDevices devices_;
  std::vector<std::unique_ptr<TwinEngineRun>> runs_;
  Registry metrics_;
  std::unique_ptr<HttpServer> control_;
  std::atomic<int> control_port_{0};
  std::thread ticker_;
};

class TwinGpuReader final : public DeviceReader {
 public:
  explicit TwinGpuReader(const TwinFloor& floor) : floor_(floor) {}
  std::vector<DeviceSnapshot> read() override {
    std::vector<DeviceSnapshot> now = floor_.gpus();
    std::vector<DeviceSnapshot> out = now;
    for (const DeviceSnapshot& before : last_) {
      if (std::ranges::find(now, before.id, &DeviceSnapshot::id) != now.end()) continue;
      out.push_back(before);
      out.back().unhealthy = "it has vanished";
    }
    last_ = std::move(now);
    return out;
  }
  std::string source() const override { return "twin GPUs of " + floor_.control_url(); }

 private:
  const TwinFloor& floor_;
  std::vector<DeviceSnapshot> last_;
};

}  // namespace

Result<std::unique_ptr<TwinFloor>> TwinFloor::start(FloorPlan plan, const TwinFloorOptions& options) {
  auto floor = std::make_unique<RunningFloor>(std::move(plan), options);
  ONDOL_TRY_STATUS(floor->open());
  return floor;
}

std::unique_ptr<DeviceReader> make_twin_gpu_reader(const TwinFloor& floor) { return std::make_unique<TwinGpuReader>(floor); }

}  // namespace ondol
