#include "engine/core.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/synthetic_model_test_util.h"

namespace ondol {
namespace {

class Sink final : public TokenSink {
 public:
  void on_token(const TokenEvent& event) override { tokens.push_back(event.token); }
  void on_finish(const FinishEvent& event) override {
    ++finishes;
    finish = event;
  }
  std::vector<int32_t> tokens;
  FinishEvent finish;
  int finishes = 0;
};

struct Shape {
  int window;
  bool moe;
  bool quantized;
};

class CoreTest : public testing::Test {
 protected:
  std::unique_ptr<Core> make(const Shape& shape, EngineOptions options) {
    options.threads = 2;
    if (options.kv_bytes == 0) options.kv_bytes = 8 << 20;
    auto core =
        Core::create(std::make_shared<SyntheticModel>(synthetic_spec(shape.window, shape.moe), shape.quantized), options, clock_, metrics_);
    EXPECT_TRUE(core) << core.error().message;
    return std::move(*core);
  }

  std::shared_ptr<Sink> add(Core& core, std::vector<int32_t> prompt, int max_tokens, SamplingParams sampling = {.temperature = 0}) {
    auto sink = std::make_shared<Sink>();
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = max_tokens;
    request.sampling = std::move(sampling);
    EXPECT_TRUE(core.check(request));
    core.add(++last_id_, std::move(request), sink, clock_.now_us());
    return sink;
  }

  static void drain(Core& core) {
    for (int steps = 0; !core.idle(); ++steps) {
      ASSERT_LT(steps, 5000) << "the engine does not come to an end";
      core.step();
    }
  }

  static std::vector<int32_t> prompt(int length, int seed) {
    std::vector<int32_t> out;
    for (int i = 0; i < length; ++i) out.push_back((i * 31 + seed * 17 + i * i % 7) % 200);
    return out;
  }

