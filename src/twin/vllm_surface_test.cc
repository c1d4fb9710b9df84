#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "twin/surface_test_util.h"

namespace ondol {
namespace json = boost::json;
namespace {

class VllmSurface : public SurfaceTest {
 protected:
  void SetUp() override { start(make_vllm_surface); }

  json::value body_of(const std::string& answer) { return json::parse(answer.substr(answer.find("\r\n\r\n") + 4)); }
  // The data of a stream's events.
  std::vector<std::string> events_of(const std::string& answer) {
    std::vector<std::string> out;
    for (size_t at = answer.find("data: "); at != std::string::npos; at = answer.find("data: ", at + 1)) {
      out.push_back(answer.substr(at + 6, answer.find("\n\n", at) - at - 6));
    }
    return out;
  }
  std::string chat(const std::string& more) {
    return ask("POST", "/v1/chat/completions", R"({"model":"ondol-test","messages":[{"role":"user","content":"hi"}])" + more + "}");
  }
};

TEST_F(VllmSurface, AChatInOnePiece) {
  const json::value body = body_of(chat(R"(,"max_tokens":6)"));
  EXPECT_TRUE(std::string_view(body.at("id").as_string()).starts_with("chatcmpl-"));
  const json::value& choice = body.at("choices").at(0);
  EXPECT_EQ(choice.at("message").at("content"), "Lorem ");
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(body.at("usage").at("total_tokens"), 26);
}

TEST_F(VllmSurface, AStreamBeginsWithTheRoleAndEndsWithItsReason) {
  const auto events = events_of(chat(R"(,"max_tokens":3,"stream":true,"stream_options":{"include_usage":true})"));
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(json::parse(events[0]).at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_TRUE(json::parse(events[2]).at("choices").at(0).at("finish_reason").is_null());
  EXPECT_EQ(json::parse(events[3]).at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(json::parse(events[4]).at("usage").at("completion_tokens"), 3);
  EXPECT_EQ(events[5], "[DONE]");
}

TEST_F(VllmSurface, AnAnswerThatEndsByItselfHasAFinishChunkOfItsOwn) {
  const auto events = events_of(chat(R"(,"stream":true)"));
  ASSERT_GT(events.size(), 60u);
  const json::value last = json::parse(events[events.size() - 2]).at("choices").at(0);
  EXPECT_EQ(last.at("finish_reason"), "stop");
  EXPECT_EQ(last.at("delta").at("content"), "");
}

TEST_F(VllmSurface, SeveralAnswersToOneRequest) {
  const json::value body = body_of(chat(R"(,"max_tokens":2,"n":3)"));
  ASSERT_EQ(body.at("choices").as_array().size(), 3u);
  EXPECT_EQ(body.at("usage").at("prompt_tokens"), 20);
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 6);
}

TEST_F(VllmSurface, Refuses) {
  const auto error = [&](const std::string& more) { return body_of(chat(more)).at("error"); };
  EXPECT_EQ(error(R"(,"max_tokens":100000)").at("code"), 400);
  EXPECT_EQ(error(R"(,"max_tokens":0)").at("param"), "max_tokens");
  EXPECT_EQ(error(R"(,"temperature":-1)").at("type"), "BadRequestError");
  EXPECT_EQ(error(R"(,"n":1000000)").at("code"), 400);
  EXPECT_EQ(error(R"(,"model":"other")").at("code"), 404);
  EXPECT_EQ(body_of(ask("POST", "/v1/completions", "{")).at("error").at("code"), 400);
  EXPECT_EQ(body_of(ask("POST", "/v1/completions", R"({"prompt":""})")).at("error").at("code"), 400);
}

TEST_F(VllmSurface, TokensAndBack) {
  const json::value tokens = body_of(ask("POST", "/tokenize", R"({"prompt":"hi"})"));
  EXPECT_EQ(tokens.at("count"), 2);
  EXPECT_EQ(body_of(ask("POST", "/detokenize", json::serialize(json::object{{"tokens", tokens.at("tokens")}}))).at("prompt"), "hi");
}

TEST_F(VllmSurface, MetricsHaveTheVendorsNames) {
  (void)chat(R"(,"max_tokens":2)");
  engine_->load_.running = 3;
  engine_->load_.prefix_queries = 40;
  const std::string page = ask("GET", "/metrics");
  for (const char* line : {"vllm:num_requests_running{model_name=\"ondol-test\",engine=\"0\"} 3\n",
                           "vllm:prefix_cache_queries_total{model_name=\"ondol-test\",engine=\"0\"} 40\n", "vllm:kv_cache_usage_perc{",
                           "vllm:time_to_first_token_seconds_count{model_name=\"ondol-test\",engine=\"0\"} 1\n",
                           "vllm:request_success_total{model_name=\"ondol-test\",engine=\"0\",finished_reason=\"length\"} 1\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
}

}  // namespace
}  // namespace ondol
