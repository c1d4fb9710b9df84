// Whether the real model finds Korean passages by how people ask: with the model's file only, in the folder that ONDOL_MODELS names.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

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
  json::array passages;
  for (const json::value& item : items) passages.push_back(item.at("passage"));
  size_t found = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const json::object body = {{"model", "e5"}, {"query", items[i].at("query")}, {"documents", passages}, {"top_n", 1}};
    const auto response = answer_rerank({&model, 1}, json::serialize(body));
    ASSERT_TRUE(response) << response.error().message;
    const json::value answer = parse_json(response->body).value();
    const json::value& best = answer.at("results").at(0);
    const bool right = best.at("index") == i;
    found += right ? 1 : 0;
    if (!right)
      std::cerr << "not found: " << items[i].at("query").as_string() << " -> " << best.at("document").at("text").as_string() << '\n';
  }
  RecordProperty("recall_at_1", static_cast<int>(found * 100 / items.size()));
  EXPECT_GE(found, 19u) << "recall@1 below 0.95";
}

}  // namespace
}  // namespace ondol