  ManualClock clock_;
  Registry metrics_;
  uint64_t last_id_ = 0;
};

const Shape kShapes[] = {{0, false, false}, {0, false, true}, {12, false, false}, {40, true, false}, {40, true, true}};

// The promise that users rely on: alone or among 31 others, in chunks or whole, from the cache or not, greedy or seeded.
TEST_F(CoreTest, AnswersAreBitIdenticalInEveryCompany) {
  for (const Shape& shape : kShapes) {
    for (const float temperature : {0.0f, 1.0f}) {
      const auto params = [&](int i) {
        return SamplingParams{.temperature = temperature, .top_p = 0.95f, .seed = static_cast<uint64_t>(i)};
      };
      std::vector<std::vector<int32_t>> alone;
      for (int i = 0; i < 32; ++i) {
        auto core = make(shape, {.max_running = 1, .prefix_cache = false});
        auto sink = add(*core, prompt(5 + i * 3, i), 12, params(i));
        drain(*core);
        ASSERT_EQ(sink->tokens.size(), 12u);
        alone.push_back(sink->tokens);
      }
      for (const EngineOptions& options : {EngineOptions{.max_running = 32, .step_tokens = 512, .mixed_prefill = 64},
                                           EngineOptions{.max_running = 32, .step_tokens = 33, .mixed_prefill = 5},
                                           EngineOptions{.max_running = 7, .step_tokens = 19, .mixed_prefill = 7, .prefix_cache = false}}) {
        auto core = make(shape, options);
        for (const int round : {0, 1}) {  // the second round starts from the prefix cache
          std::vector<std::shared_ptr<Sink>> sinks;
          for (int i = 0; i < 32; ++i) sinks.push_back(add(*core, prompt(5 + i * 3, i), 12, params(i)));
          drain(*core);
          for (size_t i = 0; i < 32; ++i) {
            EXPECT_EQ(sinks[i]->tokens, alone[i])
                << "window " << shape.window << " moe " << shape.moe << " round " << round << " request " << i;
            if (round == 1 && options.prefix_cache && sinks[i]->finish.prompt_tokens > 2 * kKvBlock) {
              EXPECT_GE(sinks[i]->finish.cached_tokens, kKvBlock);
            }
          }
        }
      }
    }
  }
}

TEST_F(CoreTest, PromptInFlightIsSharedNotRecomputed) {
  auto core = make({0, false, false}, {.step_tokens = 64, .mixed_prefill = 64});
  std::vector<int32_t> shared = prompt(320, 1);
  auto first = add(*core, shared, 4);
  core->step();  // the first is in the middle of its prompt
  std::vector<int32_t> longer = shared;
  longer.insert(longer.end(), {7, 8, 9});
  auto second = add(*core, longer, 4);
  drain(*core);
  EXPECT_EQ(first->finish.cached_tokens, 0);
  EXPECT_EQ(second->finish.cached_tokens, 320);
}

TEST_F(CoreTest, WindowLayersFreeWhatTheyLeave) {
  auto core = make({12, false, false}, {.kv_type = KvType::kF32, .step_tokens = 64, .prefix_cache = false});
  add(*core, prompt(900, 3), 2);
  uint64_t most = 0;
  while (!core->idle()) {
    core->step();
    most = std::max(most, core->stats().kv_used_bytes);
  }
  const KvLayout layout = kv_layout(synthetic_spec(12, false), KvType::kF32);
  EXPECT_LE(most, layout.sequence_bytes(902, 64));
  EXPECT_LT(most, 902u / kKvBlock * (layout.groups[0].block_bytes + layout.groups[1].block_bytes) / 2);
  EXPECT_EQ(core->stats().kv_used_bytes, 0u);
}

TEST_F(CoreTest, FullCachePreemptsAndStillAnswersTheSame) {
  const Shape shape{0, false, false};
  auto roomy = make(shape, {.max_running = 8});
  const KvLayout layout = kv_layout(synthetic_spec(0, false), KvType::kF16);
  // Room for the prompts of several, not for their answers.
  auto tight = make(shape, {.kv_bytes = layout.groups[0].block_bytes * 10, .max_running = 8, .step_tokens = 64});
  std::vector<std::shared_ptr<Sink>> a, b;
  for (int i = 0; i < 6; ++i) {
    a.push_back(add(*roomy, prompt(30 + i, i), 120));
    b.push_back(add(*tight, prompt(30 + i, i), 120));
  }
  drain(*roomy);
  drain(*tight);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i]->tokens, b[i]->tokens);
  EXPECT_NE(metrics_.render().find("ondol_preemptions_total{model=\"model\"} "), std::string::npos);
  EXPECT_GT(metrics_.counter("ondol_preemptions_total", "", {{"model", "model"}}).value(), 0u);
}

TEST_F(CoreTest, CancelFreesWithinOneStep) {
  auto core = make({0, false, false}, {.prefix_cache = false});
  auto sink = add(*core, prompt(40, 1), 500);
  for (int i = 0; i < 5; ++i) core->step();
  EXPECT_GT(core->stats().kv_used_bytes, 0u);
  core->cancel(last_id_);
  core->step();
  EXPECT_EQ(core->stats().kv_used_bytes, 0u);
  EXPECT_TRUE(core->idle());
  EXPECT_EQ(sink->finishes, 1);
  EXPECT_EQ(sink->finish.reason, FinishReason::kCancelled);
}

TEST_F(CoreTest, StreamsKeepTheirPaceWhileALongPromptEnters) {
  auto core = make({0, false, false}, {.step_tokens = 256, .mixed_prefill = 32});
  auto stream = add(*core, prompt(10, 1), 200);
  core->step();
  add(*core, prompt(800, 2), 1);
  for (int i = 0; i < 20; ++i) {
    const size_t before = stream->tokens.size();
    EXPECT_LE(core->step(), 33);
    EXPECT_EQ(stream->tokens.size(), before + 1);  // one token in every step
  }
  drain(*core);
}

