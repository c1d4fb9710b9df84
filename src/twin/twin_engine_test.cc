#include "twin/twin_engine.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "twin/twin_test_util.h"

namespace ondol {
namespace {

// Counts what it is told; a test waits for the end.
class WaitingSink final : public TwinSink {
 public:
  void on_token(int64_t index) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_EQ(index, tokens_++);
    changed_.notify_all();
  }
  void on_finish(TwinFinish reason, const TwinUsage& usage) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_FALSE(finish_);
    finish_ = reason;
    usage_ = usage;
    changed_.notify_all();
  }
  TwinFinish wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finish_.has_value(); });
    return *finish_;
  }
  void wait_for_token() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tokens_ > 0; });
  }
  int64_t tokens() {
    const std::scoped_lock lock(mutex_);
    return tokens_;
  }
  TwinUsage usage() {
    const std::scoped_lock lock(mutex_);
    return usage_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t tokens_ = 0;
  std::optional<TwinFinish> finish_;
  TwinUsage usage_;
};

TwinRequest request(int32_t id, size_t prompt, int64_t answer) { return {std::vector<int32_t>(prompt, id), answer}; }

std::unique_ptr<TwinEngine> fast(TwinEngineOptions options) {
  options.speed = 50;
  return TwinEngine::start(options);
}

TEST(TwinEngine, AnswersManyAtOnceFromManyThreads) {
  for (const TwinEngineOptions& options : {rngd_options(), vllm_options()}) {
    const auto engine = fast(options);
    std::vector<std::shared_ptr<WaitingSink>> sinks(32);
    for (auto& sink : sinks) sink = std::make_shared<WaitingSink>();
    std::vector<std::jthread> clients;
    for (int32_t thread = 0; thread < 4; ++thread) {
      clients.emplace_back([&, thread] {
        for (int32_t i = thread; i < 32; i += 4) {
          EXPECT_TRUE(engine->submit(request(i, 100, i + 1), sinks[static_cast<size_t>(i)]));
        }
      });
    }
    clients.clear();
    for (size_t i = 0; i < sinks.size(); ++i) {
      EXPECT_EQ(sinks[i]->wait(), TwinFinish::kLength);
      EXPECT_EQ(sinks[i]->tokens(), static_cast<int64_t>(i) + 1);
      EXPECT_GT(sinks[i]->usage().energy_j, 0);
    }
    const TwinLoad load = engine->load();
    EXPECT_EQ(load.running + load.waiting, 0);
    EXPECT_EQ(load.generated_tokens, 32 * 33 / 2);
    EXPECT_GT(load.energy_j, 0);
  }
}

TEST(TwinEngine, OptionsHaveTheirDefaultsFilledIn) {
  const auto engine = fast(rngd_options());
  EXPECT_EQ(engine->options().max_step_tokens, 1024);
  EXPECT_GT(engine->options().max_concurrency, 0);
  EXPECT_GT(engine->options().max_context, 0);
}

TEST(TwinEngine, CancelEndsTheAnswer) {
  const auto engine = fast(rngd_options());
  const auto sink = std::make_shared<WaitingSink>();
  const Result<uint64_t> id = engine->submit(request(1, 100, 100'000), sink);
  ASSERT_TRUE(id) << id.error().message;
  sink->wait_for_token();
  engine->cancel(*id);
  EXPECT_EQ(sink->wait(), TwinFinish::kAborted);
  EXPECT_EQ(engine->load().running, 0);
}

// A sink may cancel its own request, as a surface does at a stop string.
TEST(TwinEngine, ASinkMayCallItsEngine) {
  struct Stopper final : TwinSink {
    void on_token(int64_t index) override {
      if (index == 2) engine->cancel(id);
    }
    void on_finish(TwinFinish reason, const TwinUsage&) override { finished.on_finish(reason, {}); }
    TwinEngine* engine = nullptr;
    uint64_t id = 1;  // the first
    WaitingSink finished;
  };
  const auto sink = std::make_shared<Stopper>();
  const auto engine = fast(rngd_options());
  sink->engine = engine.get();
  ASSERT_TRUE(engine->submit(request(1, 100, 100'000), sink));
  EXPECT_EQ(sink->finished.wait(), TwinFinish::kAborted);
}

TEST(TwinEngine, ItsEndAbortsWhatRuns) {
  const auto running = std::make_shared<WaitingSink>();
  const auto hanging = std::make_shared<WaitingSink>();
  {
    const auto engine = fast(rngd_options());
    ASSERT_TRUE(engine->submit(request(1, 100, 100'000), running));
    running->wait_for_token();
    engine->inject({TwinFault::Kind::kHang, 1, 0});
    ASSERT_TRUE(engine->submit(request(2, 100, 10), hanging));
  }
  EXPECT_EQ(running->wait(), TwinFinish::kAborted);
  EXPECT_EQ(hanging->wait(), TwinFinish::kAborted);
}

TEST(TwinEngine, ACrashIsTold) {
  const auto engine = fast(rngd_options());
  const auto sink = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine->submit(request(1, 100, 100'000), sink));
  sink->wait_for_token();
  engine->inject({TwinFault::Kind::kCrash, 1, 0});
  EXPECT_EQ(sink->wait(), TwinFinish::kEngineError);
  EXPECT_EQ(engine->submit(request(1, 10, 10), sink).error().code, Code::kUnavailable);
  engine->inject({});
  const auto again = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine->submit(request(1, 10, 10), again));
  EXPECT_EQ(again->wait(), TwinFinish::kLength);
}

}  // namespace
}  // namespace ondol
