#include "app/cmd_model_inspect.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

namespace ondol {
namespace {

namespace json = boost::json;

const std::string kModels = ONDOL_SOURCE_DIR "/tests/models/";

std::string inspect(const ModelInspectOptions& options) {
  testing::internal::CaptureStdout();
  const Status done = run_model_inspect(options);
  std::string out = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(done) << done.error().message;
  return out;
}

TEST(ModelInspect, SaysWhatAnEmbeddingFileIs) {
  const json::value out = json::parse(inspect({.model = kModels + "tiny-e5s1/model.e5s1", .json = true, .tensors = true}));
  EXPECT_EQ(out.at("format"), "E5S1");
  EXPECT_EQ(out.at("name"), "model");
  EXPECT_EQ(out.at("dimensions"), 64);
  EXPECT_EQ(out.at("layers"), 2);
  EXPECT_EQ(out.at("heads"), 2);
  EXPECT_EQ(out.at("head_dim"), 32);
  EXPECT_EQ(out.at("ffn"), 96);
  EXPECT_EQ(out.at("max_tokens"), 40);
  EXPECT_EQ(out.at("quantization"), "Q4_0");
  EXPECT_EQ(out.at("vocab").to_number<int>(), out.at("tokenizer_vocab").to_number<int>() + 5) << "make_tiny_e5s1.py adds five rows";
  uint64_t elements = 0;
  for (const json::value& tensor : out.at("tensors").as_array()) elements += tensor.at("shape").at(0).to_number<uint64_t>();
  EXPECT_EQ(out.at("parameters").to_number<uint64_t>(), elements);
  EXPECT_EQ(out.at("tensors").as_array().size(), 5u + 16u * 2u);
}

TEST(ModelInspect, SaysItForPeopleToo) {
  const std::string path = kModels + "tiny-e5s1/model.e5s1";
  const std::string out = inspect({.model = path, .tensors = true});
  for (const std::string& part : {"--embeddings " + path, std::string("quantization    Q4_0, "), std::string("dimensions      64\n"),
                                  std::string("longest text    40 tokens\n"), std::string("layers          2, heads 2 of 32, ffn 96\n"),
                                  std::string("emb.word"), std::string("l1.oln.b")}) {
    EXPECT_NE(out.find(part), std::string::npos) << part << "\n" << out;
  }
}

TEST(ModelInspect, SaysWhatAChatModelIs) {
  const json::value out = json::parse(inspect({.model = kModels + "tiny-chat", .json = true}));
  EXPECT_EQ(out.at("chat_template"), true);
  EXPECT_FALSE(out.as_object().contains("dimensions"));
  EXPECT_FALSE(out.as_object().contains("tensors"));
  EXPECT_NE(inspect({.model = kModels + "tiny-chat"}).find("chat template   yes\n"), std::string::npos);
}

TEST(ModelInspect, FailsOnAFileThatIsNoModel) {
  const Status done = run_model_inspect({.model = ONDOL_SOURCE_DIR "/CMakeLists.txt"});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("CMakeLists.txt"), std::string::npos) << done.error().message;
}

}  // namespace
}  // namespace ondol
