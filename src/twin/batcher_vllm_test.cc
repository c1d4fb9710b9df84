#include "twin/batcher.h"

#include <gtest/gtest.h>

#include "twin/batcher_test_util.h"

namespace ondol {
namespace {

using Ids = BatcherBench::Ids;
using Parts = BatcherBench::Parts;

TEST(Vllm, DecodesFirstThenPromptsInTheRestOfTheBudget) {
  BatcherBench bench(vllm_batcher());
  bench.add(1, 30, 10);
  EXPECT_EQ(bench.step(), (Parts{{1, 30}}));
  bench.add(2, 250, 10);
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 99}}));
  EXPECT_EQ(bench.batch.decodes, 1);
  EXPECT_EQ(bench.batch.decode_context, 31);
  EXPECT_EQ(bench.batch.longest_context, 31);
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 99}}));
  ASSERT_EQ(bench.parts.size(), 2U);
  EXPECT_EQ(bench.parts[1].context, 99);
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 52}}));
  EXPECT_EQ(bench.got[2], 1);  // the end of its prompt gives the first token
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 1}}));
  EXPECT_EQ(bench.batch.decodes, 2);
}

TEST(Vllm, SeveralPromptsShareAStep) {
  BatcherBench bench(vllm_batcher());
  for (uint64_t id = 1; id <= 3; ++id) bench.add(id, 40, 1);
  EXPECT_EQ(bench.step(), (Parts{{1, 40}, {2, 40}, {3, 20}}));
  EXPECT_EQ(bench.step(), (Parts{{3, 20}}));
  EXPECT_EQ(bench.ended, (Ids{1, 2, 3}));
}

TEST(Vllm, WhoComesDuringAStepJoinsTheNextButOne) {
  BatcherOptions options = vllm_batcher();
  options.plan_ahead = true;
  BatcherBench bench(options);
  bench.add(1, 10, 10);
  EXPECT_EQ(bench.step(), (Parts{{1, 10}}));  // nothing ran: at once
  bench.add(2, 10, 1);
  EXPECT_EQ(bench.step(), (Parts{{1, 1}}));
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 10}}));
}

TEST(Vllm, MaxNumSeqsHoldsTheRestInTheQueue) {
  BatcherOptions options = vllm_batcher();
  options.max_running = 2;
  BatcherBench bench(options);
  for (uint64_t id = 1; id <= 3; ++id) bench.add(id, 10, 2);
  EXPECT_EQ(bench.step(), (Parts{{1, 10}, {2, 10}}));
  EXPECT_EQ(bench.batcher.counts().waiting, 1);
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 1}}));
  EXPECT_EQ(bench.step(), (Parts{{3, 10}}));
}

TEST(Vllm, FirstComeFirstServedEvenIfALaterOneWouldFit) {
  BatcherBench bench(vllm_batcher(160));
  bench.add(1, 90, 40);
  bench.step();
  bench.add(2, 100, 10);  // 96 tokens are held: 64 are left for the 99 that the step could compute of it
  bench.add(3, 10, 10);
  EXPECT_EQ(bench.step(), (Parts{{1, 1}}));
  EXPECT_EQ(bench.batcher.counts().waiting, 2);
}

TEST(Vllm, TheYoungestIsPutBackAndComputedAgain) {
  BatcherBench bench(vllm_batcher(64));
  bench.add(1, 20, 40);
  bench.add(2, 20, 40);
  EXPECT_EQ(bench.step(), (Parts{{1, 20}, {2, 20}}));  // 32 tokens each
  for (int i = 0; i < 12; ++i) bench.step();           // 32 computed each: the KV is full
  EXPECT_EQ(bench.step(), (Parts{{1, 1}}));
  EXPECT_EQ(bench.batcher.counts().preemptions, 1U);
  EXPECT_EQ(bench.batcher.counts().waiting, 1);
  while (bench.ended.empty()) bench.step();
  EXPECT_EQ(bench.ended, (Ids{1}));
  EXPECT_EQ(bench.step(), (Parts{{2, 33}}));  // prompt and the 13 tokens that it had: the next one is its 14th
  EXPECT_EQ(bench.got[2], 14);
  bench.run();
  EXPECT_EQ(bench.got, (Parts{{1, 40}, {2, 40}}));
  EXPECT_EQ(bench.batcher.counts().generated_tokens, 80);
  EXPECT_EQ(bench.batcher.counts().prompt_tokens, 40);  // counted once
  EXPECT_EQ(bench.batcher.counts().kv_used, 0);
}

TEST(Vllm, NobodyIsLetInInAStepThatPutSomeoneBack) {
  BatcherOptions options = vllm_batcher(64);
  options.step_tokens = 10;
  BatcherBench bench(options);
  bench.add(1, 20, 40);
  bench.add(2, 20, 40);
  for (int i = 0; i < 14; ++i) bench.step();  // 32 of the first are computed: it needs a block, and all are taken
  EXPECT_EQ(bench.step(), (Parts{{1, 1}}));   // there would be a block for 9 tokens of the one that was put back
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 9}}));
}

TEST(Vllm, PrefixesAreFoundInBlocksOf16) {
  BatcherBench bench(vllm_batcher());
  bench.add(1, id_range(0, 50), 1);
  bench.step();
  bench.add(2, id_range(0, 60), 1);
  EXPECT_EQ(bench.step(), (Parts{{2, 12}}));  // 48 of the first's 50 are whole blocks
  EXPECT_EQ(bench.cached(2), 48);
  bench.add(3, id_range(0, 48), 1);
  EXPECT_EQ(bench.step(), (Parts{{3, 16}}));  // the last token is always computed, with its block
  const BatcherCounts counts = bench.batcher.counts();
  EXPECT_EQ(counts.cached_tokens, 80);
  EXPECT_EQ(counts.prefix_queries, 158);
  EXPECT_EQ(counts.prompt_tokens, 158);
}

TEST(Vllm, APromptOfTheSameStepIsFound) {
  BatcherBench bench(vllm_batcher());
  bench.add(1, id_range(0, 64), 2);
  bench.add(2, id_range(0, 70), 2);
  EXPECT_EQ(bench.step(), (Parts{{1, 64}, {2, 6}}));
}

TEST(Vllm, TheCacheGivesWayToWhoRuns) {
  BatcherBench bench(vllm_batcher(128));
  bench.add(1, id_range(0, 96), 1);
  bench.step();
  EXPECT_EQ(bench.batcher.counts().kv_used, 0);  // what is only cached counts as free
  bench.add(2, id_range(1000, 1064), 30);
  EXPECT_EQ(bench.step(), (Parts{{2, 64}}));
  bench.run();
  bench.add(3, id_range(0, 96), 1);
  bench.step();
  EXPECT_GT(bench.cached(3), 0);  // its tail went first
  EXPECT_LT(bench.cached(3), 80);
}

}  // namespace
}  // namespace ondol
