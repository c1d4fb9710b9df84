// Answers that a grammar binds.
#include <gtest/gtest.h>

#include "engine/core.h"
#include "engine/synthetic_model_test_util.h"
#include "grammar/token_grammar.h"
#include "model/tokenizer.h"

namespace ondol {
namespace {

class Sink final : public TokenSink {
 public:
  void on_token(const TokenEvent& event) override { tokens.push_back(event.token); }
  void on_finish(const FinishEvent& event) override { finish = event; }
  std::vector<int32_t> tokens;
  FinishEvent finish;
};

// The synthetic model's 200 tokens: printable characters, then pairs of letters and digits.
std::vector<std::string> vocabulary() {
  std::vector<std::string> out;
  for (int i = 0; i < 200; ++i) {
    if (i < 95) {
      out.emplace_back(1, static_cast<char>(' ' + i));
    } else {
      out.push_back({static_cast<char>('a' + i % 7), static_cast<char>('0' + i % 10)});
    }
  }
  return out;
}

std::shared_ptr<TokenGrammar> grammar(const GrammarSpec& spec, std::shared_ptr<const TokenTrie> trie) {
  auto compiled = Grammar::compile(spec);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return std::make_shared<TokenGrammar>(*compiled, std::move(trie));
}

class CoreGrammarTest : public testing::Test {
 protected:
  std::unique_ptr<Core> make(std::shared_ptr<const Model> model, EngineOptions options) {
    options.threads = 2;
    options.kv_bytes = 8 << 20;
    auto core = Core::create(std::move(model), options, clock_, metrics_);
    EXPECT_TRUE(core) << core.error().message;
    return std::move(*core);
  }

  std::shared_ptr<Sink> add(Core& core, const std::shared_ptr<TokenGrammar>& bound, int seed, float temperature, int max_tokens = 60) {
    auto sink = std::make_shared<Sink>();
    GenerateRequest request;
    for (int i = 0; i < 10 + seed; ++i) request.prompt.push_back((i * 13 + seed) % 100);
    request.max_tokens = max_tokens;
    request.sampling.temperature = temperature;
    request.sampling.seed = static_cast<uint64_t>(seed);
    request.grammar = bound;
    core.add(++last_id_, std::move(request), sink, 0);
    return sink;
  }

  static void drain(Core& core) {
    for (int steps = 0; !core.idle(); ++steps) {
      ASSERT_LT(steps, 5000);
      core.step();
    }
  }

  ManualClock clock_;
  Registry metrics_;
  uint64_t last_id_ = 0;
};

TEST_F(CoreGrammarTest, AnswersMatchAndEndThereAloneAndAmongOthers) {
  const std::vector<std::string> words = vocabulary();
  const auto trie = TokenTrie::build(words, {199});
  const auto bound = grammar(spec_regex("[a-c]{2}[0-9]-([d-g][0-9]?){3}!"), trie);
  const auto model = std::make_shared<SyntheticModel>(synthetic_spec(12, false));
  for (const float temperature : {0.0f, 1.0f}) {
    std::vector<std::vector<int32_t>> alone;
    for (int i = 0; i < 8; ++i) {
      auto core = make(model, {});
      const auto sink = add(*core, bound, i, temperature);
      drain(*core);
      EXPECT_EQ(sink->finish.reason, FinishReason::kStop);
      GrammarMatcher again(bound);
      std::string text;
      for (const int32_t token : sink->tokens) {
        EXPECT_TRUE(again.accept(token));
        text += words[static_cast<size_t>(token)];
      }
      EXPECT_TRUE(again.must_end()) << text;
      alone.push_back(sink->tokens);
    }
    auto core = make(model, {.max_running = 16, .step_tokens = 32});
    std::vector<std::shared_ptr<Sink>> sinks;
    for (int i = 0; i < 8; ++i) {
      sinks.push_back(add(*core, bound, i, temperature));
      add(*core, nullptr, i + 20, 1.0f, 25);
    }
    drain(*core);
    for (size_t i = 0; i < 8; ++i) EXPECT_EQ(sinks[i]->tokens, alone[i]);
  }
}

TEST_F(CoreGrammarTest, LengthStillEndsAnAnswer) {
  const auto bound = grammar(spec_regex("a+"), TokenTrie::build(vocabulary(), {199}));
  auto core = make(std::make_shared<SyntheticModel>(synthetic_spec(0, false)), {});
  const auto sink = add(*core, bound, 1, 0, 7);
  drain(*core);
  EXPECT_TRUE(sink->finish.reason == FinishReason::kLength || sink->tokens.back() == 199);
  EXPECT_LE(sink->tokens.size(), 7u);
}

TEST_F(CoreGrammarTest, TextWithoutAChoiceTakesNoSteps) {
  auto opened = Model::open(std::string(ONDOL_SOURCE_DIR) + "/tests/models/tiny-chat");
  ASSERT_TRUE(opened) << opened.error().message;
  const std::shared_ptr<const Model> model = std::move(*opened);
  const Tokenizer& tokenizer = *model->tokenizer();
  const std::string forced = "{\"title\": \"the quick brown fox\", \"year\": ";
  const auto bound = grammar(spec_sequence({spec_literal(forced), spec_regex("[0-9]{4}"), spec_literal("}")}), TokenTrie::build(tokenizer));
  for (const int logprobs : {-1, 0}) {
    auto core = make(model, {});
    auto sink = std::make_shared<Sink>();
    GenerateRequest request;
    request.prompt = *tokenizer.encode("write");
    request.max_tokens = 100;
    request.sampling.temperature = 0;
    request.sampling.logprobs = logprobs;
    request.grammar = bound;
    core->add(1, std::move(request), sink, 0);
    drain(*core);
    const std::string text = tokenizer.decode(sink->tokens);
    EXPECT_TRUE(text.starts_with(forced)) << text;
    EXPECT_EQ(text.size(), forced.size() + 5);
    EXPECT_EQ(sink->finish.reason, FinishReason::kStop);
    EXPECT_EQ(sink->finish.completion_tokens, std::ssize(sink->tokens));
    if (logprobs < 0) {
      EXPECT_GT(core->stats().forced_tokens, 5u);
      EXPECT_LE(core->stats().steps + core->stats().forced_tokens, static_cast<uint64_t>(sink->tokens.size()) + 1);
    } else {
      EXPECT_EQ(core->stats().forced_tokens, 0u);
    }
  }
}

}  // namespace
}  // namespace ondol
