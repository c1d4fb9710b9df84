#include "app/engine_rates.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "app/cmd_bench_engine.h"

namespace ondol {
namespace {

class SpecModel final : public Model {
 public:
  SpecModel() { spec_.vocab = 10; }
  const ModelSpec& spec() const override { return spec_; }
  Result<Tensor> weight(Role, int, int) const override { return fail(Code::kNotFound, "no weights"); }
  bool interleaved_rope_rows() const override { return false; }
  const Tokenizer* tokenizer() const override { return nullptr; }
  const std::string& tokenizer_error() const override { return empty_; }
  const std::string& chat_template() const override { return empty_; }
  const std::vector<int32_t>& stop_tokens() const override { return none_; }
  const SamplingDefaults& sampling_defaults() const override { return sampling_; }
  const std::string& license() const override { return empty_; }
  uint64_t parameter_count() const override { return 0; }
  uint64_t file_bytes() const override { return 0; }
  std::string format() const override { return ""; }
  std::string quantization() const override { return ""; }
  void drop_resident() const override {}

 private:
  ModelSpec spec_;
  std::string empty_;
  std::vector<int32_t> none_;
  SamplingDefaults sampling_;
};

// An engine on a clock of its own: reading a prompt token takes 1 ms, a step of decoding 10 ms whatever the batch. Prompts are read one
// after another, and sequences that have begun decode on meanwhile, as in the real one.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(ManualClock& clock, int expected) : clock_(clock), expected_(expected) {}
  ~FakeEngine() override { join(); }

  Result<uint64_t> submit(GenerateRequest request, std::shared_ptr<TokenSink> sink) override {
    prompts.insert(static_cast<int>(request.prompt.size()));
    for (const int32_t token : request.prompt) EXPECT_TRUE(token >= 0 && token < 10);
    EXPECT_EQ(request.sampling.temperature, 0);
    EXPECT_TRUE(request.stop_tokens.empty());
    if (refuse) return fail(Code::kResourceExhausted, "full");
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(request), std::move(sink), 0});
    if (static_cast<int>(waiting_.size()) == expected_) {
      join();
      thread_ = std::thread([this, batch = std::exchange(waiting_, {})]() mutable { serve(batch); });
    }
    return 1;
  }
  void cancel(uint64_t) override {}
  void stop() override {}
  EngineStats stats() const override { return {}; }
  int max_context() const override { return 100; }
  const EngineOptions& options() const override { return options_; }
  const Model& model() const override { return model_; }

  bool refuse = false;
  bool fail_in_the_middle = false;
  std::set<int> prompts;

 private:
  struct Running {
    GenerateRequest request;
    std::shared_ptr<TokenSink> sink;
    int tokens;
  };

  void join() {
    if (thread_.joinable()) thread_.join();
  }

  void serve(std::vector<Running>& batch) {
    for (size_t begun = 0; begun < batch.size(); ++begun) {
      clock_.advance_us(1000 * static_cast<int64_t>(batch[begun].request.prompt.size()));
      for (size_t i = 0; i <= begun; ++i) emit(batch[i]);
    }
    for (bool any = !fail_in_the_middle; any;) {
      clock_.advance_us(10'000);
      any = false;
      for (Running& running : batch) any = emit(running) || any;
    }
    for (Running& running : batch) {
      FinishEvent event;
      event.reason = fail_in_the_middle ? FinishReason::kError : FinishReason::kLength;
      event.error = {Code::kInternal, "broken"};
      running.sink->on_finish(event);
    }
  }

  static bool emit(Running& running) {
    if (running.tokens >= running.request.max_tokens) return false;
    ++running.tokens;
    running.sink->on_token({});
    return true;
  }

  ManualClock& clock_;
  int expected_;
  SpecModel model_;
  EngineOptions options_;
  std::mutex mutex_;
  std::vector<Running> waiting_;
  std::thread thread_;
};

TEST(MeasureEngine, MeasuresPromptAndDecodeRate) {
  ManualClock clock;
  FakeEngine engine(clock, 1);
  const auto report = measure_engine(engine, {.prompt_tokens = 50, .generated_tokens = 20, .batches = {}}, clock);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_DOUBLE_EQ(report->prompt_rate, 1000);
  EXPECT_DOUBLE_EQ(report->generate_rate, 100);
  EXPECT_EQ(engine.prompts, (std::set{1, 50}));
}

TEST(MeasureEngine, MeasuresABatchOnlyWhileAllDecode) {
  ManualClock clock;
  FakeEngine engine(clock, 4);
  const auto report = measure_engine(
      engine, {.prompt_tokens = 0, .generated_tokens = 0, .batches = {4}, .batch_prompt_tokens = 8, .batch_generated_tokens = 16}, clock);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_DOUBLE_EQ(report->batch_rates.at(4), 400) << "16 steps of 10 ms, 4 tokens each";
  EXPECT_EQ(engine.prompts, std::set{8});
}

TEST(MeasureEngine, PassesErrorsOn) {
  ManualClock clock;
  FakeEngine engine(clock, 1);
  engine.refuse = true;
  EXPECT_EQ(measure_engine(engine, {}, clock).error().message, "full");
  engine.refuse = false;
  engine.fail_in_the_middle = true;
  EXPECT_EQ(measure_engine(engine, {.prompt_tokens = 0, .batches = {}}, clock).error().message, "broken");
}

TEST(BenchEngineOptions, RoomForThePlan) {
  const EngineOptions options = bench_engine_options({.prompt_tokens = 512, .generated_tokens = 1000, .batches = {8, 200}}, {});
  EXPECT_GE(options.max_context, 1002);
  EXPECT_EQ(options.max_running, 200);
  EXPECT_GE(options.max_waiting, 200);
  EXPECT_FALSE(options.prefix_cache);
  EXPECT_EQ(options.mixed_prefill, options.step_tokens);
}

TEST(BenchEngineOptions, ParseTheCommandLine) {
  {
    CLI::App app;
    BenchEngineOptions options;
    bind_bench_engine(app, options);
    app.parse("--model m --pp 64 --tg 32 --batch 2,4,16 --threads 1 --reps 5 --json");
    EXPECT_EQ(options.plan.prompt_tokens, 64);
    EXPECT_EQ(options.plan.generated_tokens, 32);
    EXPECT_EQ(options.plan.batches, (std::vector{2, 4, 16}));
    EXPECT_EQ(options.plan.repetitions, 5);
    EXPECT_EQ(options.engine.threads, 1);
    EXPECT_TRUE(options.json);
  }
  CLI::App app;
  BenchEngineOptions options;
  bind_bench_engine(app, options);
  app.parse("--model m");
  EXPECT_EQ(options.plan.batches, (std::vector{8, 32}));
  EXPECT_EQ(options.engine.threads, 2);
}

TEST(Median, TakesTheMiddle) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

}  // namespace
}  // namespace ondol
