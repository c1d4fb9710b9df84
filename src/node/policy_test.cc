#include "node/policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ondol {
namespace {

constexpr int64_t kSecond = 1'000'000;

DeclaredEngine engine(std::string name, uint16_t port, std::vector<std::string> devices = {}) {
  DeclaredEngine out;
  out.name = std::move(name);
  out.port = port;
  out.devices = std::move(devices);
  out.model = "m";
  return out;
}

class PolicyTest : public testing::Test {
 protected:
  // What is done now, as "start a, kill b"; processes then are as the actions say.
  std::string step(int64_t seconds = 0) {
    now_us_ += seconds * kSecond;
    std::string out;
    for (const NodeAction& action : plan_node(declared_, seen_, devices_, now_us_, stopping_, limits_, states_)) {
      const char* word = action.kind == NodeAction::Kind::kStart       ? "start "
                         : action.kind == NodeAction::Kind::kTerminate ? "terminate "
                         : action.kind == NodeAction::Kind::kKill      ? "kill "
                                                                       : "forget ";
      out += (out.empty() ? "" : ", ") + (word + action.engine);
      if (action.kind == NodeAction::Kind::kStart) seen_[action.engine] = {.alive = true, .exit = ""};
    }
    return out;
  }
  void die(const std::string& name) { seen_[name] = {.exit = "exit code 1"}; }
  void show(int npus, int unhealthy = -1) {
    devices_.kinds = {DeviceKind::kRngd};
    devices_.devices.clear();
    for (int i = 0; i < npus; ++i) {
      DeviceSnapshot& npu = devices_.devices.emplace_back();
      npu.kind = DeviceKind::kRngd;
      npu.name = "npu" + std::to_string(i);
      if (i == unhealthy) npu.unhealthy = "it hangs";
    }
  }
  EnginePhase phase(const std::string& name) { return states_.at(name).phase; }