TEST_F(CoreTest, BeforeTheSpeedIsKnownFewPromptTokensEnterBesideStreams) {
  auto core = make({0, false, false}, {.step_tokens = 256});
  auto stream = add(*core, prompt(10, 1), 200);
  core->step();
  add(*core, prompt(800, 2), 1);
  EXPECT_EQ(core->step(), 33);  // nothing is known: 32
  drain(*core);
}

TEST_F(CoreTest, TheUrgentGoFirstAndStayLongest) {
  auto core = make({0, false, false}, {.max_running = 1});
  std::vector<int> ended;
  struct Order final : TokenSink {
    Order(std::vector<int>& list, int name) : list(list), name(name) {}
    void on_token(const TokenEvent&) override {}
    void on_finish(const FinishEvent&) override { list.push_back(name); }
    std::vector<int>& list;
    int name;
  };
  for (const auto& [name, priority] : std::vector<std::pair<int, int>>{{0, 5}, {1, 0}, {2, -3}, {3, 0}, {4, -3}}) {
    core->add(++last_id_, {.prompt = prompt(8, name), .max_tokens = 2, .priority = priority}, std::make_shared<Order>(ended, name), 0);
  }
  drain(*core);
  EXPECT_EQ(ended, (std::vector<int>{2, 4, 1, 3, 0}));
}

