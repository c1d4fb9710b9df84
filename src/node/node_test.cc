#include "node/node.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/test_folder_test_util.h"
#include "device/rngd_tree.h"
#include "net/test_socket.h"

namespace ondol {
namespace {

uint16_t free_port() {
  TestSocket socket;
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
  socklen_t length = sizeof at;
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&at), &length);
  return ntohs(at.sin_port);
}

DeclaredEngine server(const std::string& name, uint16_t port) {
  DeclaredEngine out;
  out.name = name;
  out.kind = EndpointKind::kOpenAi;
  out.port = port;
  out.command = {"python3", "-m", "http.server", "--bind", "127.0.0.1", std::to_string(port)};
  return out;
}

class NodeTest : public testing::Test {
 protected:
  NodeTest() { make({.sysroot = folder_.path(), .vendor_libraries = false}); }
  ~NodeTest() override {
    node_->stop();
    if (thread_.joinable()) thread_.join();
  }
  void make(const DeviceReaderOptions& devices) {
    node_ = Node::create({.first_delay_us = 1000, .max_delay_us = 1000, .max_failures = 3}, devices);
  }
  void run() {
    thread_ = std::thread([this] { node_->run(); });
  }
  // Waits until the engine is in that phase, as another process than `not_pid`; what is reported of it then.
  EngineReport await(const std::string& name, EnginePhase phase, int64_t not_pid = 0) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
      for (EngineReport& report : node_->report()) {
        if (report.state.as.name == name && report.state.phase == phase && report.pid != not_pid) return std::move(report);
      }
      ::poll(nullptr, 0, 10);
    }
    ADD_FAILURE() << name << " never was " << engine_phase_name(phase);
    return {};
  }

  const TestFolder folder_;
  std::unique_ptr<Node> node_;
  std::thread thread_;
};

// Over a tree of two cards.
class NodeOnCardsTest : public NodeTest {
 protected:
  NodeOnCardsTest() : tree_(RngdTree::create(folder_.path("tree"), 2)) {
    EXPECT_TRUE(tree_) << tree_.error().message;
    make({.sysroot = folder_.path("tree"), .vendor_libraries = false});
  }
  std::string refusal(std::vector<DeclaredEngine> engines) {
    const Status declared = node_->declare({.log_folder = "", .engines = std::move(engines)});
    return declared ? "" : declared.error().message;
  }
  static DeclaredEngine on(std::string name, std::string device) {
    DeclaredEngine out = server(name, free_port());
    out.devices = {std::move(device)};
    return out;
  }
  static DeclaredEngine moved(DeclaredEngine engine, std::string device) {
    engine.devices = {std::move(device)};
    return engine;
  }

  Result<RngdTree> tree_;
};

TEST_F(NodeTest, StartsWatchesRestartsAndStops) {
  const uint16_t port = free_port();
  ASSERT_TRUE(node_->declare({.log_folder = "", .engines = {server("a", port)}}));
  run();
  const EngineReport first = await("a", EnginePhase::kReady);
  ASSERT_TRUE(first.pid);
  EXPECT_TRUE(TestSocket(port).connected());
  ::kill(static_cast<pid_t>(*first.pid), SIGKILL);
  await("a", EnginePhase::kReady, *first.pid);
  node_->stop();
  thread_.join();
  EXPECT_TRUE(node_->report().empty());
  EXPECT_FALSE(TestSocket(port).connected());
}

TEST_F(NodeTest, ANewDeclarationLeavesTheOthersAlone) {
  const DeclaredEngine a = server("a", free_port()), b = server("b", free_port());
  ASSERT_TRUE(node_->declare({.log_folder = "", .engines = {a, b}}));
  run();
  const EngineReport before = await("a", EnginePhase::kReady);
  const EngineReport old = await("b", EnginePhase::kReady);
  EXPECT_FALSE(node_->declare({.log_folder = "", .engines = {a, a}}));  // refused: nothing changes
  DeclaredEngine changed = b;
  changed.environment = {{"X", "1"}};
  ASSERT_TRUE(node_->declare({.log_folder = "", .engines = {a, changed}}));
  EXPECT_EQ(await("b", EnginePhase::kReady, *old.pid).state.as.environment.size(), 1u);
  EXPECT_EQ(await("a", EnginePhase::kReady).pid, before.pid);
}

