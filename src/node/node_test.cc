#include "node/node.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

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
  NodeTest() : node_(Node::create({.first_delay_us = 1000, .max_delay_us = 1000, .max_failures = 3})) {}
  ~NodeTest() override {
    node_->stop();
    if (thread_.joinable()) thread_.join();
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

  std::unique_ptr<Node> node_;
  std::thread thread_;
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

}  // namespace
}  // namespace ondol
