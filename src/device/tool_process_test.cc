#include "device/tool_process.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <fstream>
#include <string>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

constexpr int64_t kPlentyMs = 60'000;

TEST(ToolProcess, GivesWhatTheToolWrites) {
  ToolProcess tool("/bin/echo", kPlentyMs);
  EXPECT_EQ(tool.run({"a b", "$HOME"}).value(), "a b $HOME\n");  // no shell has seen it
}

TEST(ToolProcess, SaysHowItFailed) {
  EXPECT_EQ(ToolProcess("/nowhere/tool", kPlentyMs).run({}).error().code, Code::kNotFound);
  const auto failed = ToolProcess("/bin/sh", kPlentyMs).run({"-c", "echo half; exit 3"});
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  EXPECT_NE(failed.error().message.find("status 3"), std::string::npos);
  EXPECT_NE(ToolProcess("/bin/sh", kPlentyMs).run({"-c", "kill -9 $$"}).error().message.find("signal 9"), std::string::npos);
}

// Gone, or dead and not collected yet.
bool is_dead(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string number, name, state;
  file >> number >> name >> state;
  return state.empty() || state == "Z" || state == "X";
}

TEST(ToolProcess, KillsAToolThatHangsAndWhatItStarted) {
  const TestFolder folder;
  const std::string script = "sleep 600 & echo $! > " + folder.path("pid") + "; sleep 600";
  for (int64_t limit_ms = 20; folder.read("pid").empty(); limit_ms *= 2) {  // on a busy machine it may be killed before it has begun
    EXPECT_EQ(ToolProcess("/bin/sh", limit_ms).run({"-c", script}).error().code, Code::kDeadlineExceeded);
  }
  const std::string written = folder.read("pid");
  while (!is_dead(written.substr(0, written.find('\n')))) ::sched_yield();  // for ever, if it were left alive
}

TEST(ToolProcess, KillsAToolThatEndsItsOutputButNotItself) {
  EXPECT_EQ(ToolProcess("/bin/sh", 20).run({"-c", "exec >&-; sleep 600"}).error().code, Code::kDeadlineExceeded);
}

TEST(ToolProcess, StopsAToolThatWritesWithoutEnd) {
  EXPECT_EQ(ToolProcess("/usr/bin/yes", kPlentyMs).run({}).error().code, Code::kPayloadTooLarge);
}

}  // namespace
}  // namespace ondol
