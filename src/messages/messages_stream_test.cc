#include "messages/messages_stream.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ondol {
namespace {

namespace json = boost::json;

// The data of the events, whose names must agree with them.
json::array events_in(std::string_view text) {
  json::array out;
  while (!text.empty()) {
    const size_t end = text.find("\n\n");
    const std::string_view event = text.substr(0, end);
    const size_t line = event.find('\n');
    EXPECT_TRUE(event.starts_with("event: ") && event.substr(line + 1).starts_with("data: ")) << event;
    out.push_back(json::parse(event.substr(line + 7)));
    EXPECT_EQ(std::string_view(out.back().at("type").as_string()), event.substr(7, line - 7));
    text.remove_prefix(end + 2);
  }
  return out;
}

// What a client makes of events, checked as strictly as one may: one block at a time, deltas of its kind.
struct Client {
  json::array content;
  std::vector<std::string> order;  // of the events
  json::value start, last;         // message_start's message, message_delta
  bool open = false, stopped = false;

  void take(const json::value& event) {
    const std::string type(event.at("type").as_string());
    order.push_back(type);
    if (type == "message_start") start = event.at("message");
    if (type == "message_delta") last = event;
    if (type == "message_stop") stopped = true;
    if (type == "content_block_start") {
      EXPECT_FALSE(std::exchange(open, true));
      EXPECT_EQ(event.at("index"), content.size());
      content.push_back(event.at("content_block"));
      content.back().as_object()["input_text"] = "";
    }
    if (type == "content_block_delta" || type == "content_block_stop") {
      EXPECT_TRUE(open);
      EXPECT_EQ(event.at("index"), content.size() - 1);
    }
    if (type == "content_block_stop") open = false;
    if (type == "content_block_delta") add(event.at("delta").as_object());
  }
  void add(const json::object& delta) {
    json::object& block = content.back().as_object();
    const std::string_view type = delta.at("type").as_string();
    const auto append = [&](const char* kind, const char* to, const char* from) {
      EXPECT_EQ(block.at("type"), kind);
      block[to].as_string().append(delta.at(from).as_string());
    };
    if (type == "text_delta") append("text", "text", "text");
    if (type == "thinking_delta") append("thinking", "thinking", "thinking");
    if (type == "signature_delta") append("thinking", "signature", "signature");
    if (type == "input_json_delta") append("tool_use", "input_text", "partial_json");
  }
  // "kind:text" of each block.
  std::vector<std::string> blocks() const {
    std::vector<std::string> out;
    for (const json::value& block : content) {
      const std::string type(block.at("type").as_string());
      const char* text = type == "tool_use" ? "input_text" : type.c_str();
      out.push_back((type == "tool_use" ? std::string(block.at("name").as_string()) : type) + ":" +
                    std::string(block.at(text).as_string()));
    }
    return out;
  }
};

class MessagesStreamTest : public testing::Test {
 protected:
  void send(std::string_view data) {
    for (const json::value& event : events_in(stream_.event(data))) client_.take(event);
  }
  void delta(const std::string& fields) { send(R"({"model": "m", "choices": [{"delta": {)" + fields + "}}]}"); }
  void call(int index, const std::string& fields) { delta(R"("tool_calls": [{"index": )" + std::to_string(index) + ", " + fields + "}]"); }
  void named(int index, const std::string& name) {
    call(index, R"("id": "call_)" + name + R"(", "function": {"name": ")" + name + R"(", "arguments": ""})");
  }
  void arguments(int index, std::string_view text) {
    call(index, R"("function": {"arguments": )" + json::serialize(json::string(text)) + "}");
  }
  void finish(const std::string& reason, const std::string& more = "") {
    send(R"({"choices": [{"delta": {}, "finish_reason": ")" + reason + "\"" + more + "}]}");
  }

  MessagesStream stream_{"msg_1", "req_1"};
  Client client_;
};

