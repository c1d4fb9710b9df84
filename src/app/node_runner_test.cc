#include "app/node_runner.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <filesystem>

#include "base/test_folder_test_util.h"
#include "net/test_socket.h"

namespace ondol {
namespace {

class NodeRunnerTest : public testing::Test {
 protected:
  // Nobody needs it to answer: it is never ready, and runs until it is ended.
  static DeclaredEngine engine(const std::string& script) {
    DeclaredEngine out;
    out.name = "a";
    out.kind = EndpointKind::kOpenAi;
    out.port = 1;
    out.command = {"sh", "-c", script};
    return out;
  }
  static Status start(NodeRunner& runner, DeclaredEngine engine) {
    return runner.start({.log_folder = "", .engines = {std::move(engine)}});
  }
  // What is reported of the engine once it has said "up".
  static EngineReport await_up(const NodeRunner& runner) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
      for (EngineReport& report : runner.report()) {
        if (report.log_tail.find("up") != std::string::npos) return std::move(report);
      }
      ::poll(nullptr, 0, 5);
    }
    ADD_FAILURE() << "it did not start";
    return {};
  }
  static bool lives(const EngineReport& report) { return report.pid && ::kill(-static_cast<pid_t>(*report.pid), 0) == 0; }

  const TestFolder folder_;
};

TEST_F(NodeRunnerTest, StopDrains) {
  NodeRunner runner;
  ASSERT_TRUE(start(runner, engine("trap 'touch " + folder_.path("drained") + "; exit 0' TERM; echo up; while :; do sleep 0.05; done")));
  const EngineReport before = await_up(runner);
  EXPECT_EQ(before.state.phase, EnginePhase::kStarting);
  EXPECT_TRUE(lives(before));
  runner.stop();
  EXPECT_TRUE(std::filesystem::exists(folder_.path("drained")));
  EXPECT_FALSE(lives(before));
  EXPECT_TRUE(runner.report().empty());
  runner.stop();
}

TEST_F(NodeRunnerTest, ItsEndKillsWhatDoesNotDrain) {
  EngineReport before;
  {
    NodeRunner runner;
    ASSERT_TRUE(start(runner, engine("trap '' TERM; echo up; while :; do sleep 1000; done")));
    before = await_up(runner);
    EXPECT_TRUE(lives(before));
  }
  EXPECT_FALSE(lives(before));
}

TEST_F(NodeRunnerTest, TheSecondDrainKills) {
  NodeRunner runner;
  ASSERT_TRUE(start(runner, engine("trap '' TERM; echo up; while :; do sleep 1000; done")));
  const EngineReport before = await_up(runner);
  runner.drain();
  runner.drain();
  runner.stop();
  EXPECT_FALSE(lives(before));
}

TEST_F(NodeRunnerTest, TakesANewDeclaration) {
  NodeRunner runner;
  ASSERT_TRUE(start(runner, engine("echo up; exec sleep 1000")));
  const EngineReport before = await_up(runner);
  EXPECT_FALSE(runner.declare({.log_folder = "", .engines = {DeclaredEngine{}}}));
  EXPECT_TRUE(lives(before));
  EXPECT_TRUE(runner.declare({}));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!runner.report().empty() && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 5);
  EXPECT_TRUE(runner.report().empty());
  EXPECT_FALSE(lives(before));
}

TEST_F(NodeRunnerTest, AMistakeStartsNothing) {
  NodeRunner runner;
  EXPECT_FALSE(start(runner, DeclaredEngine{}));
  runner.stop();
}

TEST_F(NodeRunnerTest, TellsThatItHasEnded) {
  NodeRunner runner;
  Signal ended;
  ASSERT_TRUE(runner.start({}, [&] { ended.raise(); }));
  runner.drain();
  EXPECT_TRUE(ended.wait());
}

}  // namespace
}  // namespace ondol
