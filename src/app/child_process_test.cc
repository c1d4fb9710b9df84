#include "app/child_process.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(RunChild, GivesExitCodeAndTheEndOfStderr) {
  const auto child = run_child({"sh", "-c", "echo first >&2; echo ignored; echo last >&2; exit 3"});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->exit_code, 3);
  EXPECT_EQ(child->error_tail, "first\nlast\n");
  EXPECT_EQ(run_child({"true"})->exit_code, 0);
  EXPECT_EQ(run_child({"sh", "-c", "kill -9 $$"})->exit_code, 128 + 9);
}

TEST(RunChild, KeepsABoundedTail) {
  const auto child = run_child({"sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo 0123456789 >&2; i=$((i+1)); done; echo end >&2"});
  ASSERT_TRUE(child);
  EXPECT_LE(child->error_tail.size(), 4096u);
  EXPECT_EQ(last_line(child->error_tail), "end");
}

TEST(RunChild, NamesAMissingProgram) {
  const auto child = run_child({"ondol-no-such-program"});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::kNotFound);
  EXPECT_NE(child.error().message.find("ondol-no-such-program"), std::string::npos);
}

TEST(RunChild, PassesArgumentsWithoutAShell) { EXPECT_EQ(run_child({"test", "a b; exit 9", "=", "a b; exit 9"})->exit_code, 0); }

TEST(LastLine, SkipsEmptyOnes) {
  EXPECT_EQ(last_line("a\nb\n\n  \n"), "b");
  EXPECT_EQ(last_line("one"), "one");
  EXPECT_EQ(last_line("\n"), "");
}

}  // namespace
}  // namespace ondol