TEST_F(MessagesStreamTest, Text) {
  delta(R"("role": "assistant", "content": "")");
  delta(R"("content": "hel")");
  delta(R"("content": "lo")");
  finish("stop");
  send(R"({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "ondol": {"energy_j": 1}}})");
  EXPECT_FALSE(stream_.over());
  send("[DONE]");
  EXPECT_TRUE(stream_.over());
  EXPECT_EQ(client_.order, (std::vector<std::string>{"message_start", "content_block_start", "content_block_delta", "content_block_delta",
                                                     "content_block_stop", "message_delta", "message_stop"}));
  EXPECT_EQ(client_.start.at("id"), "msg_1");
  EXPECT_EQ(client_.start.at("model"), "m");
  EXPECT_EQ(client_.start.at("stop_reason"), nullptr);
  EXPECT_EQ(client_.blocks(), std::vector<std::string>{"text:hello"});
  EXPECT_EQ(client_.last.at("delta").at("stop_reason"), "end_turn");
  EXPECT_EQ(client_.last.at("usage").at("input_tokens"), 5);
  EXPECT_EQ(client_.last.at("usage").at("output_tokens"), 2);
  EXPECT_EQ(client_.last.at("usage").at("ondol").at("energy_j"), 1);
  EXPECT_EQ(stream_.event("[DONE]"), "");
}

TEST_F(MessagesStreamTest, ThinkingThenTextThenCalls) {
  delta(R"("reasoning_content": "h", "reasoning": "h")");
  delta(R"("reasoning": "m")");
  delta(R"("content": "so")");
  named(0, "f");
  arguments(0, R"({"a":)");
  arguments(0, R"( "}"})");
  named(1, "g");
  arguments(1, "{}");
  finish("tool_calls");
  send("[DONE]");
  EXPECT_EQ(client_.blocks(), (std::vector<std::string>{"thinking:hm", "text:so", R"(f:{"a": "}"})", "g:{}"}));
  EXPECT_EQ(client_.content[2].at("id"), "call_f");
  EXPECT_EQ(client_.content[2].at("input"), json::object());
  EXPECT_EQ(client_.last.at("delta").at("stop_reason"), "tool_use");
  EXPECT_TRUE(client_.stopped);
}

// Calls 0 and 1 grow by turns: their blocks come one after the other all the same, and as early as they can.
TEST_F(MessagesStreamTest, InterleavedCallsArePutInOrder) {
  named(0, "f");
  named(1, "g");
  arguments(0, R"({"a")");
  arguments(1, R"({"b")");
  EXPECT_EQ(client_.blocks(), std::vector<std::string>{R"(f:{"a")"});
  arguments(0, ":1}");
  EXPECT_EQ(client_.blocks(), (std::vector<std::string>{R"(f:{"a":1})", R"(g:{"b")"}));
  arguments(1, ":2}");
  arguments(0, "  ");
  delta(R"("content": "after")");
  finish("stop");
  send("[DONE]");
  EXPECT_EQ(client_.blocks(), (std::vector<std::string>{R"(f:{"a":1})", R"(g:{"b":2})", "text:after"}));
  EXPECT_EQ(client_.last.at("delta").at("stop_reason"), "tool_use");
}

TEST_F(MessagesStreamTest, ManyCallsInOneEvent) {
  delta(R"("tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                          {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
                          {"index": 2, "id": "c", "function": {"name": "h", "arguments": "{"}}])");
  finish("length");
  send("[DONE]");
  EXPECT_EQ(client_.blocks(), (std::vector<std::string>{"f:{}", "g:{}", "h:{"}));
  EXPECT_EQ(client_.last.at("delta").at("stop_reason"), "max_tokens");
}

TEST_F(MessagesStreamTest, CallsWithoutIndexOrId) {
  delta(R"("tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}])");
  delta(R"("tool_calls": [{"id": "b", "function": {"name": "g", "arguments": "{}"}}])");
  call(1, R"("function": {"name": "h"})");
  finish("tool_calls");
  send("[DONE]");
  EXPECT_EQ(client_.blocks(), (std::vector<std::string>{"f:{}", "g:{}", "h:"}));
  EXPECT_EQ(client_.content[2].at("id"), "toolu_msg_1_2");
}

