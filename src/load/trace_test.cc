#include "load/trace.h"

#include <gtest/gtest.h>

#include <string>

#include "load/text_file.h"

namespace ondol {
namespace {

std::string trace_file(const std::string& name) {
  const auto text = read_input_file(std::string(ONDOL_SOURCE_DIR) + "/tests/traces/" + name, kMaxTraceBytes);
  EXPECT_TRUE(text) << text.error().message;
  return text.value_or("");
}

std::string error_of(const std::string& text) {
  const auto trace = parse_trace(text);
  return trace ? "no error" : trace.error().message;
}

constexpr const char* kAzure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
constexpr const char* kSessions = "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n";

TEST(AzureTrace, CountsFromItsFirstRequest) {
  const auto trace = parse_trace(trace_file("azure_conv.csv"));
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->kind, TraceKind::kAzure);
  ASSERT_EQ(trace->requests.size(), 24u);
  EXPECT_EQ(trace->requests[0].at_us, 0);
  EXPECT_EQ(trace->requests[0].input_tokens, 374);
  EXPECT_EQ(trace->requests[0].output_tokens, 44);
  EXPECT_EQ(trace->requests[1].at_us, 4'314'579);    // 50.9951690 - 46.6805900
  EXPECT_EQ(trace->requests[21].at_us, 14'059'550);  // across the minute: 18:16:00.7401400
  EXPECT_EQ(trace->requests[1].previous, -1);
}

TEST(AzureTrace, TakesTheLaterFormOfTimesAndSortsThem) {
  const auto trace =
      parse_trace(std::string(kAzure) + "2024-03-01 00:00:00.500000+00:00,5,6\n2024-02-29 23:59:59+00:00,0,0\n2024-02-29 23:59:59.25,7,8");
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ(trace->requests.size(), 3u);
  EXPECT_EQ(trace->requests[0].input_tokens, 1);  // servers refuse empty prompts
  EXPECT_EQ(trace->requests[0].output_tokens, 1);
  EXPECT_EQ(trace->requests[1].at_us, 250'000);
  EXPECT_EQ(trace->requests[2].at_us, 1'500'000);
  EXPECT_EQ(trace->requests[2].input_tokens, 5);
}

TEST(MooncakeTrace, KeepsTheBlocks) {
  const auto trace = parse_trace(trace_file("mooncake_conversation.jsonl"));
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->kind, TraceKind::kMooncake);
  ASSERT_EQ(trace->requests.size(), 24u);
  EXPECT_EQ(trace->requests[0].input_tokens, 6758);
  EXPECT_EQ(trace->requests[0].output_tokens, 500);
  EXPECT_EQ(trace->requests[3].blocks, (std::vector<int64_t>{0, 42, 43, 44, 45}));
}

TEST(SessionsTrace, RoundsFollowOneAnother) {
  const auto trace = parse_trace(trace_file("tracelab_sessions.csv"));
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->kind, TraceKind::kSessions);
  ASSERT_EQ(trace->requests.size(), 29u);
  const TraceRequest& first = trace->requests[0];
  EXPECT_EQ(first.at_us, 0);
  EXPECT_EQ(first.previous, -1);
  EXPECT_EQ(first.input_tokens, 2318);
  const TraceRequest& second = trace->requests[1];
  EXPECT_EQ(second.previous, 0);
  EXPECT_EQ(second.wait_us, 300'000);
  EXPECT_EQ(second.input_tokens, 2518 + 348);
  EXPECT_EQ(second.output_tokens, 131);
  const TraceRequest& other = trace->requests[3];
  EXPECT_EQ(other.session, 1);
  EXPECT_EQ(other.previous, -1);
  EXPECT_EQ(other.wait_us, 0);
  EXPECT_EQ(other.at_us, 276'000);
}

TEST(Trace, TakesNoMoreRowsThanTheLimit) {
  EXPECT_EQ(parse_trace(trace_file("azure_conv.csv"), 5)->requests.size(), 5u);
  EXPECT_EQ(parse_trace(trace_file("mooncake_conversation.jsonl"), 1)->requests.size(), 1u);
  EXPECT_EQ(parse_trace(trace_file("azure_conv.csv"), 1000)->requests.size(), 24u);
}

TEST(Trace, ErrorsNameTheLine) {
  EXPECT_EQ(error_of(""), error_of("hello\n"));
  EXPECT_TRUE(error_of("hello\n").starts_with("line 1: ")) << error_of("hello\n");
  const std::string azure(kAzure), row = "2023-11-16 18:15:46.6805900,374,44\n";
  EXPECT_TRUE(error_of(azure + row + "2023-11-16 18:15:46,1\n").starts_with("line 3: 2 fields instead of 3"));
  EXPECT_TRUE(error_of(azure + "2023-13-16 18:15:46,1,1\n").starts_with("line 2: TIMESTAMP is \"2023-13"));
  EXPECT_TRUE(error_of(azure + "2023-02-29 18:15:46,1,1\n").starts_with("line 2: TIMESTAMP"));
  EXPECT_TRUE(error_of(azure + "2023-11-16T18:15:46,1,1\n").starts_with("line 2: TIMESTAMP"));
  EXPECT_TRUE(error_of(azure + "2023-11-16 18:15:46,1.5,1\n").starts_with("line 2: ContextTokens is \"1.5\""));
  EXPECT_TRUE(error_of(azure + "2023-11-16 18:15:46,1,-1\n").starts_with("line 2: GeneratedTokens is \"-1\""));
  EXPECT_TRUE(error_of(azure + "2023-11-16 18:15:46,9999999999,1\n").starts_with("line 2: ContextTokens"));
  EXPECT_NE(error_of(azure).find("no rows"), std::string::npos);
}

TEST(Trace, ErrorsOfJsonAndSessionsNameTheLineToo) {
  const std::string good = R"({"timestamp": 1, "input_length": 2, "output_length": 3})";
  EXPECT_EQ(error_of(good), "no error");
  EXPECT_TRUE(error_of(good + "\n{\n").starts_with("line 2: "));
  EXPECT_TRUE(error_of(good + "\n[1]\n").starts_with("line 2: \"[1]\" is no JSON object"));
  EXPECT_TRUE(error_of(R"({"timestamp": "1", "input_length": 2, "output_length": 3})").starts_with("line 1: timestamp is missing"));
  EXPECT_TRUE(error_of(R"({"timestamp": 1, "input_length": -2, "output_length": 3})").starts_with("line 1: input_length"));
  EXPECT_TRUE(
      error_of(R"({"timestamp": 1, "input_length": 2, "output_length": 3, "hash_ids": ["a"]})").starts_with("line 1: hash_ids holds"));
  EXPECT_TRUE(error_of(std::string(kSessions) + "a,1,0,0,10,5,0\na,1,2,15,10,5,0\n").starts_with("line 3: round_idx is 2, and must be 1"));
  EXPECT_TRUE(error_of(std::string(kSessions) + "a,1,0,0,10\n").starts_with("line 2: 5 fields instead of 7"));
  EXPECT_TRUE(error_of(good + "\n{\"timestamp\": " + std::string(70'000, '1')).starts_with("line 2: the line is longer"));
}

}  // namespace
}  // namespace ondol
