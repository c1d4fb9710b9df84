#include "load/answer_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace ondol {
namespace {

std::string event(const std::string& data) { return "data: " + data + "\n\n"; }
std::string text_event(const std::string& text) { return event(R"({"choices":[{"delta":{"content":")" + text + R"("}}]})"); }

const std::string kUsage =
    event(R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":2}}})");
const std::string kEnd = event(R"({"choices":[{"delta":{},"finish_reason":"length"}]})");
const std::string kDone = event("[DONE]");

TEST(AnswerReader, NotesWhenTextCame) {
  RequestSample sample;
  AnswerReader reader(sample);
  EXPECT_TRUE(reader.push(event(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})"), 100));
  EXPECT_EQ(sample.first_us, -1);
  EXPECT_TRUE(reader.push(text_event("a"), 200));
  EXPECT_TRUE(reader.push(text_event("b") + text_event("c"), 250));
  EXPECT_TRUE(reader.push(text_event("d"), 330));
  EXPECT_TRUE(reader.push(kEnd + kUsage, 400));
  EXPECT_FALSE(reader.push(kDone, 410));  // no more is wanted
  reader.finish();
  EXPECT_TRUE(sample.ok()) << sample.message;
  EXPECT_EQ(sample.first_us, 200);
  EXPECT_EQ(sample.last_us, 330);
  EXPECT_EQ(sample.chunks, 4);
  EXPECT_EQ(sample.gaps_us, (std::vector<uint32_t>{50, 0, 80}));
  EXPECT_EQ(sample.max_gap_us, 80);
  EXPECT_EQ(sample.prompt_tokens, 5);
  EXPECT_EQ(sample.cached_tokens, 2);
  EXPECT_EQ(sample.completion_tokens, 6);
}

TEST(AnswerReader, KnowsTheOtherPlacesOfText) {
  for (const char* choice : {R"({"text":"a"})", R"({"delta":{"reasoning_content":"a"}})", R"({"delta":{"reasoning":"a"}})",
                             R"({"delta":{"tool_calls":[{"index":0}]}})"}) {
    RequestSample sample;
    AnswerReader reader(sample);
    reader.push(event(R"({"choices":[)" + std::string(choice) + "]}"), 7);
    EXPECT_EQ(sample.first_us, 7) << choice;
  }
}

TEST(AnswerReader, TakesAnswersInPieces) {
  RequestSample sample;
  AnswerReader reader(sample);
  const std::string all = text_event("한") + kEnd + kDone;
  int64_t now_us = 0;
  for (const char byte : all) {
    if (!reader.push({&byte, 1}, ++now_us)) break;
  }
  reader.finish();
  EXPECT_TRUE(sample.ok()) << sample.message;
  EXPECT_EQ(sample.chunks, 1);
  EXPECT_EQ(sample.completion_tokens, -1);
  EXPECT_EQ(sample.output_tokens(), 1);
}

SampleError outcome(const std::string& body) {
  RequestSample sample;
  AnswerReader reader(sample);
  reader.push(body, 1);
  reader.finish();
  EXPECT_EQ(sample.ok(), sample.message.empty());
  return sample.error;
}

TEST(AnswerReader, TellsFailuresApart) {
  EXPECT_EQ(outcome(text_event("a") + kEnd), SampleError::kNone);  // [DONE] is often left out
  EXPECT_EQ(outcome(text_event("a") + kDone), SampleError::kNone);
  EXPECT_EQ(outcome(text_event("a")), SampleError::kCutOff);
  EXPECT_EQ(outcome(""), SampleError::kBadAnswer);
  EXPECT_EQ(outcome(R"({"choices":[{"message":{"content":"not a stream"}}]})"), SampleError::kBadAnswer);
  EXPECT_EQ(outcome(event("not json")), SampleError::kBadAnswer);
  EXPECT_EQ(outcome(event("[1]")), SampleError::kBadAnswer);
  EXPECT_EQ(outcome(event(std::string(100, '['))), SampleError::kBadAnswer);
  EXPECT_EQ(outcome(text_event("a") + event(R"({"error":{"message":"out of memory"}})")), SampleError::kServerError);
  EXPECT_EQ(outcome(event(R"({"error":"plain"})")), SampleError::kServerError);
  EXPECT_EQ(outcome(kEnd + kDone), SampleError::kEmpty);
  EXPECT_EQ(outcome("data: " + std::string(2 << 20, 'x')), SampleError::kTooLarge);
}

TEST(AnswerReader, KeepsABoundedNumberOfGaps) {
  RequestSample sample;
  AnswerReader reader(sample);
  for (size_t i = 0; i < kMaxGapsPerRequest + 10; ++i) reader.push(text_event("a"), static_cast<int64_t>(i) * 10);
  EXPECT_EQ(sample.gaps_us.size(), kMaxGapsPerRequest);
  EXPECT_FALSE(sample.gaps_complete);
  EXPECT_EQ(sample.chunks, static_cast<int32_t>(kMaxGapsPerRequest) + 10);
}

}  // namespace
}  // namespace ondol