TEST_F(MessagesStreamTest, SaysWhichSequenceStoppedIt) {
  delta(R"("content": "x")");
  finish("stop", R"(, "stop_reason": "END")");
  for (const json::value& event : events_in(stream_.end())) client_.take(event);  // without [DONE]
  EXPECT_EQ(client_.last.at("delta").at("stop_reason"), "stop_sequence");
  EXPECT_EQ(client_.last.at("delta").at("stop_sequence"), "END");
  EXPECT_TRUE(client_.stopped);
}

TEST_F(MessagesStreamTest, AnswerWithoutContent) {
  finish("stop");
  send("[DONE]");
  EXPECT_EQ(client_.order, (std::vector<std::string>{"message_start", "message_delta", "message_stop"}));
}

// The one event that ends it, as {"type", "message"}.
json::value error_of(const std::string& text) {
  const json::array events = events_in(text);
  if (events.empty() || events.back().at("type") != "error") return text.empty() ? "nothing" : json::value(json::string(text));
  EXPECT_EQ(events.back().at("request_id"), "req_1");
  return events.back().at("error");
}

TEST_F(MessagesStreamTest, BreaksOffWithAnError) {
  delta(R"("content": "x")");
  EXPECT_EQ(error_of(stream_.end()).at("type"), "api_error");
  EXPECT_TRUE(stream_.over());
  EXPECT_EQ(stream_.end(), "");
  EXPECT_EQ(stream_.failed(not_ready()), "");
  MessagesStream done("msg_1", "req_1");
  EXPECT_EQ(error_of(done.event("[DONE]")).at("type"), "api_error");
}

TEST_F(MessagesStreamTest, ErrorsOfTheChat) {
  const auto of = [](std::string_view data) { return error_of(MessagesStream("msg_1", "req_1").event(data)); };
  EXPECT_EQ(of(R"({"error": {"message": "full", "type": "rate_limit_error"}})"),
            json::parse(R"({"type": "rate_limit_error", "message": "full"})"));
  EXPECT_EQ(of(R"({"error": {"message": "bad", "type": "BadRequestError", "code": 400}})").at("type"), "invalid_request_error");
  EXPECT_EQ(of(R"({"error": {"type": "server_error"}})").at("message"), "The answer failed, and the engine gave no reason.");
  EXPECT_EQ(of("nonsense").at("type"), "api_error");
  EXPECT_EQ(of("[1]").at("type"), "api_error");
  EXPECT_EQ(of(R"({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]})").at("type"), "api_error");
  EXPECT_EQ(error_of(stream_.failed(not_ready())).at("type"), "overloaded_error");
}

TEST_F(MessagesStreamTest, IsBounded) {
  named(0, "f");
  named(1, "g");
  const std::string piece(1 << 20, ' ');
  for (int i = 0; i < 4; ++i) arguments(1, piece);
  EXPECT_FALSE(stream_.over());
  arguments(1, " ");
  EXPECT_TRUE(stream_.over());
  MessagesStream many("msg_1", "req_1");
  for (size_t i = 0; i < MessagesStream::kMaxBlocks; ++i) {
    EXPECT_FALSE(many.over());
    many.event(i % 2 == 0 ? R"({"choices": [{"delta": {"content": "a"}}]})" : R"({"choices": [{"delta": {"reasoning": "a"}}]})");
  }
  EXPECT_EQ(error_of(many.event(R"({"choices": [{"delta": {"content": "a"}}]})")).at("type"), "api_error");
}

TEST(ObjectEnd, KnowsStringsAndEscapes) {
  const auto complete = [](std::string_view text) {
    ObjectEnd whole, pieces;
    whole.push(text);
    for (const char c : text) pieces.push({&c, 1});
    EXPECT_EQ(whole.complete(), pieces.complete());
    return whole.complete();
  };
  EXPECT_TRUE(complete("{}"));
  EXPECT_TRUE(complete(R"({"a": "}\"\\", "b": [{}]})"));
  EXPECT_FALSE(complete(""));
  EXPECT_FALSE(complete(" "));
  EXPECT_FALSE(complete(R"({"a": "}")"));
  EXPECT_FALSE(complete(R"({"a": "\\\"}")"));
  EXPECT_FALSE(complete("{[}"));
}

}  // namespace
}  // namespace ondol
