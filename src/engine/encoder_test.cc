#include "engine/encoder.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "model/json_file.h"
#include "model/temp_folder_test_util.h"

namespace ondol {
namespace {

using Ids = std::vector<int32_t>;
using Vectors = std::vector<std::vector<float>>;

const std::string kFolder = ONDOL_SOURCE_DIR "/tests/models/tiny-e5s1/";
const std::string kFile = kFolder + "model.e5s1";

std::unique_ptr<Encoder> open(int threads = 2, Isa isa = best_isa()) {
  auto encoder = Encoder::open(kFile, threads, isa);
  EXPECT_TRUE(encoder) << encoder.error().message;
  return encoder ? std::move(*encoder) : nullptr;
}

struct Case {
  Ids ids;
  std::vector<double> embedding;
};

std::vector<Case> expected_cases() {
  std::vector<Case> cases;
  const auto json = parse_json(*read_text_file(kFolder + "expected.json", 1 << 20), "expected.json");
  for (const auto& entry : json->as_array()) {
    cases.push_back({boost::json::value_to<Ids>(entry.at("ids")), boost::json::value_to<std::vector<double>>(entry.at("embedding"))});
  }
  return cases;
}

std::vector<Ids> texts_of(const std::vector<Case>& cases) {
  std::vector<Ids> texts;
  for (const Case& c : cases) texts.push_back(c.ids);
  return texts;
}

// Texts of every length that the model takes.
std::vector<Ids> all_lengths(const Encoder& encoder) {
  std::vector<Ids> texts;
  for (int length = 1; length <= encoder.max_tokens(); ++length) {
    Ids ids;
    for (int i = 0; i < length; ++i) ids.push_back((i * 37 + length * 11) % 160);
    texts.push_back(std::move(ids));
  }
  return texts;
}

// A rounding to 8 bits may fall to the other side of a tie; that is what the tolerance is for.
TEST(Encoder, AgreesWithTheModelsScriptOnEveryInstructionSet) {
  const std::vector<Case> cases = expected_cases();
  ASSERT_GT(cases.size(), 10u);
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(isa_name(isa));
    const auto encoder = open(2, isa);
    ASSERT_NE(encoder, nullptr);
    EXPECT_EQ(encoder->dimensions(), 64);
    EXPECT_EQ(encoder->max_tokens(), 40);
    EXPECT_GT(encoder->memory_bytes(), 30'000u);
    const auto vectors = encoder->embed(texts_of(cases));
    ASSERT_TRUE(vectors) << vectors.error().message;
    for (size_t i = 0; i < cases.size(); ++i) {
      double dot = 0, squares = 0;
      for (size_t d = 0; d < 64; ++d) {
        const double value = static_cast<double>((*vectors)[i][d]);
        EXPECT_NEAR(value, cases[i].embedding[d], 4e-3) << i << " " << d;
        dot += value * cases[i].embedding[d];
        squares += value * value;
      }
      EXPECT_NEAR(squares, 1, 1e-5) << i;
      EXPECT_GT(dot, 0.9999) << i;
    }
  }
}

TEST(Encoder, AVectorDependsOnItsOwnTokensOnly) {
  const auto one = open(1);
  const auto three = open(3);
  // 820 tokens: two batches.
  const std::vector<Ids> texts = all_lengths(*one);
  const auto together = three->embed(texts);
  ASSERT_TRUE(together) << together.error().message;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto alone = one->embed({&texts[i], 1});
    ASSERT_TRUE(alone) << alone.error().message;
    EXPECT_EQ(alone->front(), (*together)[i]) << i;
    EXPECT_TRUE(i == 0 || (*together)[i - 1] != (*together)[i]) << i;
  }
  EXPECT_EQ(one->embed({})->size(), 0u);
}

TEST(Encoder, OrderAndPlaceOfTokensMatter) {
  const auto encoder = open();
  const auto vectors = encoder->embed(std::vector<Ids>{{0, 20, 21, 2}, {0, 21, 20, 2}, {0, 20, 21, 21, 2}});
  ASSERT_TRUE(vectors) << vectors.error().message;
  EXPECT_NE((*vectors)[0], (*vectors)[1]);
  EXPECT_NE((*vectors)[0], (*vectors)[2]);
}

TEST(Encoder, ManyThreadsGetTheSameVectors) {
  const auto encoder = open();
  const std::vector<Ids> texts = all_lengths(*encoder);
  const Vectors want = *encoder->embed(texts);
  std::vector<Vectors> got(4);
  {
    std::vector<std::jthread> threads;
    for (Vectors& mine : got) threads.emplace_back([&] { mine = encoder->embed(texts).value_or(Vectors{}); });
  }
  for (const Vectors& mine : got) EXPECT_EQ(mine, want);
}

TEST(Encoder, WrongTokensAreErrorsThatNameTheText) {
  const auto encoder = open();
  const auto error = [&](const std::vector<Ids>& texts) {
    const auto vectors = encoder->embed(texts);
    return vectors ? Error{Code::kInternal, "embedded"} : vectors.error();
  };
  EXPECT_EQ(error({{0, 2}, {}}).message, "text 1 has no tokens");
  EXPECT_EQ(error({{0, 2}, Ids(41, 5)}).message, "text 1 has 41 tokens; this model takes at most 40");
  EXPECT_EQ(error({Ids(41, 5)}).code, Code::kOutOfRange);
  EXPECT_EQ(error({{-1}}).message, "text 0 holds token -1 but the vocabulary has 166");
  EXPECT_EQ(error({{166}}).code, Code::kInvalidArgument);
  EXPECT_EQ(error({{165}}).message, "embedded") << "a row of the embedding without a piece";
}

TEST(Encoder, StopsBetweenBatches) {
  const auto encoder = open();
  const std::vector<Ids> texts = all_lengths(*encoder);
  int asked = 0;
  const auto stopped = encoder->embed(texts, [&] { return ++asked == 2; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(encoder->embed(texts, [] { return false; }));
}

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Encoder, FilesThatDoNotFitAreErrors) {
  const TempFolder folder;
  const auto message = [&](const std::string& bytes) {
    const auto encoder = Encoder::open(folder.write("m.e5s1", bytes), 1);
    return encoder ? std::string("opened") : encoder.error().message;
  };
  const std::string whole = file_bytes(kFile);
  ASSERT_EQ(message(whole), "opened");
  const auto field = [&](size_t index, int32_t value) {
    std::string bent = whole;
    std::memcpy(bent.data() + 8 + index * 4, &value, 4);
    return message(bent);
  };
  EXPECT_NE(field(1, 3).find("no tensor \"l2.q.b\""), std::string::npos) << field(1, 3);
  EXPECT_NE(field(3, 128).find("\"l0.fi.b\" has 96 elements of F32; the header implies 1 x 128"), std::string::npos) << field(3, 128);
  EXPECT_NE(field(4, 167).find("\"emb.word\""), std::string::npos);
  EXPECT_NE(field(5, 41).find("\"emb.pos\""), std::string::npos);
  EXPECT_NE(message(whole.substr(0, whole.size() - 1)).find("beyond the"), std::string::npos);
  const auto absent = Encoder::open(folder.path() + "/absent.e5s1", 1);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::kNotFound);
}

TEST(Encoder, DamagedWeightsAreAnErrorNotNumbers) {
  const TempFolder folder;
  std::string bytes = file_bytes(kFile);
  // The last tensor is the bias of the last norm.
  const float nan = std::nanf("");
  std::memcpy(bytes.data() + bytes.size() - 4, &nan, 4);
  const auto encoder = Encoder::open(folder.write("m.e5s1", bytes), 1);
  ASSERT_TRUE(encoder) << encoder.error().message;
  const auto vectors = (*encoder)->embed(std::vector<Ids>{{0, 5, 2}});
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().code, Code::kDataLoss);
}

}  // namespace
}  // namespace ondol
