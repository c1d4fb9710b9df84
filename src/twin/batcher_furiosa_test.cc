#include "twin/batcher.h"

#include <gtest/gtest.h>

#include "twin/batcher_test_util.h"

namespace ondol {
namespace {

using Ids = BatcherBench::Ids;
using Parts = BatcherBench::Parts;

TEST(Furiosa, PromptsAreComputedAloneAndFirst) {
  BatcherBench bench(furiosa_batcher());
  bench.add(1, 100, 5);
  EXPECT_EQ(bench.step(), (Parts{{1, 100}}));
  bench.add(2, 100, 5);
  bench.add(3, 100, 5);
  EXPECT_EQ(bench.step(), (Parts{{2, 100}}));
  EXPECT_EQ(bench.batch.prefills.size(), 1U);
  EXPECT_EQ(bench.batch.decodes, 0);
  EXPECT_EQ(bench.step(), (Parts{{3, 100}}));
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 1}, {3, 1}}));
  EXPECT_EQ(bench.batch.decodes, 3);
  EXPECT_EQ(bench.batch.decode_context, 303);
}

TEST(Furiosa, PromptsComeInChunksOf1024) {
  BatcherBench bench(furiosa_batcher());
  bench.add(1, 2500, 1);
  EXPECT_EQ(bench.step(), (Parts{{1, 1024}}));
  EXPECT_EQ(bench.step(), (Parts{{1, 1024}}));
  EXPECT_EQ(bench.step(), (Parts{{1, 452}}));
  EXPECT_EQ(bench.ended, (Ids{1}));
}

TEST(Furiosa, MaxConcurrencyCapsADecode) {
  BatcherOptions options = furiosa_batcher();
  options.max_running = 2;
  BatcherBench bench(options);
  for (uint64_t id = 1; id <= 3; ++id) bench.add(id, 10, 3);
  bench.step();
  bench.step();
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 1}}));
  EXPECT_EQ(bench.step(), (Parts{{1, 1}, {2, 1}}));
  EXPECT_EQ(bench.step(), (Parts{{3, 10}}));
}

TEST(Furiosa, ARequestWaitsUntilItsWholeLengthFits) {
  BatcherBench bench(furiosa_batcher(100));
  bench.add(1, 40, 20);
  bench.add(2, 30, 20);
  bench.step();
  for (int i = 0; i < 19; ++i) EXPECT_EQ(bench.step(), (Parts{{1, 1}}));
  EXPECT_EQ(bench.step(), (Parts{{2, 30}}));
  bench.run();
  EXPECT_EQ(bench.batcher.counts().preemptions, 0U);
}

TEST(Furiosa, PrefixesAreFoundToTheToken) {
  BatcherBench bench(furiosa_batcher());
  bench.add(1, id_range(0, 50), 1);
  bench.step();
  bench.add(2, id_range(0, 60), 1);
  EXPECT_EQ(bench.step(), (Parts{{2, 10}}));
  bench.add(3, id_range(0, 60), 1);
  EXPECT_EQ(bench.step(), (Parts{{3, 1}}));
  EXPECT_EQ(bench.cached(3), 59);
}

TEST(Furiosa, TheCacheCountsAsUsed) {
  BatcherBench bench(furiosa_batcher(1000));
  bench.add(1, id_range(0, 500), 1);
  bench.step();
  EXPECT_DOUBLE_EQ(bench.batcher.counts().kv_used, 0.5);
}

}  // namespace
}  // namespace ondol
