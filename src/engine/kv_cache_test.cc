#include "engine/kv_cache.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/synthetic_model_test_util.h"

namespace ondol {
namespace {

std::vector<int32_t> tokens(int count, int seed) {
  std::vector<int32_t> out;
  for (int i = 0; i < count; ++i) out.push_back(i * 3 + seed);
  return out;
}

class KvCacheTest : public testing::Test {
 protected:
  KvCache make(int window, uint64_t blocks) {
    const KvLayout layout = kv_layout(synthetic_spec(window, false), KvType::kF16);
    uint64_t bytes = 0;
    for (const KvGroup& group : layout.groups) bytes += group.block_bytes;
    return KvCache(layout, bytes * blocks, false, true);
  }

  static CachedTokens computed(KvCache& cache, std::vector<int32_t> ids) {
    CachedTokens s;
    s.tokens = std::move(ids);
    cache.enter(s);
    cache.attach(s);
    EXPECT_TRUE(cache.reserve(s, std::ssize(s.tokens)));
    cache.advance(s, s.pending());
    return s;
  }
};

TEST_F(KvCacheTest, SharesFullBlocksButNeverTheLastToken) {
  KvCache cache = make(0, 100);
  CachedTokens a = computed(cache, tokens(96, 1));
  CachedTokens b;
  b.tokens = tokens(96, 1);
  cache.enter(b);
  EXPECT_EQ(cache.attach(b), 64);
  EXPECT_EQ(b.blocks[0][0], a.blocks[0][0]);
  CachedTokens c;
  c.tokens = tokens(97, 1);
  cache.enter(c);
  EXPECT_EQ(cache.attach(c), 96);
  for (CachedTokens* s : {&a, &b, &c}) cache.release(*s);
}

TEST_F(KvCacheTest, AHitBehindAWindowNeedsTheWindowsBlocks) {
  KvCache cache = make(40, 100);
  CachedTokens a = computed(cache, tokens(320, 1));
  EXPECT_EQ(a.blocks[1][0], PrefixTree::kNoBlock);  // passed
  EXPECT_NE(a.blocks[0][0], PrefixTree::kNoBlock);
  CachedTokens b;
  b.tokens = tokens(321, 1);
  cache.enter(b);
  EXPECT_EQ(cache.attach(b), 320);
  EXPECT_EQ(b.blocks[1][5], PrefixTree::kNoBlock);  // not taken: no later token sees it
  EXPECT_NE(b.blocks[1][9], PrefixTree::kNoBlock);
  for (CachedTokens* s : {&a, &b}) cache.release(*s);
}

TEST_F(KvCacheTest, EvictsLeastRecentlyUsedAndNeverWhatIsHeld) {
  KvCache cache = make(0, 6);
  CachedTokens a = computed(cache, tokens(64, 1));
  cache.release(a);
  CachedTokens b = computed(cache, tokens(64, 5000));
  cache.release(b);
  CachedTokens again = computed(cache, tokens(64, 1));  // refreshes the first
  CachedTokens big;
  big.tokens = tokens(128, 9000);
  cache.enter(big);
  EXPECT_TRUE(cache.reserve(big, 128));   // takes the place of b
  EXPECT_FALSE(cache.reserve(big, 160));  // what is left is held
  CachedTokens check;
  check.tokens = tokens(65, 1);
  cache.enter(check);
  EXPECT_EQ(cache.attach(check), 64);
  for (CachedTokens* s : {&again, &big, &check}) cache.release(*s);
}

// Random sequences come, grow, share and go in a small cache; at the end nothing may be lost or held.
TEST_F(KvCacheTest, NoBlockIsLostOrSharedWrongly) {
  for (const int window : {0, 12, 40, 200}) {
    KvCache cache = make(window, 24);
    std::mt19937 random(7);
    std::vector<CachedTokens> live;
    for (int round = 0; round < 3000; ++round) {
      if (live.size() < 4 && random() % 3 == 0) {
        CachedTokens s;
        s.tokens = tokens(1 + static_cast<int>(random() % 150), static_cast<int>(random() % 3));
        cache.enter(s);
        cache.attach(s);
        live.push_back(std::move(s));
      } else if (!live.empty()) {
        CachedTokens& s = live[random() % live.size()];
        if (random() % 5 == 0 || s.pending() == 0) {
          cache.release(s);
          live.erase(live.begin() + (&s - live.data()));
          continue;
        }
        const int64_t count = 1 + static_cast<int64_t>(random()) % s.pending();
        if (!cache.reserve(s, s.computed + count)) {
          cache.release(s);
          live.erase(live.begin() + (&s - live.data()));
          continue;
        }
        cache.advance(s, count);
        for (size_t g = 0; g < s.blocks.size(); ++g) {
          const int w = cache.pool().layout().groups[g].window;
          const int64_t first = w == 0 ? 0 : std::max<int64_t>(0, s.computed - w + 1) / kKvBlock;
          for (int64_t b = first; b < (s.computed + kKvBlock - 1) / kKvBlock; ++b)
            ASSERT_GE(s.blocks[g][static_cast<size_t>(b)], 0) << "a block that the next token sees is gone";
        }
      }
    }
    for (CachedTokens& s : live) cache.release(s);
    CachedTokens all;  // takes everything: whatever leaked would be missing
    all.tokens = tokens(24 * kKvBlock, 999);
    cache.enter(all);
    const bool fits = cache.reserve(all, 24 * kKvBlock);
    EXPECT_TRUE(fits || window > 0);
    cache.release(all);
    EXPECT_LE(cache.pool().used_bytes(), cache.pool().budget_bytes());
  }
}

}  // namespace
}  // namespace ondol