TEST_F(NodeTest, WhatCannotRunIsLeftAloneAfterSomeFailures) {
  DeclaredEngine missing = server("missing", free_port()), broken = server("broken", free_port());
  missing.command = {"/no/such/engine"};
  broken.command = {"sh", "-c", "echo no card here; exit 7"};
  ASSERT_TRUE(node_->declare({.log_folder = "", .engines = {missing, broken}}));
  run();
  EXPECT_NE(await("missing", EnginePhase::kCrashLooping).state.reason.find("is it installed"), std::string::npos);
  const EngineReport report = await("broken", EnginePhase::kCrashLooping);
  EXPECT_NE(report.state.reason.find("exit code 7"), std::string::npos) << report.state.reason;
  EXPECT_NE(report.log_tail.find("no card here"), std::string::npos);
}

TEST_F(NodeOnCardsTest, WhatThisMachineDoesNotHaveIsRefusedAndNothingChanges) {
  const DeclaredEngine a = on("a", "npu:0:0-3");
  EXPECT_EQ(refusal({moved(a, "npu:3")}), "engine \"a\": npu3 is not there; this machine has npu0, npu1");
  EXPECT_EQ(refusal({a}), "");
  run();
  const EngineReport before = await("a", EnginePhase::kReady);
  ASSERT_EQ(before.devices.size(), 1u);
  EXPECT_EQ(before.devices[0].standing, DeviceStanding::kWell);
  EXPECT_NE(refusal({moved(a, "npu:2")}).find("npu2 is not there"), std::string::npos);
  EXPECT_EQ(await("a", EnginePhase::kReady).pid, before.pid);
  // Nothing is known of GPUs here: whether this one is there is for the engine to find out.
  EXPECT_EQ(refusal({a, on("b", "gpu:7")}), "");
  EXPECT_EQ(await("b", EnginePhase::kReady).devices.at(0).standing, DeviceStanding::kUnknown);
}

TEST_F(NodeOnCardsTest, ACardThatVanishesIsToldAndWaitedFor) {
  const DeclaredEngine a = on("a", "npu:0"), b = on("b", "npu:1");
  ASSERT_EQ(refusal({a, b}), "");
  run();
  const EngineReport other = await("a", EnginePhase::kReady), before = await("b", EnginePhase::kReady);
  ASSERT_TRUE(tree_->remove(1));
  const EngineReport gone = await("b", EnginePhase::kWaiting);
  EXPECT_NE(gone.state.reason.find("npu1 is not there; this machine has npu0"), std::string::npos) << gone.state.reason;
  EXPECT_FALSE(gone.pid);
  // It keeps its place in the file, and others can be changed.
  DeclaredEngine changed = a;
  changed.environment = {{"X", "1"}};
  EXPECT_EQ(refusal({changed, b}), "");
  await("a", EnginePhase::kReady, *other.pid);
  ASSERT_TRUE(tree_->restore(1));
  await("b", EnginePhase::kReady, *before.pid);
}

TEST_F(NodeOnCardsTest, AnUnhealthyCardIsWaitedForAndLeftToWhoRunsOnIt) {
  ASSERT_TRUE(tree_->update(1, {.alive = false}));
  ASSERT_EQ(refusal({on("a", "npu:0"), on("b", "npu:1")}), "");
  run();
  const EngineReport a = await("a", EnginePhase::kReady), b = await("b", EnginePhase::kWaiting);
  EXPECT_NE(b.state.reason.find("npu1 is unhealthy: "), std::string::npos) << b.state.reason;
  EXPECT_EQ(b.devices.at(0).standing, DeviceStanding::kUnhealthy);
  ASSERT_TRUE(tree_->update(1, {}));
  await("b", EnginePhase::kReady);
  ASSERT_TRUE(tree_->garble(0));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  DeviceStanding standing = DeviceStanding::kWell;
  while (standing == DeviceStanding::kWell && std::chrono::steady_clock::now() < end) {
    standing = await("a", EnginePhase::kReady).devices.at(0).standing;
    ::poll(nullptr, 0, 10);
  }
  EXPECT_EQ(standing, DeviceStanding::kUnhealthy);
  EXPECT_EQ(await("a", EnginePhase::kReady).pid, a.pid);
}

}  // namespace
}  // namespace ondol
