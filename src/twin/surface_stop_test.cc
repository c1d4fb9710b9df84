// Stop strings and the least number of tokens, on both surfaces.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "twin/surface_test_util.h"

namespace ondol {
namespace json = boost::json;
namespace {

// The filler begins "Lorem ipsum dolor sit amet"; a token is a byte here.
class SurfaceStop : public SurfaceTest, public testing::WithParamInterface<TwinEngineKind> {
 protected:
  void SetUp() override { start(GetParam() == TwinEngineKind::kVllm ? make_vllm_surface : make_furiosa_surface); }

  std::string raw(const std::string& more) {
    return ask("POST", "/v1/completions", R"({"model":"ondol-test","prompt":"hello")" + more + "}");
  }
  json::value complete(const std::string& more) {
    const std::string answer = raw(more);
    return json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
  }
};

TEST_P(SurfaceStop, EndsBeforeTheStopString) {
  const json::value body = complete(R"(,"max_tokens":40,"stop":["amet","dolor"])");
  const json::value& choice = body.at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "Lorem ipsum ");
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  EXPECT_EQ(choice.at("stop_reason"), "dolor");
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 17);
  EXPECT_EQ(complete(R"(,"max_tokens":40,"stop":"sum","include_stop_str_in_output":true)").at("choices").at(0).at("text"), "Lorem ipsum");
}

TEST_P(SurfaceStop, WithoutAHitNothingIsMissing) {
  const json::value choice = complete(R"(,"max_tokens":8,"stop":"ips???")").at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "Lorem ip");
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_TRUE(choice.at("stop_reason").is_null());
}

TEST_P(SurfaceStop, BeforeTheLeastNumberOfTokensNoneCounts) {
  const json::value choice = complete(R"(,"max_tokens":40,"min_tokens":12,"stop":["o"])").at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "Lorem ipsum d");
  EXPECT_EQ(choice.at("finish_reason"), "stop");
}

TEST_P(SurfaceStop, TheEngineIsToldToStopInAStream) {
  engine_->hold();
  TestSocket client =
      send("POST", "/v1/completions", R"({"model":"ondol-test","prompt":"hello","max_tokens":40,"stream":true,"stop":"rem"})");
  const auto [request, sink] = engine_->take_held();
  for (int i = 0; i < 5; ++i) sink->on_token(i);
  EXPECT_TRUE(engine_->cancelled_.wait());  // not by itself: it answers with an abort
  const std::string stream = client.read_all();
  EXPECT_NE(stream.find(R"("text":"L")"), std::string::npos);
  EXPECT_EQ(stream.find(R"("text":"r)"), std::string::npos);
  EXPECT_NE(stream.find(R"("finish_reason":"stop","stop_reason":"rem")"), std::string::npos);
  EXPECT_NE(stream.find("data: [DONE]"), std::string::npos);
  EXPECT_NE(ask("GET", "/metrics").find("finished_reason=\"stop\"} 1\n"), std::string::npos);
}

TEST_P(SurfaceStop, RefusesWhatCannotBe) {
  for (const char* wrong : {R"(,"stop":"")", R"(,"stop":["a",""])", R"(,"stop":3)", R"(,"stop":["a",3])", R"(,"min_tokens":-1)",
                            R"(,"min_tokens":9,"max_tokens":8)", R"(,"min_tokens":"x")"}) {
    EXPECT_TRUE(raw(wrong).starts_with("HTTP/1.1 400")) << wrong;
  }
  EXPECT_TRUE(raw(R"(,"stop":")" + std::string(5000, 'x') + "\"").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(raw(R"(,"stop":null,"min_tokens":null)").starts_with("HTTP/1.1 200"));
}

INSTANTIATE_TEST_SUITE_P(Both, SurfaceStop, testing::Values(TwinEngineKind::kFuriosaLlm, TwinEngineKind::kVllm),
                         [](const auto& kind) { return kind.param == TwinEngineKind::kVllm ? "Vllm" : "Furiosa"; });

}  // namespace
}  // namespace ondol
