#include "gateway/responses_format.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

namespace json = boost::json;

using Kind = AnswerPart::Kind;

const Usage kUsage = {.prompt_tokens = 5, .cached_tokens = 2, .completion_tokens = 3, .reasoning_tokens = 1};

AnswerPart part(Kind kind, std::string text) { return {.kind = kind, .text = std::move(text), .call = 0, .call_id = {}, .name = {}}; }
AnswerPart call(int index, std::string text, std::string id = "", std::string name = "") {
  return {.kind = Kind::kToolCall, .text = std::move(text), .call = index, .call_id = std::move(id), .name = std::move(name)};
}
AnswerPiece piece(std::vector<AnswerPart> parts) { return {.parts = std::move(parts), .tokens = {}}; }

struct Event {
  std::string name;
  json::object data;
};

// Fails unless the text is whole events whose name is their type.
std::vector<Event> read(const std::string& text) {
  std::vector<Event> events;
  for (size_t at = 0; at < text.size();) {
    const size_t line = text.find('\n', at), end = text.find("\n\n", at);
    EXPECT_EQ(text.compare(at, 7, "event: "), 0);
    EXPECT_EQ(text.compare(line + 1, 6, "data: "), 0);
    events.push_back({text.substr(at + 7, line - at - 7), json::parse(text.substr(line + 7, end - line - 7)).as_object()});
    EXPECT_EQ(events.back().data.at("type"), events.back().name.c_str());
    at = end + 2;
  }
  return events;
}

class ResponsesFormatTest : public testing::Test {
 protected:
  std::unique_ptr<ResponseFormat> make() {
    ResponsesMeta meta;
    meta.id = "resp_ab";
    meta.created_unix_s = 12;
    meta.model = "m";
    meta.sampling.temperature = 0.7f;
    meta.echo["store"] = true;
    meta.unix_now_s = [] { return 34; };
    return make_responses_format(std::move(meta), tokenizer_, [this](json::object response) { finished_.push_back(std::move(response)); });
  }
  // One line for each event: its type, where, and what is new in it.
  std::vector<std::string> told(const std::string& text) {
    std::vector<std::string> lines;
    for (const Event& event : read(text)) {
      EXPECT_EQ(event.data.at("sequence_number"), next_++);
      std::string line = event.name;
      for (const char* name : {"output_index", "content_index", "item_id", "delta", "text", "arguments", "name", "item", "part"}) {
        if (event.data.contains(name)) line += " " + json::serialize(event.data.at(name));
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }

  FakeTokenizer tokenizer_;
  std::vector<json::object> finished_;
  int next_ = 0;
};

constexpr const char* kMessage = R"({"id":"msg_ab0000","type":"message","status":"completed","role":"assistant","content":[)"
                                 R"({"type":"output_text","text":"hello","annotations":[],"logprobs":[]}]})";

TEST_F(ResponsesFormatTest, TextStream) {
  const auto format = make();
  const std::vector<Event> opening = read(format->opening());
  ASSERT_EQ(opening.size(), 2u);
  EXPECT_EQ(opening[0].name, "response.created");
  EXPECT_EQ(opening[1].name, "response.in_progress");
  EXPECT_EQ(opening[1].data.at("sequence_number"), 1);
  EXPECT_EQ(opening[0].data.at("response"), json::parse(R"({"id": "resp_ab", "object": "response", "created_at": 12, "completed_at": null,
      "status": "in_progress", "model": "m", "error": null, "incomplete_details": null, "output": [], "usage": null, "temperature": 0.7,
      "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "store": true})"));
  next_ = 2;
  EXPECT_EQ(
      told(format->delta(piece({part(Kind::kContent, "he")}))),
      (std::vector<std::string>{
          R"(response.output_item.added 0 {"id":"msg_ab0000","type":"message","status":"in_progress","role":"assistant","content":[]})",
          R"(response.content_part.added 0 0 "msg_ab0000" {"type":"output_text","text":"","annotations":[],"logprobs":[]})",
          R"(response.output_text.delta 0 0 "msg_ab0000" "he")"}));
  EXPECT_EQ(told(format->delta(piece({part(Kind::kContent, "llo")}))),
            std::vector<std::string>{R"(response.output_text.delta 0 0 "msg_ab0000" "llo")"});
  EXPECT_EQ(format->delta(piece({part(Kind::kContent, "")})), "");
  EXPECT_TRUE(finished_.empty());
  const std::string closing = format->closing("stop", kUsage);
  EXPECT_EQ(told(closing),
            (std::vector<std::string>{
                R"(response.output_text.done 0 0 "msg_ab0000" "hello")",
                R"(response.content_part.done 0 0 "msg_ab0000" {"type":"output_text","text":"hello","annotations":[],"logprobs":[]})",
                std::string("response.output_item.done 0 ") + kMessage, "response.completed"}));
  const json::object response = read(closing).back().data.at("response").as_object();
  EXPECT_EQ(response.at("status"), "completed");
  EXPECT_EQ(response.at("completed_at"), 34);
  EXPECT_EQ(response.at("output"), json::parse("[" + std::string(kMessage) + "]"));
  EXPECT_EQ(response.at("usage"),
            json::parse(R"({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0}, "output_tokens": 3,
      "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 8})"));
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0], response);
}

