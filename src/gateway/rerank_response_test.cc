#include "gateway/rerank_response.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/embedding_test_util.h"

namespace ondol {
namespace {

namespace json = boost::json;

ApiResult<HttpResponse> ask(const std::string& fields, const std::function<bool()>& stop = {}) {
  return answer_rerank(tiny_embedding_models(), json::parse(R"({"model": "tiny", )" + fields + "}"), stop);
}

TEST(RerankResponse, RanksByCosine) {
  const std::vector<float> query = {1, 0};
  const std::vector<std::vector<float>> documents = {{0, 1}, {0.6F, 0.8F}, {1, 0}, {0.6F, 0.8F}};
  const auto all = rank_documents(query, documents, 4);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].index, 2u);
  EXPECT_EQ(all[0].score, 1);
  EXPECT_EQ(all[1].index, 1u) << "of equal ones the first";
  EXPECT_EQ(all[2].index, 3u);
  EXPECT_EQ(all[3].index, 0u);
  EXPECT_EQ(rank_documents(query, documents, 1).size(), 1u);
}

TEST(RerankResponse, HasTheSharedShape) {
  const auto response =
      ask(R"("query": "warm floor", "documents": ["snow", {"text": "the warm floor"}, "온돌"], "truncate": "END", "instruction": "i")");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(find_header(response->headers, "x-ondol-ignored"), "truncate,instruction");
  const json::value body = json::parse(response->body);
  EXPECT_EQ(body.at("model"), "tiny");
  EXPECT_EQ(body.at("object"), "list");
  const json::array& results = body.at("results").as_array();
  ASSERT_EQ(results.size(), 3u);
  const char* texts[] = {"snow", "the warm floor", "온돌"};
  double last = 1.0001;
  for (const json::value& result : results) {
    const double score = result.at("relevance_score").to_number<double>();
    EXPECT_LE(score, last);
    EXPECT_GE(score, -1);
    last = score;
    EXPECT_EQ(result.at("document").at("text"), texts[result.at("index").to_number<size_t>()]);
  }
  const Tokenizer& tokenizer = tiny_embedding_models()[0].encoder->tokenizer();
  size_t tokens = tokenizer.encode("query: warm floor")->size();
  for (const char* text : texts) tokens += tokenizer.encode(std::string("passage: ") + text)->size();
  EXPECT_EQ(body.at("usage").at("total_tokens"), tokens);
}

TEST(RerankResponse, TopNAndDocumentsOnRequest) {
  const auto response = ask(R"("query": "a", "documents": ["b", "c", "d"], "top_n": 2, "return_documents": false)");
  ASSERT_TRUE(response) << response.error().message;
  const json::value body = json::parse(response->body);
  ASSERT_EQ(body.at("results").as_array().size(), 2u);
  EXPECT_FALSE(body.at("results").at(0).as_object().contains("document"));
}

TEST(RerankResponse, RefusesByName) {
  const std::string text = "a b c d e f g h i j k l m n o p q r s t u v w x y z";
  EXPECT_EQ(ask(R"("query": "a", "documents": ["b", ")" + text + R"("])").error().param, "documents[1]");
  EXPECT_EQ(ask(R"("query": ")" + text + R"(", "documents": ["b"])").error().param, "query");
  EXPECT_EQ(ask(R"("query": "a", "documents": ["b", ""])").error().param, "documents[1]");
  EXPECT_TRUE(ask(R"("query": "a", "documents": ["b", ")" + text + R"("], "truncate_prompt_tokens": -1)"));
  EXPECT_EQ(ask(R"("query": "a", "documents": ["b"])", [] { return true; }).error().status, 499);
  const json::value unknown = json::parse(R"({"model": "x", "query": "a", "documents": ["b"]})");
  EXPECT_EQ(answer_rerank(tiny_embedding_models(), unknown).error().status, 404);
  EXPECT_EQ(answer_rerank(tiny_embedding_models(), nullptr).error().status, 400);
}

}  // namespace
}  // namespace ondol
