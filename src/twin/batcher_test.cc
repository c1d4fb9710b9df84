#include "twin/batcher.h"

#include <gtest/gtest.h>

#include <random>

#include "twin/batcher_test_util.h"

namespace ondol {
namespace {

using Parts = BatcherBench::Parts;

TEST(Batcher, AConversationFindsItsAnswer) {
  for (const BatcherOptions& options : {vllm_batcher(), furiosa_batcher()}) {
    BatcherBench bench(options);
    bench.add(1, id_range(0, 64), 32, 32);  // 32 of prompt, 32 of answer
    bench.run();
    bench.add(2, id_range(0, 80), 1);
    bench.step();
    // The last token of an answer is never computed: nothing follows it.
    EXPECT_EQ(bench.cached(2), options.kv_block == 1 ? 63 : 48);
  }
}

TEST(Batcher, WithoutACacheNothingIsFound) {
  BatcherOptions options = vllm_batcher();
  options.prefix_cache = false;
  BatcherBench bench(options);
  bench.add(1, id_range(0, 50), 1);
  bench.step();
  bench.add(2, id_range(0, 50), 1);
  EXPECT_EQ(bench.step(), (Parts{{2, 50}}));
  EXPECT_EQ(bench.batcher.counts().prefix_queries, 0);
}

TEST(Batcher, AnAnswerEndsByItselfOrAtItsLimit) {
  BatcherBench bench(vllm_batcher());
  bench.batcher.add({1, 10, 5, 3});
  bench.batcher.add({2, 10, 2, 3});
  bench.step();
  bench.step();
  ASSERT_EQ(bench.tokens.size(), 2U);
  EXPECT_FALSE(bench.tokens[0].finish);
  EXPECT_EQ(bench.tokens[1].finish, TwinFinish::kLength);
  bench.step();
  EXPECT_EQ(bench.tokens.at(0).finish, TwinFinish::kStop);
  EXPECT_EQ(bench.tokens.at(0).index, 2);
}

TEST(Batcher, ACancelledStepGivesNoToken) {
  for (const BatcherOptions& options : {vllm_batcher(), furiosa_batcher()}) {
    BatcherBench bench(options);
    bench.add(1, 20, 5);
    ASSERT_TRUE(bench.batcher.plan());
    EXPECT_TRUE(bench.batcher.cancel(1));
    EXPECT_FALSE(bench.batcher.cancel(1));
    bench.finish();
    EXPECT_TRUE(bench.tokens.empty());
    EXPECT_TRUE(bench.batcher.idle());
    EXPECT_FALSE(bench.batcher.plan());
    EXPECT_EQ(bench.batcher.counts().kv_used, 0);
  }
}

TEST(Batcher, ClearKeepsTheCounters) {
  BatcherBench bench(vllm_batcher());
  bench.add(1, id_range(0, 50), 5);
  bench.step();
  bench.batcher.clear();
  EXPECT_TRUE(bench.batcher.idle());
  EXPECT_EQ(bench.batcher.counts().generated_tokens, 1);
  bench.add(2, id_range(0, 50), 1);
  EXPECT_EQ(bench.step(), (Parts{{2, 50}}));  // its cache is empty
}

// Requests of all sizes with shared beginnings, in little KV, some cancelled at any moment: each of the others gets exactly its tokens, no
// step passes the budget, and at the end nothing is held.
void random_load(const BatcherOptions& options, uint32_t seed) {
  std::mt19937 random(seed);
  BatcherBench bench(options);
  std::map<uint64_t, int64_t> asked;
  uint64_t last = 0;
  for (int step = 0; step < 4000 || !bench.batcher.idle(); ++step) {
    ASSERT_LT(step, 100'000);
    if (step < 4000 && random() % 4 == 0) {
      const auto shared = static_cast<int32_t>(random() % 60);
      std::vector<int32_t> ids = id_range(0, shared + 1);
      for (auto own = random() % 100; own > 0; --own) ids.push_back(static_cast<int32_t>(random() % 1000 + 1000));
      const auto answer = static_cast<int64_t>(random() % 40 + 1);
      const auto prompt = static_cast<int64_t>(ids.size());
      if (random() % 2 == 0) ids.insert(ids.end(), static_cast<size_t>(answer), 7);
      asked[++last] = answer;
      bench.add(last, std::move(ids), answer, prompt);
    }
    if (random() % 16 == 0 && last > 0) {
      const uint64_t id = last - random() % std::min<uint64_t>(last, 10);
      if (random() % 2 == 0) bench.batcher.plan();  // in the middle of a step
      if (bench.batcher.cancel(id)) {
        asked.erase(id);
        bench.got.erase(id);
      }
      bench.finish();
      continue;
    }
    int64_t sum = 0;
    for (const auto& [id, tokens] : bench.step()) sum += tokens;
    ASSERT_LE(sum, options.step_tokens);
    const BatcherCounts counts = bench.batcher.counts();
    ASSERT_LE(counts.kv_used, 1.0);
    ASSERT_LE(counts.running, options.max_running);
  }
  EXPECT_EQ(bench.got, asked);
  EXPECT_GT(bench.batcher.counts().cached_tokens, 0);
  EXPECT_EQ(bench.batcher.counts().running + bench.batcher.counts().waiting, 0);
  if (!options.reserve_whole) {
    EXPECT_EQ(bench.batcher.counts().kv_used, 0);
  }
}

TEST(Vllm, RandomLoadInLittleKv) {
  for (uint32_t seed = 1; seed <= 5; ++seed) random_load(vllm_batcher(400), seed);
}

TEST(Furiosa, RandomLoadInLittleKv) {
  for (uint32_t seed = 1; seed <= 5; ++seed) random_load(furiosa_batcher(400), seed);
}

}  // namespace
}  // namespace ondol