TEST_F(ResponsesFormatTest, ReasoningThenTextThenTwoCalls) {
  const auto format = make();
  std::string text = format->opening();
  text += format->delta(piece({part(Kind::kReasoning, "hm"), part(Kind::kReasoning, "m"), part(Kind::kContent, "so")}));
  text += format->delta(piece({call(0, "", "call_1", "f"), call(0, "{\"x\":"), call(0, "1}")}));
  text += format->delta(piece({call(1, "{}", "call_2", "g")}));
  text += format->closing("tool_calls", kUsage);
  const std::vector<std::string> expected = {
      "response.created",
      "response.in_progress",
      R"(response.output_item.added 0 {"id":"rs_ab0000","type":"reasoning","status":"in_progress","summary":[],"content":[]})",
      R"(response.content_part.added 0 0 "rs_ab0000" {"type":"reasoning_text","text":""})",
      R"(response.reasoning_text.delta 0 0 "rs_ab0000" "hm")",
      R"(response.reasoning_text.delta 0 0 "rs_ab0000" "m")",
      R"(response.reasoning_text.done 0 0 "rs_ab0000" "hmm")",
      R"(response.content_part.done 0 0 "rs_ab0000" {"type":"reasoning_text","text":"hmm"})",
      R"(response.output_item.done 0 {"id":"rs_ab0000","type":"reasoning","status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"hmm"}]})",
      R"(response.output_item.added 1 {"id":"msg_ab0001","type":"message","status":"in_progress","role":"assistant","content":[]})",
      R"(response.content_part.added 1 0 "msg_ab0001" {"type":"output_text","text":"","annotations":[],"logprobs":[]})",
      R"(response.output_text.delta 1 0 "msg_ab0001" "so")",
      R"(response.output_text.done 1 0 "msg_ab0001" "so")",
      R"(response.content_part.done 1 0 "msg_ab0001" {"type":"output_text","text":"so","annotations":[],"logprobs":[]})",
      R"(response.output_item.done 1 {"id":"msg_ab0001","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"so","annotations":[],"logprobs":[]}]})",
      R"(response.output_item.added 2 {"id":"fc_ab0002","type":"function_call","status":"in_progress","call_id":"call_1","name":"f","arguments":""})",
      R"(response.function_call_arguments.delta 2 "fc_ab0002" "{\"x\":")",
      R"(response.function_call_arguments.delta 2 "fc_ab0002" "1}")",
      R"(response.function_call_arguments.done 2 "fc_ab0002" "{\"x\":1}" "f")",
      R"(response.output_item.done 2 {"id":"fc_ab0002","type":"function_call","status":"completed","call_id":"call_1","name":"f","arguments":"{\"x\":1}"})",
      R"(response.output_item.added 3 {"id":"fc_ab0003","type":"function_call","status":"in_progress","call_id":"call_2","name":"g","arguments":""})",
      R"(response.function_call_arguments.delta 3 "fc_ab0003" "{}")",
      R"(response.function_call_arguments.done 3 "fc_ab0003" "{}" "g")",
      R"(response.output_item.done 3 {"id":"fc_ab0003","type":"function_call","status":"completed","call_id":"call_2","name":"g","arguments":"{}"})",
      "response.completed"};
  EXPECT_EQ(told(text), expected);
}

TEST_F(ResponsesFormatTest, TheWholeAnswerIsTheStreamsResponse) {
  const std::vector<AnswerPart> parts = {part(Kind::kReasoning, "hm"), part(Kind::kContent, "so"), call(0, "{}", "call_1", "f"),
                                         call(1, "{}", "call_2", "g")};
  const auto streamed = make();
  streamed->opening();
  for (const AnswerPart& one : parts) streamed->delta(piece({one}));
  const std::string closing = streamed->closing("stop", kUsage);
  const auto whole = make();
  const json::value response = json::parse(whole->whole(piece(parts), "stop", kUsage));
  EXPECT_EQ(response, read(closing).back().data.at("response"));
  ASSERT_EQ(finished_.size(), 2u);
  EXPECT_EQ(finished_[0], finished_[1]);
  EXPECT_EQ(response.at("output").as_array().size(), 4u);
}

