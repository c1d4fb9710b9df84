#include "gateway/embeddings_response.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstring>

#include "gateway/embedding_test_util.h"

namespace ondol {
namespace {

namespace json = boost::json;

ApiResult<HttpResponse> ask(const std::string& fields, const std::function<bool()>& stop = {}) {
  return answer_embeddings(tiny_embedding_models(), R"({"model": "tiny", )" + fields + "}", {}, stop);
}

json::value body_of(const std::string& fields) {
  const auto response = ask(fields);
  EXPECT_TRUE(response) << response.error().message;
  return response ? parse_json(response->body).value() : json::value();
}

using Numbers = std::vector<float>;

Numbers numbers(const json::value& body, size_t index = 0) { return json::value_to<Numbers>(body.at("data").at(index).at("embedding")); }

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

Numbers from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kDigits.find(c));
    held += 6;
    if (held >= 8) bytes += static_cast<char>(bits >> (held -= 8) & 255);
  }
  Numbers out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
  return out;
}

TEST(EmbeddingsResponse, HasOpenAisShape) {
  const json::value body = body_of(R"("input": ["the stone", "온돌"], "user": "u")");
  EXPECT_EQ(body.at("object"), "list");
  EXPECT_EQ(body.at("model"), "tiny");
  ASSERT_EQ(body.at("data").as_array().size(), 2u);
  EXPECT_EQ(body.at("data").at(1).at("object"), "embedding");
  EXPECT_EQ(body.at("data").at(1).at("index"), 1);
  EXPECT_EQ(numbers(body).size(), 64u);
  EXPECT_NEAR(dot(numbers(body), numbers(body)), 1, 1e-5);
  const auto& tokenizer = tiny_embedding_models()[0].encoder->tokenizer();
  const size_t tokens = tokenizer.encode("the stone")->size() + tokenizer.encode("온돌")->size();
  EXPECT_EQ(body.at("usage").at("prompt_tokens"), tokens);
  EXPECT_EQ(body.at("usage").at("total_tokens"), tokens);
}

TEST(EmbeddingsResponse, NumbersAreTheEncodersOwn) {
  const auto& encoder = *tiny_embedding_models()[0].encoder;
  const std::vector<int32_t> ids = *encoder.tokenizer().encode("warm floor");
  const Numbers want = encoder.embed({&ids, 1})->front();
  EXPECT_EQ(numbers(body_of(R"("input": "warm floor")")), want) << "as text each float comes back as it was";
  std::string list;
  for (const int32_t id : ids) list += (list.empty() ? "" : ",") + std::to_string(id);
  EXPECT_EQ(numbers(body_of(R"("input": [)" + list + "]")), want);
  EXPECT_EQ(numbers(body_of(R"("input": [[)" + list + "]]")), want);
  const json::value base64 = body_of(R"("input": "warm floor", "encoding_format": "base64")");
  EXPECT_EQ(from_base64(base64.at("data").at(0).at("embedding").as_string()), want);
}

TEST(EmbeddingsResponse, Base64OfEveryLength) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("\xFB\xFF\xFE"), "+//+");
}

TEST(EmbeddingsResponse, DimensionsShortenAndKeepTheLength) {
  const Numbers whole = numbers(body_of(R"("input": "stone")"));
  const Numbers part = numbers(body_of(R"("input": "stone", "dimensions": 16)"));
  ASSERT_EQ(part.size(), 16u);
  EXPECT_NEAR(dot(part, part), 1, 1e-5);
  EXPECT_NEAR(dot(part, whole), std::sqrt(dot(Numbers(whole.begin(), whole.begin() + 16), whole)), 1e-5) << "the same direction";
  EXPECT_EQ(numbers(body_of(R"("input": "stone", "dimensions": 64)")), whole);
  const auto more = ask(R"("input": "stone", "dimensions": 65)");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().param, "dimensions");
  EXPECT_NE(more.error().message.find("is 65; this model's vectors have 64"), std::string::npos) << more.error().message;
  Numbers zeros(4, 0.0F);
  shorten(zeros, 2);
  EXPECT_EQ(zeros, (Numbers{0, 0}));
}

TEST(EmbeddingsResponse, InputTypePutsItsPrefixInFront) {
  EXPECT_EQ(numbers(body_of(R"("input": "stone", "input_type": "query")")), numbers(body_of(R"("input": "query: stone")")));
  EXPECT_EQ(numbers(body_of(R"("input": "stone", "input_type": "passage")")), numbers(body_of(R"("input": "passage: stone")")));
  EXPECT_NE(numbers(body_of(R"("input": "stone", "input_type": "query")")), numbers(body_of(R"("input": "stone")")));
  const auto ids = ask(R"("input": [0, 5, 2], "input_type": "query")");
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().param, "input_type");
}

