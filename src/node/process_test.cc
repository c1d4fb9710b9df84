#include "node/process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

// Waits for what another process does; it cannot be waited for in any other way from here.
bool eventually(const std::function<bool()>& happened) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!happened()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

class ProcessTest : public testing::Test {
 protected:
  std::unique_ptr<ChildProcess> shell(const std::string& script, const std::map<std::string, std::string>& environment = {}) {
    auto started = ChildProcess::start({"sh", "-c", script}, environment, log_);
    EXPECT_TRUE(started) << started.error().message;
    return started ? std::move(*started) : nullptr;
  }
  std::string end_of(ChildProcess& process) {
    std::optional<std::string> how;
    EXPECT_TRUE(eventually([&] { return (how = process.ended()).has_value(); }));
    return how.value_or("never");
  }
  bool says(const std::string& text) {
    return eventually([&] { return log_->tail().find(text) != std::string::npos; });
  }

  std::shared_ptr<EngineLog> log_ = std::make_shared<EngineLog>("", "test");
};

TEST_F(ProcessTest, OutputEnvironmentAndExitCodeAreTaken) {
  const auto process = shell("echo out $WHO; echo err >&2; cat; exit 3", {{"WHO", "me"}});
  EXPECT_EQ(end_of(*process), "exit code 3");
  EXPECT_TRUE(says("out me\n"));
  EXPECT_TRUE(says("err\n"));
}

TEST_F(ProcessTest, SignalsReachTheGroupAndSayHowItEnded) {
  const auto process = shell("sleep 1000 & echo up; wait");
  EXPECT_TRUE(says("up"));
  EXPECT_FALSE(process->ended());
  process->signal(SIGTERM);
  EXPECT_EQ(end_of(*process), "signal 15 (Terminated)");
  EXPECT_TRUE(eventually([&] { return ::kill(-process->pid(), 0) != 0; }));
}

TEST_F(ProcessTest, WhatItForkedGoesWithIt) {
  const auto process = shell("sleep 1000 & echo up; exit 0");
  EXPECT_EQ(end_of(*process), "exit code 0");
  EXPECT_TRUE(eventually([&] { return ::kill(-process->pid(), 0) != 0; }));  // the sleeper
}

TEST_F(ProcessTest, ItGoesWithItsObject) {
  auto process = shell("trap '' TERM; echo up; while true; do sleep 1000; done");
  EXPECT_TRUE(says("up"));
  const pid_t pid = process->pid();
  process.reset();
  EXPECT_TRUE(eventually([&] { return ::kill(-pid, 0) != 0; }));
}

TEST_F(ProcessTest, AProgramThatIsNotThereIsSaid) {
  const auto started = ChildProcess::start({"/no/such/program"}, {}, log_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kNotFound);
  EXPECT_FALSE(ChildProcess::start({}, {}, log_));
}

TEST_F(ProcessTest, DaemonsThatLeftTheirGroupAreFound) {
  adopt_orphans();
  const auto process = shell("setsid sh -c 'echo daemon; exec sleep 1000' & wait $!; exit 0");
  EXPECT_TRUE(says("daemon"));
  EXPECT_EQ(kill_orphans({process->pid()}), 0);  // not an orphan yet
  process->signal(SIGKILL);
  (void)end_of(*process);
  int killed = 0;
  EXPECT_TRUE(eventually([&] { return (killed += kill_orphans({})) > 0; }));
}

TEST_F(ProcessTest, WhatAnotherThreadStartedIsNoOrphan) {
  adopt_orphans();
  EXPECT_TRUE(eventually([] { return kill_orphans({}) == 0; }));  // of other tests
  std::promise<pid_t> started;
  std::promise<void> looked;
  std::string how;
  // As a device reader that runs its vendor's tool.
  std::thread reader([&] {
    const auto tool = shell("echo up; exec sleep 1000");
    started.set_value(tool->pid());
    looked.get_future().wait();
    tool->signal(SIGTERM);
    how = end_of(*tool);
  });
  const pid_t tool = started.get_future().get();
  EXPECT_TRUE(says("up"));
  EXPECT_EQ(kill_orphans({}), 0);
  EXPECT_EQ(::kill(tool, 0), 0);
  looked.set_value();
  reader.join();
  EXPECT_EQ(how, "signal 15 (Terminated)");
}

TEST(EngineLog, MemoryAndFilesAreBounded) {
  const TestFolder folder;
  {
    EngineLog log(folder.path("logs"), "a", 1000);
    for (int i = 0; i < 20'000; ++i) log.append("line " + std::to_string(i) + "\n");
    EXPECT_LE(log.tail().size(), EngineLog::kKeptBytes);
    EXPECT_TRUE(log.tail().ends_with("line 19999\n"));
  }
  EXPECT_LE(folder.read("logs/a.log").size(), 1000u);
  EXPECT_LE(folder.read("logs/a.log.1").size(), 1000u);
  EXPECT_TRUE(folder.read("logs/a.log").ends_with("line 19999\n"));
  EngineLog nowhere("/proc/no", "a");
  nowhere.append("said\n");
  EXPECT_NE(nowhere.tail().find("cannot write"), std::string::npos);
  EXPECT_TRUE(nowhere.tail().ends_with("said\n"));
}

}  // namespace
}  // namespace ondol