TEST_F(ResponsesFormatTest, AnAnswerThatWasCutIsIncomplete) {
  const auto format = make();
  format->opening();
  format->delta(piece({part(Kind::kContent, "so"), call(0, "{\"x", "call_1", "f")}));
  const std::vector<Event> events = read(format->closing("length", kUsage));
  EXPECT_EQ(events.back().name, "response.incomplete");
  const json::value& response = events.back().data.at("response");
  EXPECT_EQ(response.at("status"), "incomplete");
  EXPECT_EQ(response.at("incomplete_details"), json::parse(R"({"reason": "max_output_tokens"})"));
  EXPECT_TRUE(response.at("completed_at").is_null());
  EXPECT_EQ(response.at("output").at(0).at("status"), "completed");
  EXPECT_EQ(response.at("output").at(1).at("status"), "incomplete");
  const json::value filtered = json::parse(make()->whole(piece({part(Kind::kContent, "x")}), "content_filter", kUsage));
  EXPECT_EQ(filtered.at("incomplete_details").at("reason"), "content_filter");
}

TEST_F(ResponsesFormatTest, AnEmptyAnswerIsAnEmptyMessage) {
  const json::value response = json::parse(make()->whole({}, "stop", kUsage));
  EXPECT_EQ(response.at("output").at(0).at("content").at(0).at("text"), "");
  EXPECT_EQ(response.at("status"), "completed");
}

TEST_F(ResponsesFormatTest, Failures) {
  const ApiError error = to_api_error({Code::kUnavailable, "stopped"});
  const auto format = make();
  format->opening();
  format->delta(piece({part(Kind::kContent, "so")}));
  const std::vector<Event> events = read(format->failed(error));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].name, "response.failed");
  EXPECT_EQ(events[0].data.at("response").at("status"), "failed");
  EXPECT_EQ(events[0].data.at("response").at("error"), json::parse(R"({"code": "server_error", "message": "stopped"})"));
  EXPECT_EQ(events[0].data.at("response").at("output").at(0).at("status"), "incomplete");
  const auto early = make();
  const std::vector<Event> alone = read(early->failed(overloaded("later")));
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].data, json::parse(R"({"type": "error", "sequence_number": 0, "code": "rate_limit_exceeded", "message": "later",
      "param": null})"));
  ASSERT_EQ(finished_.size(), 2u);
  EXPECT_EQ(finished_[1].at("status"), "failed");
}

TEST_F(ResponsesFormatTest, AFormatThatIsGivenUpSaysSo) {
  {
    const auto format = make();
    format->opening();
    format->delta(piece({part(Kind::kContent, "so")}));
  }
  ASSERT_EQ(finished_.size(), 1u);
  EXPECT_EQ(finished_[0].at("status"), "cancelled");
  EXPECT_EQ(finished_[0].at("output").at(0).at("content").at(0).at("text"), "so");
  {
    make()->whole({}, "stop", kUsage);
  }
  EXPECT_EQ(finished_.size(), 2u) << "once for each";
}

TEST_F(ResponsesFormatTest, LogprobsComeWithTheirText) {
  const auto format = make();
  format->opening();
  AnswerPiece first = piece({part(Kind::kReasoning, "r"), part(Kind::kContent, "h")});
  first.tokens.push_back(
      {.event = {.token = 'h', .logprob = -0.5f, .top = {{'h', -0.5f}, {0xED, -INFINITY}}}, .byte_offset = 0, .char_offset = 0});
  const json::value expected = json::parse(R"([{"token": "h", "logprob": -0.5, "bytes": [104], "top_logprobs": [
      {"token": "h", "logprob": -0.5, "bytes": [104]}, {"token": "\ufffd", "logprob": -9999.0, "bytes": [237]}]}])");
  const std::vector<Event> events = read(format->delta(first));
  EXPECT_EQ(events.back().name, "response.output_text.delta");
  EXPECT_EQ(events.back().data.at("logprobs"), expected);
  EXPECT_FALSE(events[2].data.contains("logprobs")) << "reasoning has none";
  AnswerPiece late;
  late.tokens.push_back({.event = {.token = 'i', .logprob = -1, .top = {}}, .byte_offset = 1, .char_offset = 1});
  EXPECT_EQ(format->delta(late), "");
  const json::object response = read(format->closing("stop", kUsage)).back().data.at("response").as_object();
  const json::value& text = response.at("output").at(1).at("content").at(0);
  ASSERT_EQ(text.at("logprobs").as_array().size(), 2u);
  EXPECT_EQ(text.at("logprobs").at(1).at("token"), "i");
}

}  // namespace
}  // namespace ondol