TEST_F(CoreTest, DeadlinesEndWhatWaitsAndWhatRuns) {
  auto core = make({0, false, false}, {.max_running = 1});
  auto running = std::make_shared<Sink>(), waiting = std::make_shared<Sink>(), patient = std::make_shared<Sink>();
  core->add(1, {.prompt = prompt(8, 1), .max_tokens = 500, .timeout_us = 9'000}, running, clock_.now_us());
  core->add(2, {.prompt = prompt(8, 2), .max_tokens = 500, .timeout_us = 5'000}, waiting, clock_.now_us());
  core->add(3, {.prompt = prompt(8, 3), .max_tokens = 3}, patient, clock_.now_us());
  core->step();
  clock_.advance_us(5'000);
  core->step();
  EXPECT_EQ(waiting->finishes, 1);
  EXPECT_EQ(waiting->finish.error.code, Code::kDeadlineExceeded);
  EXPECT_EQ(running->finishes, 0);
  clock_.advance_us(4'000);
  core->step();
  EXPECT_EQ(running->finish.reason, FinishReason::kError);
  EXPECT_EQ(running->finish.error.code, Code::kDeadlineExceeded);
  EXPECT_GT(running->finish.completion_tokens, 0);
  drain(*core);
  EXPECT_EQ(patient->finish.reason, FinishReason::kLength);
}

// A prediction changes the number of steps, never the answer.
TEST_F(CoreTest, PredictionsSaveStepsAndChangeNothing) {
  for (const Shape& shape : kShapes) {
    for (const float temperature : {0.0f, 1.0f}) {
      const SamplingParams sampling{.temperature = temperature, .seed = 11};
      auto core = make(shape, {.step_tokens = 64});
      auto plain = add(*core, prompt(40, 1), 60, sampling);
      drain(*core);
      const uint64_t plain_steps = core->stats().steps;
      std::vector<int32_t> right = plain->tokens, edited = plain->tokens, wrong(60, 7);
      edited[20] = (edited[20] + 1) % 200;
      for (const auto& [prediction, fewest_saved] :
           std::vector<std::pair<std::vector<int32_t>, uint64_t>>{{right, 45}, {edited, 30}, {wrong, 0}}) {
        auto other = make(shape, {.step_tokens = 64, .prefix_cache = fewest_saved > 40});
        auto sink = std::make_shared<Sink>();
        other->add(++last_id_, {.prompt = prompt(40, 1), .max_tokens = 60, .sampling = sampling, .prediction = prediction}, sink, 0);
        drain(*other);
        EXPECT_EQ(sink->tokens, plain->tokens) << "window " << shape.window << " moe " << shape.moe;
        EXPECT_EQ(sink->finish.completion_tokens, 60);
        EXPECT_LE(other->stats().steps + fewest_saved, plain_steps + (fewest_saved == 0 ? 60 : 0));
        EXPECT_EQ(sink->finish.accepted_prediction > 0, prediction != wrong);
        EXPECT_TRUE(prediction != right || sink->finish.rejected_prediction == 0);
        EXPECT_EQ(other->stats().kv_used_bytes == 0, fewest_saved <= 40);
      }
    }
  }
}

TEST_F(CoreTest, APredictionEndsWithTheAnswer) {
  auto core = make({0, false, false}, {});
  auto plain = add(*core, prompt(40, 1), 30);
  drain(*core);
  auto sink = std::make_shared<Sink>();
  const int32_t stop = plain->tokens[12];
  const auto first = std::ranges::find(plain->tokens, stop) - plain->tokens.begin();
  core->add(++last_id_,
            {.prompt = prompt(40, 1), .max_tokens = 30, .sampling = {.temperature = 0}, .stop_tokens = {stop}, .prediction = plain->tokens},
            sink, 0);
  drain(*core);
  EXPECT_EQ(sink->finish.reason, FinishReason::kStop);
  EXPECT_EQ(sink->tokens, std::vector<int32_t>(plain->tokens.begin(), plain->tokens.begin() + first));
}

TEST_F(CoreTest, StopTokenAndLengthEndAnAnswer) {
  auto core = make({0, false, false}, {});
  auto free = add(*core, prompt(20, 5), 10);
  drain(*core);
  GenerateRequest request;
  request.prompt = prompt(20, 5);
  request.sampling.temperature = 0;
  request.stop_tokens = {free->tokens[3]};
  const auto first = std::ranges::find(free->tokens, free->tokens[3]) - free->tokens.begin();
  auto sink = std::make_shared<Sink>();
  core->add(++last_id_, request, sink, 0);
  drain(*core);
  EXPECT_EQ(sink->finish.reason, FinishReason::kStop);
  EXPECT_EQ(std::ssize(sink->tokens), first);
  EXPECT_EQ(sink->finish.completion_tokens, first + 1);
  EXPECT_EQ(free->finish.reason, FinishReason::kLength);
}

TEST_F(CoreTest, RefusesWhatItCannotServe) {
  auto core = make({0, false, false}, {});
  GenerateRequest request;
  EXPECT_EQ(core->check(request).error().code, Code::kInvalidArgument);
  request.prompt = prompt(1024, 1);
  const auto too_long = core->check(request);
  EXPECT_EQ(too_long.error().code, Code::kOutOfRange);
  EXPECT_NE(too_long.error().message.find("1024 tokens"), std::string::npos) << too_long.error().message;
  request.prompt = {5, 200};
  EXPECT_EQ(core->check(request).error().code, Code::kInvalidArgument);
  request.prompt = {5};
  request.sampling.top_p = std::nanf("");
  EXPECT_EQ(core->check(request).error().code, Code::kInvalidArgument);
}

TEST_F(CoreTest, SaysBeforehandThatAModelDoesNotFit) {
  EngineOptions options{.threads = 1, .kv_bytes = uint64_t{1} << 60};
  const SyntheticModel model(synthetic_spec(0, false));
  const auto plan = plan_memory(model, options);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::kResourceExhausted);
  EXPECT_NE(plan.error().message.find("does not fit"), std::string::npos);
}

TEST_F(CoreTest, LogitBiasDecides) {
  auto core = make({0, false, false}, {});
  auto sink = add(*core, prompt(10, 1), 5, {.temperature = 0, .logit_bias = {{3, 50.0f}}});
  drain(*core);
  EXPECT_EQ(sink->tokens, std::vector<int32_t>(5, 3));
}

}  // namespace
}  // namespace ondol
