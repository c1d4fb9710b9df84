#include "load/load_client.h"

#include <boost/json/parse.hpp>

#include "net/test_script.h"
#include "net/test_server.h"

namespace ondol {
namespace {

const std::string kAnswer =
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"length\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";

RequestSample send_to(const std::string& url, LoadTarget target = {}, bool stopped = false) {
  target.url = url;
  target.model = "m";
  const SteadyClock clock;
  const std::atomic<bool> stop = stopped;
  RequestSample sample;
  send_request(target, load_request_body(target, "p", 2), clock, clock.now_us(), stop, {}, sample);
  EXPECT_GE(sample.end_us, sample.sent_us);
  EXPECT_EQ(sample.ok(), sample.message.empty());
  return sample;
}

std::string status_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(ServerRoot, DropsSlashesAndTheVersion) {
  EXPECT_EQ(server_root("http://h:1/"), "http://h:1");
  EXPECT_EQ(server_root("http://h:1/v1/"), "http://h:1");
  EXPECT_EQ(server_root("https://h/api/v1"), "https://h/api");
  EXPECT_FALSE(server_root("h:1"));
  EXPECT_FALSE(server_root("http://h/?a=b"));
}

TEST(LoadRequestBody, HasWhatTheEndpointWants) {
  const auto chat = boost::json::parse(load_request_body({.model = "m"}, "say \"hi\"", 5));
  EXPECT_EQ(chat.at("messages").at(0).at("content"), "say \"hi\"");
  EXPECT_EQ(chat.at("max_tokens"), 5);
  EXPECT_EQ(chat.at("temperature"), 0.0);
  EXPECT_EQ(chat.at("ignore_eos"), true);
  EXPECT_EQ(chat.at("stream"), true);
  EXPECT_EQ(chat.at("stream_options").at("include_usage"), true);
  const LoadTarget plain{.model = "m", .endpoint = LoadEndpoint::kCompletions, .temperature = -1, .standard_only = true};
  const auto completion = boost::json::parse(load_request_body(plain, "p", 5)).as_object();
  EXPECT_EQ(completion.at("prompt"), "p");
  EXPECT_FALSE(completion.contains("messages") || completion.contains("ignore_eos") || completion.contains("temperature"));
}

TEST(SendRequest, FillsTheSample) {
  ScriptedServer server({answer_with(kAnswer)});
  const RequestSample sample = send_to(server.url(""), {.api_key = "secret"});
  EXPECT_TRUE(sample.ok()) << sample.message;
  EXPECT_EQ(sample.status, 200);
  EXPECT_EQ(sample.chunks, 2);
  EXPECT_EQ(sample.prompt_tokens, 9);
  EXPECT_EQ(sample.completion_tokens, 2);
  EXPECT_GE(sample.first_us, sample.sent_us);
  EXPECT_LE(sample.last_us, sample.end_us);
  const std::string request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /v1/chat/completions ")) << request;
  EXPECT_NE(request.find("Authorization: Bearer secret\r\n"), std::string::npos);
}

TEST(SendRequest, LeavesOnceTheAnswerIsWhole) {
  // Chunked, and the last chunk never comes: the connection would stay open.
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", kAnswer.size());
  ScriptedServer server({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(size) + kAnswer + "\r\n"});
  const RequestSample sample = send_to(server.url(""), {.endpoint = LoadEndpoint::kCompletions});
  EXPECT_TRUE(sample.ok()) << sample.message;
  EXPECT_TRUE(server.requests().at(0).starts_with("POST /v1/completions "));
}

TEST(SendRequest, CountsFailuresByKind) {
  const std::string refused = R"({"error":{"message":"slow down"}})";
  ScriptedServer server({status_answer(429, refused), status_answer(503, ""), status_answer(404, "<html>"), status_answer(500, "oops"),
                         status_answer(304, ""), "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ndata: {", "garbage\r\n\r\n", "",
                         answer_with("{}"), answer_with("data: {\"error\":{\"message\":\"broken\"}}\n\n")});
  const RequestSample busy = send_to(server.url(""));
  EXPECT_EQ(busy.error, SampleError::kHttp429);
  EXPECT_EQ(busy.status, 429);
  EXPECT_NE(busy.message.find("slow down"), std::string::npos) << busy.message;
  for (const SampleError kind :
       {SampleError::kHttp503, SampleError::kHttp4xx, SampleError::kHttp5xx, SampleError::kHttpOther, SampleError::kCutOff,
        SampleError::kCutOff, SampleError::kCutOff, SampleError::kBadAnswer, SampleError::kServerError}) {
    const RequestSample sample = send_to(server.url(""));
    EXPECT_EQ(sample_error_name(sample.error), sample_error_name(kind)) << sample.message;
  }
}

TEST(SendRequest, ReportsAServerThatIsNotThere) {
  const RequestSample sample = send_to("http://127.0.0.1:1");
  EXPECT_EQ(sample.error, SampleError::kConnect);
  EXPECT_EQ(sample.status, 0);
}

class LoadClientTest : public ServerTest {
 protected:
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
};

TEST_F(LoadClientTest, EndsAtItsTimeoutAndWhenStopped) {
  start(keep());
  EXPECT_EQ(send_to(url(), {.timeout_s = 1}).error, SampleError::kTimeout);
  EXPECT_EQ(send_to(url(), {}, true).error, SampleError::kTimeout);
  release_kept();
}

std::string model_or_error(const std::string& url) {
  const auto model = first_model({.url = url});
  return model ? *model : model.error().message;
}

TEST(FirstModel, ReadsTheList) {
  ScriptedServer server({answer_with(R"({"data":[{"id":"one"},{"id":"two"}]})"), answer_with(R"({"data":[]})"), answer_with("no json"),
                         status_answer(401, R"({"error":{"message":"no key"}})")});
  EXPECT_EQ(model_or_error(server.url("")), "one");
  EXPECT_NE(model_or_error(server.url("")).find("--model"), std::string::npos);
  EXPECT_NE(model_or_error(server.url("")).find("--model"), std::string::npos);
  const std::string refused = model_or_error(server.url(""));
  EXPECT_NE(refused.find("HTTP 401: \"no key\""), std::string::npos) << refused;
  EXPECT_NE(model_or_error("http://127.0.0.1:1").find("ondol up"), std::string::npos);
}

}  // namespace
}  // namespace ondol
