// Whether the real model finds Korean passages by how people ask: with the model's file only, in the folder that ONDOL_MODELS names.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "gateway/embeddings_response.h"
#include "gateway/json_scan.h"
#include "gateway/rerank_response.h"
#include "model/json_file.h"

namespace ondol {
namespace {

namespace json = boost::json;

TEST(EmbeddingsKorean, EveryQuestionFindsItsPassage) {
  const char* folder = std::getenv("ONDOL_MODELS");
  const std::string path = std::string(folder == nullptr ? "." : folder) + "/multilingual-e5-small-q4_0.e5s1";
  if (folder == nullptr || !std::filesystem::exists(path)) {
    GTEST_SKIP() << "needs multilingual-e5-small: run `ondol model get multilingual-e5-small` and set ONDOL_MODELS to its folder";
  }
  auto encoder = Encoder::open(path, 2);
  ASSERT_TRUE(encoder) << encoder.error().message;
  EmbeddingModel model;
  model.name = "e5";
  model.encoder = std::move(*encoder);

  const auto content = read_text_file(ONDOL_SOURCE_DIR "/tests/embeddings/korean.json", 1 << 20);
  ASSERT_TRUE(content) << content.error().message;
  const json::value set = parse_json(*content).value();
  const json::array& items = set.at("items").as_array();
  ASSERT_EQ(items.size(), 20u);
  const auto embed = [&](const char* part, const char* type) {
    json::array texts;
    for (const json::value& item : items) texts.push_back(item.at(part));
    const json::object body = {{"model", "e5"}, {"input", texts}, {"input_type", type}};
    const auto response = answer_embeddings({&model, 1}, json::serialize(body));
    EXPECT_TRUE(response) << response.error().message;
    std::vector<std::vector<float>> vectors;
    const json::value answer = parse_json(response->body).value();
    for (const json::value& entry : answer.at("data").as_array()) {
      vectors.push_back(json::value_to<std::vector<float>>(entry.at("embedding")));
    }
    return vectors;
  };
  const auto passages = embed("passage", "passage");
  const auto queries = embed("query", "query");
  size_t found = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t best = rank_documents(queries[i], passages, 1).front().index;
    found += best == i ? 1 : 0;
    if (best != i)
      std::cout << "not found: " << items[i].at("query").as_string() << " -> " << items[best].at("passage").as_string() << '\n';
  }
  EXPECT_GE(found, 19u) << "recall@1 below 0.95";
}

}  // namespace
}  // namespace ondol
