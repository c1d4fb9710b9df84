// Answers that a real server words, on both surfaces: the far side is a server of the test's own.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>

#include "twin/surface_test_util.h"
#include "twin/text_relay.h"

namespace ondol {
namespace json = boost::json;
namespace {

// Takes requests and lets the test answer them.
class FarServer {
 public:
  FarServer() {
    auto server = HttpServer::start({}, metrics_, [this](std::shared_ptr<Exchange> exchange) {
      exchange->on_disconnect([this] { left.raise(); });
      const std::scoped_lock lock(mutex_);
      asked_.push_back(std::move(exchange));
      arrived_.raise();
    });
    EXPECT_TRUE(server);
    server_ = std::move(*server);
  }
  ~FarServer() { stop(); }
  void stop() {
    server_->stop(0);
    const std::scoped_lock lock(mutex_);
    asked_.clear();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  // The n-th request, counted from 1.
  std::shared_ptr<Exchange> take(int n = 1) {
    if (!arrived_.wait(n)) std::abort();
    const std::scoped_lock lock(mutex_);
    return asked_[static_cast<size_t>(n) - 1];
  }
  Signal left;

 private:
  Registry metrics_;
  std::mutex mutex_;
  Signal arrived_;
  std::vector<std::shared_ptr<Exchange>> asked_;
  std::unique_ptr<HttpServer> server_;
};

json::value body_of(const std::string& answer) { return json::parse(answer.substr(answer.find("\r\n\r\n") + 4)); }
json::object asked_of(Exchange& exchange) { return json::parse(exchange.request().body).as_object(); }

std::string text_event(std::string_view text, const char* finish = nullptr) {
  const json::object delta = {{"content", json::string(text.data(), text.size())}};
  const json::value reason = finish == nullptr ? json::value(nullptr) : json::value(finish);
  const json::object choice = {{"delta", delta}, {"finish_reason", reason}};
  return "data: " + json::serialize(json::object{{"choices", json::array{choice}}}) + "\n\n";
}
void begin(Exchange& exchange) { exchange.begin_stream(200, "text/event-stream", {}); }
void say(Exchange& exchange, const std::vector<std::string>& texts, const char* finish = "stop") {
  begin(exchange);
  for (const std::string& text : texts) exchange.write(text_event(text));
  exchange.write(text_event("", finish));
  exchange.write("data: [DONE]\n\n");
  exchange.finish();
}

class SurfaceRelay : public SurfaceTest, public testing::WithParamInterface<TwinEngineKind> {
 protected:
  void SetUp() override {
    options_.relay = TextRelay::start({.url = far_.url() + "/v1", .model = "small", .api_key = "sk-far"}).value();
    start(GetParam() == TwinEngineKind::kVllm ? make_vllm_surface : make_furiosa_surface);
  }
  TestSocket send_chat(const std::string& more) {
    return send("POST", "/v1/chat/completions", R"({"model":"ondol-test","messages":[{"role":"user","content":"hi"}])" + more + "}");
  }
  const TextRelay& relay() const { return *options_.relay; }

  FarServer far_;
};

TEST_P(SurfaceRelay, SaysWhatTheFarServerSays) {
  TestSocket client = send_chat(R"(,"max_tokens":10,"temperature":0.5,"stop":["xx"])");
  const auto far = far_.take();
  EXPECT_EQ(far->request().path, "/v1/chat/completions");
  EXPECT_EQ(find_header(far->request().headers, "authorization"), "Bearer sk-far");
  EXPECT_EQ(asked_of(*far), json::parse(R"({"temperature":0.5,"messages":[{"role":"user","content":"hi"}],"model":"small",
                                            "max_tokens":10,"stream":true})"));
  say(*far, {"Hel", "lo"});
  const json::value body = body_of(client.read_all());
  const json::value& choice = body.at("choices").at(0);
  EXPECT_EQ(choice.at("message").at("content"), "Hello");
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 3);  // its end is a token, too
  EXPECT_EQ(relay().last_problem(), "");
}

TEST_P(SurfaceRelay, SaysThatItIsARelay) {
  for (const char* path : {"/version", "/v1/models"}) {
    EXPECT_NE(ask("GET", path).find(R"("ondol_twin":true,"ondol_text":"relay to small")"), std::string::npos) << path;
  }
}

TEST_P(SurfaceRelay, ATokenWaitsForItsStepAndForItsText) {
  engine_->hold();
  TestSocket client = send_chat(R"(,"max_tokens":10,"stream":true)");
  const auto [request, sink] = engine_->take_held();
  const auto far = far_.take();
  begin(*far);
  far->write(text_event("one"));
  far->write(text_event("two"));
  sink->on_token(0);
  std::string seen = client.read_until("one");
  EXPECT_TRUE(seen.ends_with("one"));
  sink->on_token(1);
  seen = client.read_until("two");
  EXPECT_TRUE(seen.ends_with("two"));
  EXPECT_EQ(seen.find("content\":\"\""), std::string::npos);  // nothing was said in between
  sink->on_token(2);
  sink->on_token(3);
  far->write(text_event("three"));
  far->write(text_event("", "stop"));
  far->finish();
  EXPECT_TRUE(engine_->cancelled_.wait());  // it would have gone on to 10
  seen = client.read_all();
  EXPECT_NE(seen.find("three"), std::string::npos);
  EXPECT_NE(seen.find(R"("finish_reason":"stop")"), std::string::npos);
  EXPECT_NE(seen.find("data: [DONE]"), std::string::npos);
}

TEST_P(SurfaceRelay, WhatIsSaidBeyondTheLimitIsNotHeard) {
  TestSocket client = send_chat(R"(,"max_tokens":2)");
  say(*far_.take(), {"a", "b", "c", "d"});
  const json::value body = body_of(client.read_all());
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content"), "ab");
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 2);
}

TEST_P(SurfaceRelay, AStopStringEndsBothSides) {
  engine_->hold();
  TestSocket client = send_chat(R"(,"max_tokens":50,"stop":"Q:")");
  const auto [request, sink] = engine_->take_held();
  const auto far = far_.take();
  begin(*far);
  for (const char* text : {"yes", "\n", "Q", ": more"}) far->write(text_event(text));
  for (int i = 0; i < 6; ++i) sink->on_token(i);
  EXPECT_TRUE(far_.left.wait());
  EXPECT_TRUE(engine_->cancelled_.wait());
  const json::value body = body_of(client.read_all());
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content"), "yes\n");
  EXPECT_EQ(body.at("choices").at(0).at("stop_reason"), "Q:");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 4);
}

