#include "engine/step_speed.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(StepSpeed, GrantsTheFallbackUntilItKnows) {
  StepSpeed speed;
  EXPECT_EQ(speed.prompt_rows(4, 2, 8, 512, 32), 32);
  speed.observe(4, 0, 10'000);
  EXPECT_EQ(speed.prompt_rows(4, 2, 8, 512, 32), 32);  // what a prompt row costs is not known yet
  EXPECT_EQ(speed.prompt_rows(4, 2, 8, 16, 32), 16);
}

TEST(StepSpeed, AStepWithPromptLastsAsLongAsTheSlowdownSays) {
  StepSpeed speed;
  speed.observe(0, 512, 512'000);  // 1 ms a row
  speed.observe(4, 0, 20'000);
  EXPECT_EQ(speed.prompt_rows(4, 2, 8, 512, 32), 20);
  EXPECT_EQ(speed.prompt_rows(4, 3, 8, 512, 32), 40);
  EXPECT_EQ(speed.prompt_rows(4, 1.1, 8, 512, 32), 8);
  EXPECT_EQ(speed.prompt_rows(4, 1000, 8, 512, 32), 512);
}

TEST(StepSpeed, LearnsTheRowFromMixedSteps) {
  StepSpeed speed;
  speed.observe(8, 0, 30'000);
  for (int i = 0; i < 50; ++i) speed.observe(8, 16, 62'000);
  EXPECT_NEAR(speed.prompt_row_us(), 2'000, 1);
  EXPECT_EQ(speed.prompt_rows(8, 2, 1, 512, 32), 15);
}

TEST(StepSpeed, AnUnknownNumberOfStreamsCountsAsFewer) {
  StepSpeed speed;
  speed.observe(1, 0, 10'000);
  speed.observe(16, 0, 40'000);
  EXPECT_EQ(speed.stream_step_us(1), 10'000);
  EXPECT_EQ(speed.stream_step_us(8), 10'000);
  EXPECT_EQ(speed.stream_step_us(13), 40'000);
  EXPECT_EQ(speed.stream_step_us(1000), 40'000);
}

TEST(StepSpeed, OneHeldUpStepChangesLittle) {
  StepSpeed speed;
  for (int i = 0; i < 20; ++i) speed.observe(2, 0, 10'000);
  speed.observe(2, 0, 5'000'000);
  EXPECT_LE(speed.stream_step_us(2), 12'001);
  for (int i = 0; i < 40; ++i) speed.observe(2, 0, 10'000);
  EXPECT_NEAR(speed.stream_step_us(2), 10'000, 10);
}

TEST(StepSpeed, FewRowsAloneTellNothing) {
  StepSpeed speed;
  speed.observe(0, 2, 20'000);
  EXPECT_EQ(speed.prompt_row_us(), 0);
}

}  // namespace
}  // namespace ondol
