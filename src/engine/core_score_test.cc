// Log-probabilities of prompts: against recorded outputs of a reference, and bit for bit against the logits that any step gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/core.h"
#include "engine/synthetic_model_test_util.h"
#include "model/safetensors.h"

namespace ondol {
namespace {

constexpr int kTop = 3;

class ScoreSink final : public TokenSink {
 public:
  void on_prompt(std::vector<TokenEvent> scores) override {
    ++prompts;
    EXPECT_TRUE(tokens.empty());
    prompt = std::move(scores);
  }
  void on_token(const TokenEvent& event) override { tokens.push_back(event.token); }
  void on_finish(const FinishEvent& event) override { finish = event; }
  std::vector<TokenEvent> prompt;
  std::vector<int32_t> tokens;
  FinishEvent finish;
  int prompts = 0;
};

std::vector<int32_t> some_prompt(int length, int seed) {
  std::vector<int32_t> out;
  for (int i = 0; i < length; ++i) out.push_back((i * 31 + seed * 17 + i * i % 7) % 200);
  return out;
}

GenerateRequest scored(std::vector<int32_t> prompt, int max_tokens) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.prompt_only = max_tokens == 0;
  request.sampling.temperature = 0;
  request.prompt_logprobs = kTop;
  return request;
}

class CoreScoreTest : public testing::Test {
 protected:
  std::unique_ptr<Core> make(EngineOptions options, int window = 0) {
    options.threads = 2;
    if (options.kv_bytes == 0) options.kv_bytes = 8 << 20;
    auto core = Core::create(std::make_shared<SyntheticModel>(synthetic_spec(window, false)), options, clock_, metrics_);
    EXPECT_TRUE(core) << core.error().message;
    return std::move(*core);
  }
  std::shared_ptr<ScoreSink> add(Core& core, GenerateRequest request) {
    EXPECT_TRUE(core.check(request));
    auto sink = std::make_shared<ScoreSink>();
    core.add(++last_id_, std::move(request), sink, 0);
    return sink;
  }
  static void drain(Core& core) {
    for (int steps = 0; !core.idle(); ++steps) {
      ASSERT_LT(steps, 5000) << "the engine does not come to an end";
      core.step();
    }
  }
  // The same from a request that is not scored: of every row that is computed for it.
  std::vector<TokenEvent> reference(const std::vector<int32_t>& prompt, int window = 0) {
    auto core = make({.prefix_cache = false}, window);
    std::vector<TokenEvent> out(1);
    core->set_probe({[](uint64_t, int, int64_t, std::span<const float>) {},
                     [&](uint64_t, int64_t position, std::span<const float> logits) {
                       if (position + 1 >= std::ssize(prompt)) return;
                       out.push_back(score(vector_kernels(best_isa()), logits, prompt[static_cast<size_t>(position) + 1], kTop).value());
                     }});
    GenerateRequest request = scored(prompt, 1);
    request.prompt_logprobs = -1;
    add(*core, request);
    drain(*core);
    return out;
  }
  static void expect_same(const std::vector<TokenEvent>& got, const std::vector<TokenEvent>& want, const std::vector<int32_t>& prompt) {
    ASSERT_EQ(got.size(), prompt.size());
    ASSERT_EQ(want.size(), prompt.size());
    EXPECT_TRUE(std::isnan(got[0].logprob)) << "nothing foretells the first token";
    for (size_t i = 0; i < prompt.size(); ++i) {
      EXPECT_EQ(got[i].token, prompt[i]);
      if (i == 0) continue;
      EXPECT_EQ(got[i].logprob, want[i].logprob) << i;
      ASSERT_EQ(got[i].top.size(), static_cast<size_t>(kTop));
      for (size_t k = 0; k < kTop; ++k) {
        EXPECT_EQ(got[i].top[k].token, want[i].top[k].token);
        EXPECT_EQ(got[i].top[k].logprob, want[i].top[k].logprob);
      }
    }
  }

