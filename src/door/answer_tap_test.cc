#include "door/answer_tap.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <vector>

namespace ondol {
namespace {

std::vector<std::string> split(std::string_view text, size_t piece) {
  std::vector<std::string> events;
  EventSplitter splitter;
  for (size_t at = 0; at < text.size(); at += piece) {
    splitter.push(text.substr(at, piece), [&](std::string_view event) { events.emplace_back(event); });
  }
  events.push_back("rest " + splitter.rest());
  return events;
}

TEST(EventSplitter, TellsEventsApartHoweverTheyCome) {
  const std::string text = "data: a\n\nevent: x\ndata: b\n\ndata: c\r\n\r\ndata: half";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, text.size()}) {
    EXPECT_EQ(split(text, piece), (std::vector<std::string>{"data: a\n\n", "event: x\ndata: b\n\n", "data: c\r\n\r\n", "rest data: half"}));
  }
}

TEST(EventSplitter, PassesWhatIsTooLargeAsItComes) {
  EventSplitter splitter;
  std::string out;
  const auto take = [&](std::string_view event) { out += event; };
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 5; ++i) splitter.push(piece, take);
  EXPECT_TRUE(splitter.gave_up());
  EXPECT_TRUE(splitter.rest().empty());
  splitter.push("data: a\n\n", take);
  EXPECT_EQ(out.size(), 5 * piece.size() + 9);
}

TEST(LookAtEvent, CountsPiecesOfAnswers) {
  EXPECT_EQ(look_at_event("data: {\"choices\":[{\"delta\":{\"content\":\"m\"}}]}\n\n").tokens, 1);
  EXPECT_EQ(look_at_event("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\"}\n\n").tokens, 1);
  EXPECT_EQ(look_at_event(": comment\n\n").tokens, 0);
  EXPECT_EQ(look_at_event("data:\n\n").tokens, 0);
  EXPECT_TRUE(look_at_event("data: [DONE]\n\n").is_done);
  EXPECT_TRUE(look_at_event("data: {\"error\": {\"message\": \"x\"}}\n\n").is_error);
}

TEST(LookAtEvent, FindsTheLastUsage) {
  const std::string event =
      "data: {\"choices\": [ ], \"usage\":{\"prompt_tokens\":29,\"completion_tokens\":6,\"details\":{\"cached\":1}}}\n\n";
  const EventSight sight = look_at_event(event);
  ASSERT_TRUE(sight.last_usage);
  EXPECT_EQ(sight.usage->prompt_tokens, 29);
  EXPECT_EQ(sight.usage->completion_tokens, 6);
  const std::string with = with_account(event, *sight.usage, R"({"energy_j":1})");
  EXPECT_NE(with.find("\"details\":{\"cached\":1},\"ondol\":{\"energy_j\":1}}}\n\n"), std::string::npos) << with;
}

TEST(LookAtEvent, LeavesUsageWithEveryPieceAlone) {
  EXPECT_FALSE(look_at_event("data: {\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":1}}\n\n").last_usage);
  EXPECT_FALSE(look_at_event("data: {\"choices\":[],\"usage\":null}\n\n").last_usage);
}

TEST(FindUsage, ReadsAnswersOfBothKinds) {
  const std::string chat = R"({"choices":[{"message":{"content":"\"usage\":{}"}}],"usage":{}})";
  const auto empty = find_usage(chat);
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty);
  EXPECT_EQ(empty->prompt_tokens, -1);
  EXPECT_TRUE(with_account(chat, *empty, "{}").ends_with(R"("usage":{"ondol":{}}})"));
  const std::string response = R"({"type":"response.completed","response":{"usage":{"input_tokens":3, "output_tokens":4 } }})";
  const auto found = find_usage(response);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->prompt_tokens, 3);
  EXPECT_EQ(found->completion_tokens, 4);
  const auto parsed = boost::json::parse(with_account(response, *found, R"({"a":1})"));
  EXPECT_EQ(parsed.at("response").at("usage").at("ondol").at("a"), 1);
}

TEST(FindUsage, WantsAnObject) {
  for (const char* text : {"", "x", "{}", R"({"usage":null})", R"({"usage":[1]})", R"({"usage":{)", R"(["usage"])", R"({"usage":-})",
                           R"({"id":"cchoices":[],"usage":{"prompt_tokens":29,"completion_tokens":pe"d":{}}})"}) {
    EXPECT_FALSE(find_usage(text)) << text;
  }
  EXPECT_EQ(find_usage(R"({"usage":{"prompt_tokens":-5,"completion_tokens":"x"}})")->prompt_tokens, -1);
}

}  // namespace
}  // namespace ondol
