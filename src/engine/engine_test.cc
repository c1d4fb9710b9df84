#include "engine/engine.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/synthetic_model_test_util.h"

namespace ondol {
namespace {

constexpr std::chrono::seconds kPatience{60};

class WaitingSink final : public TokenSink {
 public:
  void on_token(const TokenEvent& event) override {
    const std::scoped_lock lock(mutex_);
    tokens_.push_back(event.token);
    changed_.notify_all();
  }
  void on_finish(const FinishEvent& event) override {
    const std::scoped_lock lock(mutex_);
    finish_ = event;
    ++finishes_;
    changed_.notify_all();
  }
  FinishEvent wait_finish() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [this] { return finishes_ > 0; })) << "the request never ended";
    EXPECT_EQ(finishes_, 1);
    return finish_;
  }
  void wait_token() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [this] { return !tokens_.empty(); })) << "no token came";
  }
  std::vector<int32_t> tokens() {
    const std::scoped_lock lock(mutex_);
    return tokens_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int32_t> tokens_;
  FinishEvent finish_;
  int finishes_ = 0;
};

class EngineTest : public testing::Test {
 protected:
  std::unique_ptr<Engine> make(EngineOptions options) {
    options.threads = 2;
    options.kv_bytes = 8 << 20;
    auto engine = Engine::create(std::make_shared<SyntheticModel>(synthetic_spec(12, false)), options, metrics_);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  static GenerateRequest request(int seed, int max_tokens) {
    GenerateRequest out;
    for (int i = 0; i < 10 + seed; ++i) out.prompt.push_back((i * 13 + seed) % 200);
    out.max_tokens = max_tokens;
    out.sampling.temperature = 0;
    return out;
  }

  Registry metrics_;
};

TEST_F(EngineTest, AnswersManyThreadsAtOnceAsEachAlone) {
  auto engine = make({.max_running = 8});
  std::vector<std::vector<int32_t>> alone;
  for (int i = 0; i < 12; ++i) {
    auto sink = std::make_shared<WaitingSink>();
    ASSERT_TRUE(engine->submit(request(i, 20), sink));
    EXPECT_EQ(sink->wait_finish().reason, FinishReason::kLength);
    alone.push_back(sink->tokens());
  }
  std::vector<std::jthread> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back([&, i] {
      auto sink = std::make_shared<WaitingSink>();
      ASSERT_TRUE(engine->submit(request(i, 20), sink));
      EXPECT_EQ(sink->wait_finish().completion_tokens, 20);
      EXPECT_EQ(sink->tokens(), alone[static_cast<size_t>(i)]);
    });
  }
}

TEST_F(EngineTest, CancelEndsARequestAndFreesItsBlocks) {
  auto engine = make({.prefix_cache = false});
  auto sink = std::make_shared<WaitingSink>();
  const auto id = engine->submit(request(1, 0), sink);
  ASSERT_TRUE(id);
  sink->wait_token();
  engine->cancel(*id);
  EXPECT_EQ(sink->wait_finish().reason, FinishReason::kCancelled);
  auto next = std::make_shared<WaitingSink>();  // its end comes after the step that freed the first
  ASSERT_TRUE(engine->submit(request(2, 1), next));
  next->wait_finish();
  engine->cancel(*id);  // long gone: ignored
  engine->cancel(12345);
}

TEST_F(EngineTest, FullQueueIsRefusedNotGrown) {
  auto engine = make({.max_running = 1, .max_waiting = 2});
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  std::vector<uint64_t> ids;
  Result<uint64_t> last = uint64_t{0};
  while (last && sinks.size() < 10) {
    sinks.push_back(std::make_shared<WaitingSink>());
    last = engine->submit(request(1, 0), sinks.back());
    if (last) ids.push_back(*last);
  }
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, Code::kResourceExhausted);
  EXPECT_LE(ids.size(), 3u);
  for (const uint64_t id : ids) engine->cancel(id);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(sinks[i]->wait_finish().reason, FinishReason::kCancelled);
}

TEST_F(EngineTest, DestructionEndsEveryRequest) {
  auto engine = make({.max_running = 2});
  std::vector<std::shared_ptr<WaitingSink>> sinks;
  for (int i = 0; i < 5; ++i) {
    sinks.push_back(std::make_shared<WaitingSink>());
    ASSERT_TRUE(engine->submit(request(i, 0), sinks.back()));
  }
  sinks[0]->wait_token();
  engine.reset();
  for (const auto& sink : sinks) EXPECT_EQ(sink->wait_finish().reason, FinishReason::kCancelled);
}

TEST_F(EngineTest, StopEndsWhatRunsAndWaits) {
  auto engine = make({.max_running = 1});
  auto running = std::make_shared<WaitingSink>(), waiting = std::make_shared<WaitingSink>();
  ASSERT_TRUE(engine->submit(request(1, 900), running));
  ASSERT_TRUE(engine->submit(request(2, 900), waiting));
  running->wait_token();
  engine->stop();
  EXPECT_EQ(running->wait_finish().reason, FinishReason::kCancelled);
  EXPECT_EQ(waiting->wait_finish().reason, FinishReason::kCancelled);
  EXPECT_EQ(running.use_count(), 1);  // the engine holds it no more
  const auto late = engine->submit(request(3, 5), std::make_shared<WaitingSink>());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kUnavailable);
  engine->stop();
}

// As an answer in progress does that holds its model: the last reference may go on any thread, after stop.
TEST_F(EngineTest, ASinkMayHoldTheEngine) {
  struct Holder final : TokenSink {
    void on_token(const TokenEvent&) override {}
    void on_finish(const FinishEvent&) override {}
    std::shared_ptr<Engine> engine;
  };
  std::shared_ptr<Engine> engine = make({});
  const std::weak_ptr<Engine> weak = engine;
  auto sink = std::make_shared<Holder>();
  sink->engine = engine;
  ASSERT_TRUE(engine->submit(request(1, 900), sink));
  sink.reset();
  engine->stop();
  engine.reset();
  EXPECT_TRUE(weak.expired());
}

}  // namespace
}  // namespace ondol