TEST(EmbeddingsResponse, LongInputsAreNamedOrCut) {
  const std::string text = "a b c d e f g h i j k l m n o p q r s t u v w x y z";  // 51 tokens: of "▁a", "▁s" and "▁t" there are pieces
  const auto refused = ask(R"("input": ["a", ")" + text + R"("])");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 400);
  EXPECT_EQ(refused.error().param, "input[1]");
  EXPECT_EQ(refused.error().code, "context_length_exceeded");
  EXPECT_NE(refused.error().message.find("input[1] has 51 tokens; this model takes at most 40"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(ask(R"("input": ")" + text + "\"").error().param, "input");

  const json::value cut = body_of(R"("input": ")" + text + R"(", "truncate_prompt_tokens": -1)");
  EXPECT_EQ(cut.at("usage").at("prompt_tokens"), 40);
  std::vector<int32_t> ids = *tiny_embedding_models()[0].encoder->tokenizer().encode(text);
  ids.resize(40);
  ids.back() = 2;
  EXPECT_EQ(numbers(cut), tiny_embedding_models()[0].encoder->embed({&ids, 1})->front()) << "the beginning, and </s>";
  EXPECT_EQ(body_of(R"("input": "a b c", "truncate_prompt_tokens": 3)").at("usage").at("prompt_tokens"), 3);
  EXPECT_EQ(body_of(R"("input": "a", "truncate_prompt_tokens": 40)").at("usage").at("prompt_tokens"), 3);
  EXPECT_EQ(numbers(body_of(R"("input": [0, 5, 6, 2], "truncate_prompt_tokens": 2)")), numbers(body_of(R"("input": [0, 5])")));
  EXPECT_EQ(ask(R"("input": "a", "truncate_prompt_tokens": 41)").error().param, "truncate_prompt_tokens");
}

TEST(EmbeddingsResponse, RefusesByName) {
  struct Row {
    std::string fields, param, part;
  };
  const std::vector<Row> rows = {
      {R"("input": "")", "input", "input is an empty string"},
      {R"("input": ["a", ""])", "input[1]", "input[1] is an empty string"},
      {R"("input": [[5], []])", "input[1]", "input[1] is an empty array"},
      {R"("input": [[5], [161]])", "input[1]", "the token id 161; this model's vocabulary has 161 tokens"},
      {R"("input": ")" + std::string(kMaxEmbeddingTextBytes + 1, 'a') + "\"", "input", "at most 1048576"},
  };
  for (const Row& row : rows) {
    const auto response = ask(row.fields);
    ASSERT_FALSE(response) << row.fields.substr(0, 80);
    EXPECT_EQ(response.error().status, 400);
    EXPECT_EQ(response.error().param, row.param);
    EXPECT_NE(response.error().message.find(row.part), std::string::npos) << response.error().message;
  }
  const auto unknown = answer_embeddings(tiny_embedding_models(), R"({"model": "other", "input": "a"})");
  EXPECT_EQ(unknown.error().status, 404);
  EXPECT_NE(unknown.error().message.find("embedding models are \"tiny\""), std::string::npos) << unknown.error().message;
  EXPECT_NE(answer_embeddings({}, R"({"model": "other", "input": "a"})").error().message.find("has no embedding model"), std::string::npos);
  EXPECT_EQ(answer_embeddings(tiny_embedding_models(), "{").error().status, 400);
  EXPECT_EQ(ask(R"("input": "a")", [] { return true; }).error().status, 499);
}

TEST(EmbeddingsResponse, BoundsTheTokensOfARequest) {
  // 2048 texts of at most 40 tokens stay below the limit, so it is asked with the tokens themselves.
  std::vector<EmbeddingInput> many(kMaxEmbeddingTokens / 40 + 1);
  for (EmbeddingInput& input : many) {
    input.is_text = false;
    input.ids.assign(40, 5);
  }
  const auto tokens = embedding_tokens(tiny_embedding_models()[0], many, InputType::kNone, std::nullopt, "input");
  ASSERT_FALSE(tokens);
  EXPECT_NE(tokens.error().message.find("more than 300000 tokens in all"), std::string::npos) << tokens.error().message;
  many.pop_back();
  EXPECT_TRUE(embedding_tokens(tiny_embedding_models()[0], many, InputType::kNone, std::nullopt, "input"));
}

TEST(EmbeddingsResponse, NamesWhatItIgnored) {
  const auto response = ask(R"("input": "a", "priority": 1, "add_special_tokens": true)");
  ASSERT_TRUE(response);
  EXPECT_EQ(find_header(response->headers, "x-ondol-ignored"), "priority,add_special_tokens");
  EXPECT_EQ(find_header(ask(R"("input": "a")")->headers, "x-ondol-ignored"), "");
}

}  // namespace
}  // namespace ondol
