#include "app/memory_need.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(Meminfo, TakesTheSmallerOfMachineAndCgroup) {
  constexpr std::string_view kText = "MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:    600 kB\n";
  const auto machine = parse_meminfo(kText, 0, 0);
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->total_bytes, 1000u * 1024);
  EXPECT_EQ(machine->available_bytes, 600u * 1024);
  const auto limited = parse_meminfo(kText, 500 * 1024, 400 * 1024);
  EXPECT_EQ(limited->total_bytes, 500u * 1024);
  EXPECT_EQ(limited->available_bytes, 100u * 1024);
  EXPECT_EQ(parse_meminfo(kText, 500 * 1024, 900 * 1024)->available_bytes, 0u);
  EXPECT_FALSE(parse_meminfo("nonsense", 0, 0));
}

TEST(MemoryNeed, CountsFullLayersPerTokenAndWindowsOnce) {
  ModelSpec spec;
  spec.head_dim = 64;
  spec.kv_heads = 2;
  spec.max_context = 1000;
  spec.layers.resize(3);
  spec.layers[1].window = 128;
  const MemoryNeed need = memory_need(spec, 1'000'000, KvType::kF32);
  EXPECT_EQ(need.kv_token_bytes, 2u * 2 * 2 * 64 * 4) << "two full layers, two heads, K and V, 64 floats";
  EXPECT_EQ(need.kv_window_bytes, (128u + 64) * 2 * 2 * 64 * 4) << "the window and two blocks";
  EXPECT_EQ(need.total_bytes(10), 1'000'000 + need.kv_window_bytes + 10 * need.kv_token_bytes);
}

TEST(MemoryNeed, FindsTheContextThatFits) {
  const MemoryNeed need{.weight_bytes = 1000, .kv_token_bytes = 10, .kv_window_bytes = 0, .max_context = 500};
  EXPECT_EQ(need.fitting_context(900), 0);
  EXPECT_EQ(need.fitting_context(1000), 0);
  EXPECT_EQ(need.fitting_context(2000), 100);
  EXPECT_EQ(need.fitting_context(1'000'000), 500);
}

}  // namespace
}  // namespace ondol
