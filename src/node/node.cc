#include "node/node.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "endpoint/http_endpoint.h"
#include "node/device_watch.h"
#include "node/engine_log.h"
#include "node/process.h"

namespace ondol {
namespace {

// An engine of kind ondol is this very program, whether or not it lies in PATH.
std::string own_program() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length <= 0 ? "ondol" : std::string(path, static_cast<size_t>(length));
}

constexpr int64_t kTick_us = 200'000;
constexpr int64_t kProbeTimeout_us = 2'000'000;

// Readiness as the last probe of one process saw it; the probe's callback may come after the process is gone.
struct Readiness {
  std::mutex mutex;
  bool ready = false, asking = false;
};

struct RunningEngine {
  std::unique_ptr<ChildProcess> process;
  std::unique_ptr<Endpoint> endpoint;  // for probes
  std::shared_ptr<Readiness> readiness = std::make_shared<Readiness>();
};

bool is_pinned(const DeclaredEngine& engine) {
  return std::ranges::any_of(engine.devices, [](const std::string& device) { return device != "cpu"; });
}

class NodeImpl final : public Node {
 public:
  NodeImpl(const RestartLimits& limits, DeviceReaderOptions devices) : limits_(limits), device_options_(std::move(devices)) {}

  Status declare(DeclaredNode declared) override {
    ONDOL_TRY_STATUS(check_declared(declared));
    const std::shared_ptr<const DeviceView> devices = look_at_devices(declared);
    const std::scoped_lock lock(mutex_);
    for (const DeclaredEngine& engine : declared.engines) {
      // What was right once and has gone since makes its engine wait; it must not keep the others from being changed.
      if (std::ranges::find(declared_.engines, engine) != declared_.engines.end()) continue;
      if (const auto missing = missing_device(engine, *devices)) {
        return fail(Code::kInvalidArgument, "engine " + quoted(engine.name) + ": " + *missing);
      }
    }
    declared_ = std::move(declared);
    wake_.notify_one();
    return {};
  }

  void stop() override {
    const std::scoped_lock lock(mutex_);
    ++stops_;
    wake_.notify_one();
  }

  void run() override {
    std::unique_lock lock(mutex_);
    while (true) {
      tick();
      if (stops_ > 0 && states_.empty()) return;
      wake_.wait_for(lock, std::chrono::microseconds(kTick_us));
    }
  }

  std::vector<EngineReport> report() const override {
    const std::scoped_lock lock(mutex_);
    const std::shared_ptr<const DeviceView> devices = last_view();
    std::vector<EngineReport> out;
    for (const auto& [name, state] : states_) {
      EngineReport report{.state = state, .pid = {}, .devices = pinned_devices(state.as, *devices), .log_tail = {}};
      report.in_phase_s = static_cast<double>(clock_.now_us() - state.since_us) / 1e6;
      if (const auto at = running_.find(name); at != running_.end()) report.pid = at->second.process->pid();
      if (const auto at = logs_.find(name); at != logs_.end()) report.log_tail = at->second->tail();
      out.push_back(std::move(report));
    }
    return out;
  }

 private:
  // As they are now. Not under the lock: a driver may take its time.
  std::shared_ptr<const DeviceView> look_at_devices(const DeclaredNode& declared) {
    DeviceWatch* watch = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (watch_ == nullptr && std::ranges::any_of(declared.engines, is_pinned)) watch_ = std::make_unique<DeviceWatch>(device_options_);
      watch = watch_.get();
    }
    return watch == nullptr ? std::make_shared<const DeviceView>() : watch->fresh();
  }
  std::shared_ptr<const DeviceView> last_view() const { return watch_ == nullptr ? std::make_shared<const DeviceView>() : watch_->last(); }

  void tick() {
    std::map<std::string, EngineSight> seen = look();
    const std::shared_ptr<const DeviceView> devices = last_view();
    if (stops_ > 1) {
      for (const auto& [name, engine] : running_) engine.process->signal(SIGKILL);
    }
    for (const NodeAction& action : plan_node(declared_, seen, *devices, clock_.now_us(), stops_ > 0, limits_, states_)) {
      perform(action);
    }
    // Daemons that left their group when their engine ended.
    std::vector<pid_t> known;
    for (const auto& [name, engine] : running_) known.push_back(engine.process->pid());
    if (const int killed = kill_orphans(known); killed > 0) spdlog::warn("killed {} processes that engines had left behind", killed);
  }