TEST_P(SurfaceRelay, ARefusalIsTheEnginesErrorAndItsReasonIsKept) {
  TestSocket client = send_chat(R"(,"max_tokens":5)");
  HttpResponse refused;
  refused.status = 404;
  refused.body = R"({"error":{"message":"no such model"}})";
  far_.take()->respond(std::move(refused));
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 500"));
  EXPECT_NE(relay().last_problem().find("404"), std::string::npos) << relay().last_problem();
  EXPECT_NE(relay().last_problem().find("no such model"), std::string::npos);
}

TEST_P(SurfaceRelay, AnAnswerThatIsCutOffFailsBehindWhatWasHeard) {
  engine_->hold();
  TestSocket client = send_chat(R"(,"max_tokens":5,"stream":true)");
  const auto [request, sink] = engine_->take_held();
  const auto far = far_.take();
  begin(*far);
  far->write(text_event("one"));
  sink->on_token(0);
  (void)client.read_until("one");
  far->abort();
  const std::string rest = client.read_all();
  EXPECT_NE(rest.find("\"code\": 500"), std::string::npos) << rest;
  EXPECT_TRUE(engine_->cancelled_.wait());
  EXPECT_NE(relay().last_problem(), "");
}

TEST_P(SurfaceRelay, ASilentEndIsAFailureToo) {
  TestSocket client = send_chat(R"(,"max_tokens":5)");
  const auto far = far_.take();
  begin(*far);
  far->write(text_event("one"));
  far->finish();
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 500"));
  EXPECT_EQ(relay().last_problem(), "its answer ends in the middle");
}

TEST_P(SurfaceRelay, NobodyThere) {
  far_.stop();
  EXPECT_TRUE(send_chat(R"(,"max_tokens":5)").read_all().starts_with("HTTP/1.1 500"));
  EXPECT_NE(relay().last_problem(), "");
}

TEST_P(SurfaceRelay, AClientThatLeavesEndsBothSides) {
  engine_->hold();
  {
    TestSocket client = send_chat(R"(,"max_tokens":5,"stream":true)");
    EXPECT_TRUE(engine_->held_signal_.wait());
    begin(*far_.take());
  }
  EXPECT_TRUE(engine_->cancelled_.wait());
  EXPECT_TRUE(far_.left.wait());
}

TEST_P(SurfaceRelay, ACrashEndsTheFarSideToo) {
  engine_->hold();
  TestSocket client = send_chat(R"(,"max_tokens":5)");
  const auto [request, sink] = engine_->take_held();
  begin(*far_.take());
  sink->on_finish(TwinFinish::kEngineError, {});
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(far_.left.wait());
  EXPECT_EQ(relay().last_problem(), "");
}

TEST_P(SurfaceRelay, CompletionsAskForEachPrompt) {
  TestSocket client = send("POST", "/v1/completions", R"({"model":"ondol-test","prompt":["one","two"],"max_tokens":4})");
  for (int n = 1; n <= 2; ++n) {
    const auto far = far_.take(n);
    EXPECT_EQ(far->request().path, "/v1/completions");
    begin(*far);
    const std::string prompt(asked_of(*far).at("prompt").as_string());
    far->write("data: {\"choices\":[{\"text\":\"" + prompt + "!\"}]}\n\ndata: [DONE]\n\n");
    far->finish();
  }
  const json::value body = body_of(client.read_all());
  EXPECT_EQ(body.at("choices").at(0).at("text"), "one!");
  EXPECT_EQ(body.at("choices").at(1).at("text"), "two!");
}

TEST_P(SurfaceRelay, WithoutALimitTheFarServerEndsTheAnswer) {
  TestSocket client = send_chat("");
  const auto far = far_.take();
  EXPECT_GT(asked_of(*far).at("max_tokens").as_int64(), 1000);
  say(*far, {"short"});
  EXPECT_EQ(body_of(client.read_all()).at("choices").at(0).at("message").at("content"), "short");
}

INSTANTIATE_TEST_SUITE_P(Both, SurfaceRelay, testing::Values(TwinEngineKind::kFuriosaLlm, TwinEngineKind::kVllm),
                         [](const auto& kind) { return kind.param == TwinEngineKind::kVllm ? "Vllm" : "Furiosa"; });

TEST(TextRelay, WantsAnHttpAddress) {
  for (const char* bad : {"", "127.0.0.1:80", "https://far", "ftp://far"}) {
    EXPECT_EQ(TextRelay::start({.url = bad, .model = "m", .api_key = ""}).error().code, Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace ondol
