#include "node/policy.h"

#include <algorithm>

namespace ondol {
namespace {

struct Plan {
  int64_t now_us;
  const DeviceView& devices;
  bool stopping;
  const RestartLimits& limits;
  std::map<std::string, EngineState>& states;
  std::vector<NodeAction> actions;

  void act(NodeAction::Kind kind, const std::string& engine) { actions.push_back({kind, engine}); }
  void enter(EngineState& state, EnginePhase phase, std::string reason) const {
    state.phase = phase;
    state.since_us = now_us;
    state.reason = std::move(reason);
  }
  int64_t in_phase_us(const EngineState& state) const { return now_us - state.since_us; }
};

void fail_once(Plan& plan, EngineState& state, const std::string& why) {
  if (++state.failures >= plan.limits.max_failures) {
    return plan.enter(state, EnginePhase::kCrashLooping,
                      why + "; " + std::to_string(state.failures) + " failures in a row: not started again until its entry changes");
  }
  const int doublings = std::min(state.failures - 1, 30);
  const int64_t delay_us = std::min(plan.limits.max_delay_us, plan.limits.first_delay_us << doublings);
  plan.enter(state, EnginePhase::kWaiting, why);
  state.start_at_us = plan.now_us + delay_us;
}

void drain(Plan& plan, EngineState& state, const std::string& why) {
  plan.enter(state, EnginePhase::kDraining, why);
  plan.act(NodeAction::Kind::kTerminate, state.as.name);
}

bool shares(const DeclaredEngine& a, const DeclaredEngine& b) {
  return a.port == b.port || std::ranges::any_of(a.devices, [&](const std::string& mine) {
           return std::ranges::any_of(b.devices, [&](const std::string& other) { return devices_overlap(mine, other); });
         });
}

// Another engine whose process still holds what this one needs.
const EngineState* holder(const Plan& plan, const DeclaredEngine& wanted, const std::map<std::string, EngineSight>& seen) {
  for (const auto& [name, state] : plan.states) {
    const auto sight = seen.find(name);
    if (name == wanted.name || sight == seen.end() || !sight->second.alive) continue;
    if (shares(state.as, wanted)) return &state;
  }
  return nullptr;
}

// An engine whose process runs and should run on.
void watch(Plan& plan, EngineState& state, const EngineSight& sight) {
  if (!sight.alive) {
    const bool was_ready = state.phase == EnginePhase::kReady;
    if (was_ready && plan.in_phase_us(state) >= plan.limits.stable_us) state.failures = 0;
    return fail_once(plan, state, std::string(was_ready ? "ended" : "ended before it was ready") + ": " + sight.exit);
  }
  if (state.phase == EnginePhase::kStarting && sight.ready) return plan.enter(state, EnginePhase::kReady, "");
  if (state.phase == EnginePhase::kStarting && plan.in_phase_us(state) >= state.as.ready_timeout_us) {
    plan.enter(state, EnginePhase::kKilled, "was not ready within " + std::to_string(state.as.ready_timeout_us / 1'000'000) + " s");
    plan.act(NodeAction::Kind::kKill, state.as.name);
  }
}

// An engine that is on its way out. False once its process is gone.
bool await_end(Plan& plan, EngineState& state, const EngineSight& sight) {
  if (!sight.alive) return false;
  const bool overdue = state.phase == EnginePhase::kDraining ? plan.in_phase_us(state) >= state.as.drain_us
                                                             : plan.in_phase_us(state) >= plan.limits.kill_again_us;
  if (overdue) {
    plan.enter(state, EnginePhase::kKilled, state.reason);
    plan.act(NodeAction::Kind::kKill, state.as.name);
  }
  return true;
}

void start_if_due(Plan& plan, EngineState& state, const std::map<std::string, EngineSight>& seen) {
  if (plan.now_us < state.start_at_us) return;
  if (auto trouble = device_trouble(state.as, plan.devices)) {
    state.reason = std::move(*trouble);
    return;
  }
  if (const EngineState* other = holder(plan, state.as, seen)) {
    state.reason = "waits for the port or devices of " + other->as.name;
    return;
  }
  // Two that wait for the same are not started at once.
  for (const NodeAction& action : plan.actions) {
    if (action.kind == NodeAction::Kind::kStart && shares(plan.states.at(action.engine).as, state.as)) return;
  }
  plan.enter(state, EnginePhase::kStarting, "");
  plan.act(NodeAction::Kind::kStart, state.as.name);
}

void step(Plan& plan, EngineState& state, const DeclaredEngine* wanted, const std::map<std::string, EngineSight>& seen) {
  const auto at = seen.find(state.as.name);
  const EngineSight sight = at == seen.end() ? EngineSight{} : at->second;
  const bool leaving = state.phase == EnginePhase::kDraining || state.phase == EnginePhase::kKilled;
  const bool running = state.phase == EnginePhase::kStarting || state.phase == EnginePhase::kReady;
  if (leaving) {
    if (await_end(plan, state, sight)) return;
    if (wanted != nullptr && *wanted == state.as && state.phase == EnginePhase::kKilled) {
      fail_once(plan, state, state.reason);
    } else {
      plan.enter(state, EnginePhase::kWaiting, "");
      state.failures = 0;
      state.start_at_us = plan.now_us;
    }
  } else if (running && (wanted == nullptr || !(*wanted == state.as))) {
    if (sight.alive)
      return drain(plan, state,
                   wanted != nullptr ? "is declared otherwise"
                   : plan.stopping   ? "the node stops"
                                     : "is not declared any more");
    plan.enter(state, EnginePhase::kWaiting, "");
  } else if (running) {
    // Unhealthy is not gone: an engine that still answers is left to its work.
    if (auto missing = sight.alive ? missing_device(state.as, plan.devices) : std::nullopt) return drain(plan, state, *missing);
    return watch(plan, state, sight);
  }
  if (wanted == nullptr) return plan.act(NodeAction::Kind::kForget, state.as.name);
  if (!(*wanted == state.as)) {
    state.as = *wanted;
    state.failures = 0;
    state.start_at_us = plan.now_us;
    plan.enter(state, EnginePhase::kWaiting, "");
  }
  if (state.phase == EnginePhase::kWaiting) start_if_due(plan, state, seen);
}

}  // namespace

std::string_view engine_phase_name(EnginePhase phase) {
  switch (phase) {
    case EnginePhase::kWaiting: return "waiting";
    case EnginePhase::kStarting: return "starting";
    case EnginePhase::kReady: return "ready";
    case EnginePhase::kDraining: return "draining";
    case EnginePhase::kKilled: return "killed";
    case EnginePhase::kCrashLooping: return "crash-looping";
  }
  return "unknown";
}

std::vector<NodeAction> plan_node(const DeclaredNode& declared, const std::map<std::string, EngineSight>& seen, const DeviceView& devices,
                                  int64_t now_us, bool stopping, const RestartLimits& limits, std::map<std::string, EngineState>& states) {
  std::map<std::string, const DeclaredEngine*> wanted;
  if (!stopping) {
    for (const DeclaredEngine& engine : declared.engines) wanted[engine.name] = &engine;
  }
  for (const auto& [name, engine] : wanted) {
    if (!states.contains(name)) states[name] = {.as = *engine, .since_us = now_us, .start_at_us = now_us, .reason = ""};
  }
  Plan plan{now_us, devices, stopping, limits, states, {}};
  for (auto& [name, state] : states) {
    const auto at = wanted.find(name);
    step(plan, state, at == wanted.end() ? nullptr : at->second, seen);
  }
  for (const NodeAction& action : plan.actions) {
    if (action.kind == NodeAction::Kind::kForget) states.erase(action.engine);
    if (action.kind == NodeAction::Kind::kStart) states.at(action.engine).restarts += states.at(action.engine).failures > 0 ? 1 : 0;
  }
  return plan.actions;
}

}  // namespace ondol
