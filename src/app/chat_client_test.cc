#include "app/chat_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <memory>

#include "base/metrics.h"
#include "net/server.h"

namespace ondol {
namespace {

TEST(ChatRequestBody, AsksForAStreamWithUsage) {
  ChatCall call{.url = "", .model = "m", .turns = {{"system", "s"}, {"user", "안녕"}}, .max_tokens = 0, .temperature = {}};
  boost::json::object body = boost::json::parse(chat_request_body(call)).get_object();
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"].at("include_usage"), true);
  EXPECT_EQ(body["messages"].at(1).at("content"), "안녕");
  EXPECT_FALSE(body.contains("temperature"));
  EXPECT_FALSE(body.contains("max_tokens"));
  call.max_tokens = 7;
  call.temperature = 0;
  body = boost::json::parse(chat_request_body(call)).get_object();
  EXPECT_EQ(body["max_tokens"], 7);
  EXPECT_EQ(body["temperature"], 0.0);
}

TEST(ChatStreamReader, ReadsTextReasonAndUsage) {
  ChatStreamReader reader;
  EXPECT_EQ(reader.event(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})").value(), "");
  EXPECT_EQ(reader.event(R"({"choices":[{"delta":{"content":"서울"},"finish_reason":null}]})").value(), "서울");
  EXPECT_EQ(reader.event(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})").value(), "");
  EXPECT_EQ(reader.event(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8}}})")
                .value(),
            "");
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.event("[DONE]").value(), "");
  EXPECT_TRUE(reader.done());
  ChatAnswer answer;
  reader.fill(answer);
  EXPECT_EQ(answer.finish_reason, "stop");
  EXPECT_EQ(answer.prompt_tokens, 9);
  EXPECT_EQ(answer.cached_tokens, 8);
  EXPECT_EQ(answer.completion_tokens, 3);
}

TEST(ChatStreamReader, GivesTheServersErrorAndRefusesNonsense) {
  ChatStreamReader reader;
  const auto error = reader.event(R"({"error":{"message":"out of memory"}})");
  ASSERT_FALSE(error);
  EXPECT_NE(error.error().message.find("out of memory"), std::string::npos);
  for (const char* text : {"", "{", "nonsense"}) EXPECT_EQ(reader.event(text).error().code, Code::kDataLoss) << text;
  for (const char* text :
       {"{}", "[]", "1", R"({"choices":[1]})", R"({"choices":[{"delta":{"content":3}}]})", R"({"usage":{"prompt_tokens":-5}})"}) {
    EXPECT_EQ(reader.event(text).value(), "") << text;
  }
}

// A server that answers every request with `answer`.
class TestServer {
 public:
  explicit TestServer(HttpHandler handler) : server_(HttpServer::start({}, metrics_, std::move(handler)).value()) {}
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

 private:
  Registry metrics_;
  std::unique_ptr<HttpServer> server_;
};

ChatCall call_to(const TestServer& server) {
  return {.url = server.url(), .model = "m", .turns = {{"user", "hi"}}, .max_tokens = 0, .temperature = {}};
}

const auto kNeverStopped = [] { return false; };

TEST(StreamChat, PutsThePiecesTogether) {
  const TestServer server([](std::shared_ptr<Exchange> exchange) {
    exchange->begin_stream(200, "text/event-stream", {});
    for (const char* piece : {"\"He\"", "\"llo\""})
      exchange->write(std::string("data: {\"choices\":[{\"delta\":{\"content\":") + piece + "}}]}\n\n");
    exchange->write("data: [DONE]\n\n");
    exchange->finish();
  });
  std::string seen;
  const auto answer = stream_chat(call_to(server), [&](std::string_view text) { seen += text; }, kNeverStopped);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "Hello");
  EXPECT_EQ(seen, "Hello");
  EXPECT_GE(answer->first_token_us, 0);
  EXPECT_FALSE(answer->interrupted);
}

TEST(StreamChat, TellsAnAnswerThatEndsEarly) {
  const TestServer server([](std::shared_ptr<Exchange> exchange) {
    exchange->begin_stream(200, "text/event-stream", {});
    exchange->write("data: {\"choices\":[{\"delta\":{\"content\":\"He\"}}]}\n\n");
    exchange->finish();
  });
  const auto answer = stream_chat(call_to(server), [](std::string_view) {}, kNeverStopped);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kDataLoss);
}

TEST(StreamChat, PassesTheServersReasonOn) {
  const TestServer server([](std::shared_ptr<Exchange> exchange) {
    HttpResponse response;
    response.status = 404;
    response.body = R"({"error":{"message":"there is no model m"}})";
    exchange->respond(std::move(response));
  });
  const auto answer = stream_chat(call_to(server), [](std::string_view) {}, kNeverStopped);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("there is no model m"), std::string::npos);
  EXPECT_NE(answer.error().message.find("404"), std::string::npos);
}

TEST(StreamChat, ComesBackAtOnceWhenStoppedBeforeTheFirstToken) {
  std::shared_ptr<Exchange> held;
  std::atomic<bool> arrived = false;
  const TestServer server([&](std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    arrived = true;
  });
  const auto answer = stream_chat(call_to(server), [](std::string_view) {}, [&] { return arrived.load(); });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->interrupted);
  EXPECT_EQ(answer->first_token_us, -1);
  held->abort();
}

TEST(FirstServedModel, SaysHowToStartAServerWhereThereIsNone) {
  uint16_t port = 0;
  {
    Registry metrics;
    port = HttpServer::start({}, metrics, [](std::shared_ptr<Exchange>) {}).value()->port();
  }
  const auto model = first_served_model("http://127.0.0.1:" + std::to_string(port));
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Code::kUnavailable);
  EXPECT_NE(model.error().message.find("ondol up"), std::string::npos);
}

TEST(FirstServedModel, TakesTheFirstOfTheList) {
  const TestServer server([](std::shared_ptr<Exchange> exchange) {
    HttpResponse response;
    response.body = exchange->request().path == "/v1/models" ? R"({"data":[{"id":"a"},{"id":"b"}]})" : "{}";
    exchange->respond(std::move(response));
  });
  EXPECT_EQ(first_served_model(server.url()).value(), "a");
}

}  // namespace
}  // namespace ondol