  ManualClock clock_;
  Registry metrics_;
  uint64_t last_id_ = 0;
};

TEST_F(CoreScoreTest, AreThoseOfTheLogitsInEveryChunkingAndCompany) {
  for (const int window : {0, 12}) {
    const std::vector<int32_t> prompt = some_prompt(150, 1);
    const std::vector<TokenEvent> want = reference(prompt, window);
    for (const EngineOptions& options : {EngineOptions{}, EngineOptions{.step_tokens = 33, .mixed_prefill = 5},
                                         EngineOptions{.max_running = 7, .step_tokens = 19, .prefix_cache = false}}) {
      auto core = make(options, window);
      auto plain = scored(prompt, 5);
      plain.prompt_logprobs = -1;
      auto before = add(*core, plain);  // leaves the prompt in the prefix cache
      drain(*core);
      auto stream = add(*core, [] {
        GenerateRequest request = scored(some_prompt(9, 3), 100);
        request.prompt_logprobs = -1;
        return request;
      }());
      core->step();
      auto alone = add(*core, scored(prompt, 0));
      auto with_answer = add(*core, scored(prompt, 5));
      drain(*core);
      for (const auto& sink : {alone, with_answer}) {
        expect_same(sink->prompt, want, prompt);
        EXPECT_EQ(sink->prompts, 1);
        EXPECT_EQ(sink->finish.cached_tokens, 0);
        EXPECT_EQ(sink->finish.reason, FinishReason::kLength);
      }
      EXPECT_TRUE(alone->tokens.empty());
      EXPECT_EQ(alone->finish.completion_tokens, 0);
      EXPECT_EQ(with_answer->tokens, before->tokens);
      EXPECT_EQ(stream->tokens.size(), 100u);
      // What it computed is in the prefix cache as any other prompt is.
      auto after = add(*core, plain);
      drain(*core);
      EXPECT_EQ(after->tokens, before->tokens);
      EXPECT_EQ(after->finish.cached_tokens > 0, options.prefix_cache);
    }
  }
}

TEST_F(CoreScoreTest, PromptsOfEveryLengthAroundABlock) {
  auto core = make({});
  for (const int length : {1, 2, 31, 32, 33, 34, 64, 65}) {
    const std::vector<int32_t> prompt = some_prompt(length, length);
    auto sink = add(*core, scored(prompt, 0));
    drain(*core);
    expect_same(sink->prompt, reference(prompt), prompt);
  }
}

TEST_F(CoreScoreTest, AStepHasFewRowsOfLogits) {
  auto core = make({.step_tokens = 256});
  for (int i = 0; i < 3; ++i) add(*core, scored(some_prompt(200, i), 0));
  while (!core->idle()) EXPECT_LE(core->step(), kScoredRows);
}

TEST_F(CoreScoreTest, GoOnWhereTheyWereWhenTheCacheWasFull) {
  const KvLayout layout = kv_layout(synthetic_spec(0, false), KvType::kF16);
  // The prompt is read one token a step, and the answers of the urgent ones push it out meanwhile.
  auto core =
      make({.kv_bytes = layout.groups[0].block_bytes * 10, .max_running = 8, .step_tokens = 64, .stream_slowdown = 0, .mixed_prefill = 1});
  for (int i = 0; i < 3; ++i) {
    GenerateRequest urgent = scored(some_prompt(20, i), 70);
    urgent.prompt_logprobs = -1;
    urgent.priority = -1;
    add(*core, urgent);
  }
  const std::vector<int32_t> prompt = some_prompt(120, 7);
  auto sink = add(*core, scored(prompt, 3));
  drain(*core);
  EXPECT_GT(metrics_.counter("ondol_preemptions_total", "", {{"model", "model"}}).value(), 0u);
  expect_same(sink->prompt, reference(prompt), prompt);
  EXPECT_EQ(sink->prompts, 1);
  EXPECT_EQ(sink->tokens.size(), 3u);
}

TEST_F(CoreScoreTest, FirstTokensAreThoseOfTheLogits) {
  const std::vector<int32_t> prompt = some_prompt(70, 2);
  std::vector<float> want;
  GenerateRequest request = scored(prompt, 4);
  request.prompt_logprobs = -1;
  request.sampling.logit_bias = {{9, 50.0f}};  // scores are the model's own
  request.score_tokens = {3, 199, 9};
  auto core = make({.prefix_cache = false});
  core->set_probe({[](uint64_t, int, int64_t, std::span<const float>) {},
                   [&](uint64_t, int64_t position, std::span<const float> logits) {
                     if (position + 1 != std::ssize(prompt)) return;
                     for (const int32_t token : request.score_tokens)
                       want.push_back(score(vector_kernels(best_isa()), logits, token, 0)->logprob);
                   }});
  add(*core, request);
  drain(*core);
  ASSERT_EQ(want.size(), 3u);
  auto other = make({.step_tokens = 64});
  for (const bool prompt_only : {false, true, false}) {  // the later ones from the prefix cache
    request.prompt_only = prompt_only;
    auto stream = add(*other, scored(some_prompt(9, 3), 30));
    auto sink = add(*other, request);
    drain(*other);
    EXPECT_EQ(sink->finish.scores, want);
    EXPECT_EQ(sink->tokens, std::vector<int32_t>(prompt_only ? 0 : 4, 9));
    EXPECT_TRUE(stream->finish.scores.empty());
  }
  request.score_tokens = {200};
  EXPECT_EQ(other->check(request).error().code, Code::kInvalidArgument);
  request.score_tokens.assign(17, 1);
  EXPECT_EQ(other->check(request).error().code, Code::kInvalidArgument);
}

TEST_F(CoreScoreTest, WhoIsCancelledHearsNothing) {
  auto core = make({});
  auto sink = add(*core, scored(some_prompt(100, 1), 4));
  core->step();
  core->cancel(last_id_);
  drain(*core);
  EXPECT_EQ(sink->prompts, 0);
  EXPECT_EQ(sink->finish.reason, FinishReason::kCancelled);
  GenerateRequest too_many = scored(some_prompt(4, 1), 1);
  too_many.prompt_logprobs = 21;
  EXPECT_EQ(core->check(too_many).error().code, Code::kInvalidArgument);
}

class GoldenScores : public testing::TestWithParam<const char*> {};

// Logits of Hugging Face transformers on random models of each architecture.
TEST_P(GoldenScores, MatchTheReference) {
  const std::string dir = std::string(ONDOL_SOURCE_DIR "/tests/models/") + GetParam();
  auto model = Model::open(dir);
  ASSERT_TRUE(model) << model.error().message;
  const auto file = SafetensorsFile::open(dir + "/expected.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  const std::vector<int32_t> prompt = file->int32s("input_ids").value();
  const std::vector<float> logits = file->floats("logits").value();
  ManualClock clock;
  Registry metrics;
  auto core = Core::create(std::move(*model), {.threads = 2, .kv_bytes = 16 << 20, .kv_type = KvType::kF32}, clock, metrics);
  ASSERT_TRUE(core) << core.error().message;
  const auto sink = std::make_shared<ScoreSink>();
  (*core)->add(1, scored(prompt, 0), sink, 0);
  while (!(*core)->idle()) (*core)->step();
  ASSERT_EQ(sink->prompt.size(), prompt.size());
  const size_t vocab = logits.size() / prompt.size();
  for (size_t i = 1; i < prompt.size(); ++i) {
    const std::span<const float> row = std::span(logits).subspan((i - 1) * vocab, vocab);
    double sum = 0;
    for (const float logit : row) sum += std::exp(static_cast<double>(logit));
    EXPECT_NEAR(sink->prompt[i].logprob, static_cast<double>(row[static_cast<size_t>(prompt[i])]) - std::log(sum), 5e-4) << i;
    EXPECT_NEAR(sink->prompt[i].top[0].logprob, static_cast<double>(std::ranges::max(row)) - std::log(sum), 5e-4) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenScores, testing::Values("llama", "qwen2", "qwen3", "gemma3", "exaone4-hybrid", "exaone-moe"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace ondol