  std::map<std::string, EngineSight> look() {
    std::map<std::string, EngineSight> seen;
    for (auto at = running_.begin(); at != running_.end();) {
      EngineSight& sight = seen[at->first];
      if (const auto how = at->second.process->ended()) {
        spdlog::warn("{} ended with {}", at->first, *how);
        sight.exit = *how;
        at = running_.erase(at);
        continue;
      }
      sight.alive = true;
      sight.ready = ask(at->second);
      ++at;
    }
    for (auto& [name, why] : not_started_) seen[name].exit = why;
    not_started_.clear();
    return seen;
  }

  // Asks whether it is ready, and says what the last answer was.
  static bool ask(RunningEngine& engine) {
    if (engine.endpoint == nullptr) return false;
    const std::shared_ptr<Readiness> readiness = engine.readiness;
    {
      const std::scoped_lock lock(readiness->mutex);
      if (readiness->asking) return readiness->ready;
      readiness->asking = true;
    }
    engine.endpoint->probe([readiness](EndpointState state, const std::string&) {
      const std::scoped_lock lock(readiness->mutex);
      readiness->asking = false;
      readiness->ready = state == EndpointState::kReady;
    });
    const std::scoped_lock lock(readiness->mutex);
    return readiness->ready;
  }

  void perform(const NodeAction& action) {
    const auto at = running_.find(action.engine);
    switch (action.kind) {
      case NodeAction::Kind::kStart: return start(action.engine);
      case NodeAction::Kind::kTerminate:
        spdlog::info("draining {}: {}", action.engine, states_.at(action.engine).reason);
        if (at != running_.end()) at->second.process->signal(SIGTERM);
        return;
      case NodeAction::Kind::kKill:
        spdlog::warn("killing {}", action.engine);
        if (at != running_.end()) at->second.process->signal(SIGKILL);
        return;
      case NodeAction::Kind::kForget: logs_.erase(action.engine); return;
    }
  }

  void start(const std::string& name) {
    const DeclaredEngine& engine = states_.at(name).as;
    auto& log = logs_[name];
    if (log == nullptr) log = std::make_shared<EngineLog>(declared_.log_folder, name);
    EngineCommand command = command_of(engine);
    if (engine.kind == EndpointKind::kOndol && engine.command.empty()) command.argv.front() = own_program();
    auto process = ChildProcess::start(command.argv, command.environment, log);
    if (!process) {
      spdlog::error("{}: {}", name, process.error().message);
      not_started_[name] = process.error().message;
      return;
    }
    const std::string url = "http://127.0.0.1:" + std::to_string(engine.port);
    auto endpoint = make_http_endpoint(engine.kind, url, {.name = name, .probe_timeout_us = kProbeTimeout_us}, client_);
    spdlog::info("started {} as process {}", name, (*process)->pid());
    running_.emplace(name, RunningEngine{std::move(*process), endpoint ? std::move(*endpoint) : nullptr});
  }

  const RestartLimits limits_;
  const DeviceReaderOptions device_options_;
  SteadyClock clock_;
  const std::shared_ptr<AsyncClient> client_ = AsyncClient::start({.connect_timeout_us = kProbeTimeout_us});
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  DeclaredNode declared_;
  int stops_ = 0;
  std::map<std::string, EngineState> states_;
  std::map<std::string, std::shared_ptr<EngineLog>> logs_;
  std::map<std::string, std::string> not_started_;
  std::map<std::string, RunningEngine> running_;
  std::unique_ptr<DeviceWatch> watch_;  // made once, and kept
};

}  // namespace

std::unique_ptr<Node> Node::create(const RestartLimits& limits, const DeviceReaderOptions& devices) {
  return std::make_unique<NodeImpl>(limits, devices);
}

}  // namespace ondol
