#include "app/server_runner.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "app/chat_client.h"
#include "app/cmd_chat.h"
#include "net/client.h"

namespace ondol {
namespace {

int free_port() {
  Registry metrics;
  return HttpServer::start({}, metrics, [](std::shared_ptr<Exchange>) {}).value()->port();
}

int status_of(const std::string& url) {
  ClientRequest request;
  request.url = url;
  const Result<HttpResponse> response = http_fetch(request);
  return response ? response->status : 0;
}

TEST(RunServer, ServesUntilSigtermAndEndsWell) {
  ServerConfig config;
  config.port = free_port();
  config.engine.threads = 1;
  config.engine.kv_bytes = 16 << 20;
  const std::string url = server_url(config.host, config.port);
  Status status = fail(Code::kInternal, "not run");
  testing::internal::CaptureStdout();
  std::thread server([&] { status = run_server(config, ONDOL_SOURCE_DIR "/tests/models/tiny-chat", "tiny"); });
  int ready = 0;
  for (int i = 0; i < 100'000 && ready != 200; ++i) {
    ready = status_of(url + "/ready");
    std::this_thread::yield();
  }
  EXPECT_EQ(ready, 200);
  EXPECT_EQ(first_served_model(url).value(), "tiny");
  const ChatCall call{.url = url, .model = "tiny", .turns = {{"user", "hello"}}, .max_tokens = 8, .temperature = 0.0};
  const auto answer = stream_chat(call, [](std::string_view) {}, [] { return false; });
  EXPECT_TRUE(answer) << answer.error().message;
  EXPECT_GT(answer ? answer->completion_tokens : 0, 0);

  ::kill(::getpid(), SIGTERM);
  server.join();
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "listening on " + url + "\n");
  EXPECT_EQ(status_of(url + "/health"), 0) << "nothing listens any more";
}

TEST(RunServer, SaysThatThePortIsTakenBeforeItLoads) {
  Registry metrics;
  const auto other = HttpServer::start({}, metrics, [](std::shared_ptr<Exchange>) {}).value();
  ServerConfig config;
  config.port = other->port();
  const Status status = run_server(config, "/no/such/model", "m");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_NE(status.error().message.find(std::to_string(config.port)), std::string::npos) << status.error().message;
}

TEST(RunServer, FailsOnAModelThatIsNone) {
  ServerConfig config;
  config.port = 0;
  const Status status = run_server(config, ONDOL_SOURCE_DIR "/CMakeLists.txt", "m");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("CMakeLists.txt"), std::string::npos) << status.error().message;
}

TEST(RunServer, SaysThatAnEmbeddingModelIsGivenOtherwise) {
  ServerConfig config;
  config.port = 0;
  config.engine.kv_bytes = 16 << 20;
  const std::string chat = ONDOL_SOURCE_DIR "/tests/models/tiny-chat", embedding = ONDOL_SOURCE_DIR "/tests/models/tiny-e5s1/model.e5s1";
  const Status alone = run_server(config, embedding, "m");
  config.models.also = {embedding};
  const Status beside = run_server(config, chat, "m");
  for (const Status& status : {alone, beside}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kInvalidArgument);
    EXPECT_NE(status.error().message.find("model.e5s1"), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().message.find("--embeddings"), std::string::npos) << status.error().message;
  }
}

TEST(RunServer, RefusesAModelWithoutTokenizer) {
  ServerConfig config;
  config.port = 0;
  config.engine.kv_bytes = 16 << 20;
  const Status status = run_server(config, ONDOL_SOURCE_DIR "/tests/models/llama", "llama");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kFailedPrecondition);
  EXPECT_NE(status.error().message.find("tokenizer"), std::string::npos) << status.error().message;
}

}  // namespace
}  // namespace ondol
