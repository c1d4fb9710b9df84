#include "twin/kv_tree.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace ondol {
namespace {

using Ids = std::vector<int32_t>;

Ids range(int32_t first, int32_t last) {
  Ids ids(static_cast<size_t>(last - first));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

Ids joined(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(KvTree, FindsTheLongestBeginningToTheToken) {
  KvTree tree(1);
  EXPECT_EQ(tree.match(range(0, 10))->end(), 0);
  tree.extend(tree.root(), range(0, 100));
  EXPECT_EQ(tree.match(range(0, 37))->end(), 37);
  EXPECT_EQ(tree.match(joined(range(0, 20), range(500, 540)))->end(), 20);
  EXPECT_EQ(tree.match(range(0, 300))->end(), 100);
  EXPECT_EQ(tree.match(range(1, 30))->end(), 0);
  EXPECT_EQ(tree.tokens(), 100);
}

TEST(KvTree, FindsWholeBlocks) {
  KvTree tree(16);
  tree.extend(tree.root(), range(0, 96));
  EXPECT_EQ(tree.match(range(0, 95))->end(), 80);
  EXPECT_EQ(tree.match(range(0, 15))->end(), 0);
  EXPECT_EQ(tree.match(joined(range(0, 33), range(500, 540)))->end(), 32);
}

TEST(KvTree, StoresWhatIsSharedOnce) {
  KvTree tree(1);
  KvTree::Node* const a = tree.extend(tree.root(), range(0, 50));
  KvTree::Node* const b = tree.extend(tree.root(), joined(range(0, 40), range(900, 910)));
  EXPECT_EQ(tree.tokens(), 60);
  EXPECT_EQ(a->end(), 50);  // split, but still the node that ends with its tokens
  EXPECT_EQ(b->end(), 50);
  EXPECT_EQ(tree.extend(tree.root(), range(0, 50)), a);
  EXPECT_EQ(tree.extend(a, range(50, 60))->end(), 60);
  EXPECT_EQ(tree.match(range(0, 60))->end(), 60);
}

TEST(KvTree, PinnedTokensStay) {
  KvTree tree(1);
  KvTree::Node* const a = tree.extend(tree.root(), range(0, 50));
  tree.extend(tree.root(), joined(range(0, 40), range(900, 910)));
  tree.pin(a);
  EXPECT_EQ(tree.pinned(), 50);
  tree.evict(1000);
  EXPECT_EQ(tree.tokens(), 50);
  tree.unpin(a);
  EXPECT_EQ(tree.pinned(), 0);
  tree.evict(1000);
  EXPECT_EQ(tree.tokens(), 0);
}

TEST(KvTree, ASplitKeepsThePins) {
  KvTree tree(1);
  KvTree::Node* const a = tree.extend(tree.root(), range(0, 50));
  tree.pin(a);
  tree.match(range(0, 20));
  EXPECT_EQ(tree.pinned(), 50);
  tree.unpin(a);
  EXPECT_EQ(tree.pinned(), 0);
  tree.evict(50);
  EXPECT_EQ(tree.tokens(), 0);
}

TEST(KvTree, EvictsTailsOfTheLeastRecentlyUsedLeaves) {
  KvTree tree(1);
  KvTree::Node* const a = tree.extend(tree.root(), range(0, 50));
  KvTree::Node* const b = tree.extend(tree.root(), range(100, 150));
  tree.pin(b);
  tree.unpin(b);
  tree.pin(a);
  tree.unpin(a);  // b is the older now
  tree.evict(20);
  EXPECT_EQ(tree.match(range(100, 150))->end(), 30);
  EXPECT_EQ(tree.match(range(0, 50))->end(), 50);
  tree.evict(40);
  EXPECT_EQ(tree.match(range(100, 150))->end(), 0);
  EXPECT_EQ(tree.match(range(0, 50))->end(), 40);
}

TEST(KvTree, EvictsWholeBlocks) {
  KvTree tree(16);
  tree.extend(tree.root(), range(0, 64));
  tree.evict(1);
  EXPECT_EQ(tree.tokens(), 48);
}

TEST(KvTree, ALongPathDoesNotNeedADeepStack) {
  KvTree tree(1);
  KvTree::Node* node = tree.root();
  for (int32_t i = 0; i < 200'000; ++i) node = tree.extend(node, std::span(&i, 1));
  EXPECT_EQ(tree.tokens(), 200'000);
}

// Against a plain list of what was added: whatever is found was added, and nothing that is pinned gets lost.
TEST(KvTree, RandomUseKeepsItsCounts) {
  std::mt19937 random(7);
  KvTree tree(1);
  std::vector<std::pair<KvTree::Node*, Ids>> pinned;
  for (int round = 0; round < 3000; ++round) {
    Ids ids(random() % 12 + 1);
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % 3);
    KvTree::Node* const node = tree.extend(tree.root(), ids);
    ASSERT_EQ(node->end(), static_cast<int64_t>(ids.size()));
    tree.pin(node);
    pinned.emplace_back(node, ids);
    if (pinned.size() > 6) {
      const size_t gone = random() % pinned.size();
      tree.unpin(pinned[gone].first);
      pinned.erase(pinned.begin() + static_cast<int64_t>(gone));
    }
    tree.evict(static_cast<int64_t>(random() % 5));
    ASSERT_LE(tree.pinned(), tree.tokens());
    for (const auto& [at, own] : pinned) ASSERT_EQ(tree.match(own), at);
  }
  for (const auto& [at, own] : pinned) tree.unpin(at);
  EXPECT_EQ(tree.pinned(), 0);
  tree.evict(1 << 20);
  EXPECT_EQ(tree.tokens(), 0);
}

}  // namespace
}  // namespace ondol
