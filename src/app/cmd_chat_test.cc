#include "app/cmd_chat.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/metrics.h"
#include "net/server.h"

namespace ondol {
namespace {

TEST(RunChat, PrintsTheAnswerAndItsFigures) {
  Registry metrics;
  std::string body;
  const auto server = HttpServer::start({}, metrics, [&](std::shared_ptr<Exchange> exchange) {
                        if (exchange->request().path == "/v1/models") {
                          HttpResponse response;
                          response.body = R"({"data":[{"id":"first"}]})";
                          return exchange->respond(std::move(response));
                        }
                        body = exchange->request().body;
                        exchange->begin_stream(200, "text/event-stream", {});
                        exchange->write("data: {\"choices\":[{\"delta\":{\"content\":\"Seoul.\"},\"finish_reason\":\"stop\"}]}\n\n");
                        exchange->write("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n");
                        exchange->write("data: [DONE]\n\n");
                        exchange->finish();
                      }).value();
  ChatOptions options;
  options.prompt = {"Which", "city?"};
  options.url = "http://127.0.0.1:" + std::to_string(server->port()) + "/";
  options.system = "Be short.";
  options.stats = true;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const Status status = run_chat(options);
  const std::string out = testing::internal::GetCapturedStdout();
  const std::string err = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(out, "Seoul.\n");
  EXPECT_NE(err.find("TTFT "), std::string::npos) << err;
  EXPECT_NE(err.find("2 tokens"), std::string::npos) << err;
  EXPECT_NE(body.find(R"("model":"first")"), std::string::npos) << body;
  EXPECT_NE(body.find(R"({"role":"system","content":"Be short."},{"role":"user","content":"Which city?"})"), std::string::npos) << body;
}

}  // namespace
}  // namespace ondol