  DeclaredNode declared_;
  DeviceView devices_;
  std::map<std::string, EngineSight> seen_;
  std::map<std::string, EngineState> states_;
  RestartLimits limits_;
  int64_t now_us_ = 1000 * kSecond;
  bool stopping_ = false;
};

TEST_F(PolicyTest, StartsOnceAndWaitsForReadiness) {
  declared_.engines = {engine("a", 1), engine("b", 2)};
  EXPECT_EQ(step(), "start a, start b");
  EXPECT_EQ(step(1), "");
  EXPECT_EQ(phase("a"), EnginePhase::kStarting);
  seen_["a"].ready = true;
  EXPECT_EQ(step(1), "");
  EXPECT_EQ(phase("a"), EnginePhase::kReady);
  EXPECT_EQ(phase("b"), EnginePhase::kStarting);
}

TEST_F(PolicyTest, BacksOffAndGivesUpOnACrashLoop) {
  limits_.max_failures = 4;
  declared_.engines = {engine("a", 1)};
  EXPECT_EQ(step(), "start a");
  for (const int delay : {1, 2, 4}) {
    die("a");
    EXPECT_EQ(step(), "");
    EXPECT_EQ(phase("a"), EnginePhase::kWaiting);
    EXPECT_EQ(step(delay - 1), "");
    EXPECT_EQ(step(1), "start a");
  }
  die("a");
  EXPECT_EQ(step(), "");
  EXPECT_EQ(phase("a"), EnginePhase::kCrashLooping);
  EXPECT_EQ(step(100'000), "");
  EXPECT_NE(states_["a"].reason.find("exit code 1"), std::string::npos) << states_["a"].reason;
  declared_.engines[0].model = "another";  // a person has done something about it
  EXPECT_EQ(step(), "start a");
}

TEST_F(PolicyTest, DelaysAreBounded) {
  limits_.max_failures = 1000;
  declared_.engines = {engine("a", 1)};
  (void)step();
  for (int i = 0; i < 100; ++i) {
    die("a");
    EXPECT_EQ(step(), "");
    EXPECT_LE(states_["a"].start_at_us - now_us_, limits_.max_delay_us);
    EXPECT_EQ(step(60), "start a");
  }
}

TEST_F(PolicyTest, AStableEngineHasItsFailuresForgotten) {
  declared_.engines = {engine("a", 1)};
  (void)step();
  die("a");
  (void)step();
  EXPECT_EQ(step(1), "start a");
  seen_["a"].ready = true;
  (void)step();
  (void)step(61);
  die("a");
  (void)step();
  EXPECT_EQ(states_["a"].failures, 1);
}

TEST_F(PolicyTest, AnEngineThatNeverGetsReadyIsKilledAndStartedAgain) {
  declared_.engines = {engine("a", 1)};
  declared_.engines[0].ready_timeout_us = 10 * kSecond;
  (void)step();
  EXPECT_EQ(step(9), "");
  EXPECT_EQ(step(1), "kill a");
  EXPECT_EQ(step(4), "");
  EXPECT_EQ(step(1), "kill a");  // still there: again
  die("a");
  EXPECT_EQ(step(), "");
  EXPECT_EQ(states_["a"].failures, 1);
  EXPECT_NE(states_["a"].reason.find("not ready within 10 s"), std::string::npos) << states_["a"].reason;
  EXPECT_EQ(step(1), "start a");
}

TEST_F(PolicyTest, DrainsBeforeItKills) {
  declared_.engines = {engine("a", 1)};
  (void)step();
  stopping_ = true;
  EXPECT_EQ(step(), "terminate a");
  EXPECT_EQ(step(29), "");
  EXPECT_EQ(step(1), "kill a");
  die("a");
  EXPECT_EQ(step(), "forget a");
  EXPECT_TRUE(states_.empty());
  EXPECT_EQ(step(), "");
}

TEST_F(PolicyTest, OnlyTheDifferenceOfANewDeclarationIsApplied) {
  declared_.engines = {engine("a", 1), engine("b", 2), engine("c", 3)};
  (void)step();
  declared_.engines = {engine("a", 1), engine("b", 2), engine("d", 4)};
  declared_.engines[1].arguments = {"--more"};
  EXPECT_EQ(step(), "terminate b, terminate c, start d");
  die("b");
  die("c");
  EXPECT_EQ(step(), "start b, forget c");
  EXPECT_EQ(states_["b"].as.arguments.size(), 1u);
}

TEST_F(PolicyTest, WhatHoldsADeviceIsWaitedFor) {
  declared_.engines = {engine("z", 1, {"npu:0"})};
  (void)step();
  declared_.engines = {engine("a", 2, {"npu:0:0-3"}), engine("b", 1, {"npu:1"})};
  EXPECT_EQ(step(), "terminate z");
  EXPECT_EQ(step(10), "");
  EXPECT_NE(states_["a"].reason.find("of z"), std::string::npos);
  die("z");
  EXPECT_EQ(step(), "start a, start b, forget z");
}

TEST_F(PolicyTest, AnUnhealthyDeviceIsWaitedForAndTheOthersAreNot) {
  declared_.engines = {engine("a", 1, {"npu:0"}), engine("b", 2, {"npu:1:0-3"})};
  show(2, 1);
  EXPECT_EQ(step(), "start a");
  seen_["a"].ready = true;
  EXPECT_EQ(step(1000), "");
  EXPECT_EQ(phase("b"), EnginePhase::kWaiting);
  EXPECT_EQ(states_["b"].reason, "npu1 is unhealthy: it hangs");
  show(2);
  EXPECT_EQ(step(1), "start b");
  EXPECT_EQ(states_["b"].reason, "");
}

TEST_F(PolicyTest, ADeviceThatFallsIllUnderAnEngineLeavesItAlone) {
  declared_.engines = {engine("a", 1, {"npu:0"})};
  show(1);
  EXPECT_EQ(step(), "start a");
  show(1, 0);
  EXPECT_EQ(step(1), "");
  EXPECT_EQ(phase("a"), EnginePhase::kStarting);
  die("a");
  EXPECT_EQ(step(), "");
  EXPECT_EQ(step(100), "");  // its turn has come, its device is not well
  EXPECT_EQ(states_["a"].reason, "npu0 is unhealthy: it hangs");
  show(1);
  EXPECT_EQ(step(), "start a");
}

TEST_F(PolicyTest, ADeviceThatVanishesUnderAnEngineDrainsIt) {
  declared_.engines = {engine("a", 1, {"npu:0"}), engine("b", 2, {"npu:1"})};
  show(2);
  EXPECT_EQ(step(), "start a, start b");
  seen_["a"].ready = seen_["b"].ready = true;
  EXPECT_EQ(step(1), "");
  show(1);
  EXPECT_EQ(step(1), "terminate b");
  EXPECT_EQ(phase("b"), EnginePhase::kDraining);
  EXPECT_EQ(states_["b"].reason, "npu1 is not there; this machine has npu0");
  die("b");
  EXPECT_EQ(step(1), "");
  EXPECT_EQ(phase("b"), EnginePhase::kWaiting);
  EXPECT_EQ(states_["b"].failures, 0);
  EXPECT_EQ(states_["b"].reason, "npu1 is not there; this machine has npu0");
  EXPECT_EQ(phase("a"), EnginePhase::kReady);
  show(2);
  EXPECT_EQ(step(1), "start b");
}

TEST_F(PolicyTest, NeverTwoProcessesOnOneDevice) {
  // Random declarations, deaths, readiness and devices: whatever happens, no device and no port is held twice, nothing starts on a device
  // that is not well, and all ends when it shall stop.
  uint64_t random = 7;
  const auto draw = [&](uint64_t below) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (random >> 33) % below;
  };
  limits_.max_failures = 1'000'000;
  for (int round = 0; round < 3000; ++round) {
    if (draw(10) == 0) {
      declared_.engines.clear();
      for (uint64_t i = 0; i < draw(4); ++i) {
        const std::string card = "npu:" + std::to_string(i);
        declared_.engines.push_back(engine(std::string(1, static_cast<char>('a' + (draw(3) + i * 3))), static_cast<uint16_t>(i + 1),
                                           {draw(2) == 0 ? card : card + ":0-3"}));
      }
    }
    for (auto& [name, sight] : seen_) {
      if (sight.alive && draw(8) == 0) sight = {.exit = "exit code 1"};
      sight.ready = sight.alive && draw(2) == 0;
    }
    if (draw(4) == 0) show(static_cast<int>(draw(5)), static_cast<int>(draw(5)));
    (void)step(static_cast<int64_t>(draw(40)));
    for (const auto& [name, state] : states_) {
      const bool just_started = state.phase == EnginePhase::kStarting && state.since_us == now_us_;
      ASSERT_FALSE(just_started && device_trouble(state.as, devices_));
      for (const auto& [other, rival] : states_) {
        if (name == other || !seen_[name].alive || !seen_[other].alive) continue;
        ASSERT_NE(state.as.port, rival.as.port);
        ASSERT_FALSE(devices_overlap(state.as.devices[0], rival.as.devices[0]));
      }
    }
  }
  stopping_ = true;
  for (int i = 0; i < 10 && !states_.empty(); ++i) {
    (void)step(1);
    for (auto& [name, sight] : seen_) sight = {.exit = "signal 15"};
  }
  EXPECT_TRUE(states_.empty());
}

}  // namespace
}  // namespace ondol
