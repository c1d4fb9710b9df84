// Attention for one vector type V (simd_*.h): included by attention_avx2.cc and attention_avx512.cc only.
//
// Flash attention (Dao et al. 2022) on the CPU: groups of kQueryGroup query vectors go through the cache span by span, each tile of a
// group keeping its running maximum and sum (Milakov and Gimelshein 2018). Any thread; all state is in the caller's scratch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/attention_layout.h"
#include "kernel/attention_tiles.h"

namespace ondol {

template <KvType kType>
struct ElementOf {
  using Type = uint16_t;
};
template <>
struct ElementOf<KvType::kF32> {
  using Type = float;
};
template <>
struct ElementOf<KvType::kQ8> {
  using Type = int8_t;
};

template <class V, KvType kType>
class Attention {
 public:
  explicit Attention(const AttentionTask& task) : task_(task), layout_(kv_layout(kType, task.head_dim)) {
    const auto misaligned = reinterpret_cast<uintptr_t>(task.scratch) % 64;
    float* scratch = task.scratch + (64 - misaligned) % 64 / sizeof(float);
    out_ = scratch;
    q_ = out_ + kQueryGroup * layout_.value_stride;
    score_ = q_ + kQueryGroup * layout_.value_stride;
    max_ = score_ + kMaxTileRows * kSpan;
    sum_ = max_ + kQueryGroup;
  }

  void run() {
    const int total = task_.rows * task_.group;
    for (int first = 0; first < total; first += kQueryGroup) {
      run_group(first, total - first < kQueryGroup ? total - first : kQueryGroup);
    }
  }

 private:
  using E = typename ElementOf<kType>::Type;
  using F = typename V::F;
  static constexpr int kRows = TileShape<V>::kRows;
  static constexpr int kFewRows = 6;
  static constexpr bool kScaled = kType == KvType::kQ8;
  static constexpr float kInfinity = __builtin_inff();

  // Sizes of the tiles: whole ones, then what is left in one or two.
  static int tile_rows(int left) { return left >= kRows ? kRows : left < kFewRows ? left : kFewRows; }

  int64_t seen_end(int query) const { return task_.first_position + query / task_.group + 1; }
  int64_t seen_begin(int query) const {
    const int64_t begin = seen_end(query) - task_.window;
    return task_.window > 0 && begin > 0 ? begin : 0;
  }
  int64_t offset(int query) const {
    return query / task_.group * task_.stride + static_cast<int64_t>(query % task_.group) * task_.head_dim;
  }

  void run_group(int first, int count) {
    pack_queries(first, count);
    for (int i = 0; i < count; ++i) {
      max_[i] = -kInfinity;
      sum_[i] = 0;
    }
    const int64_t floats = count * layout_.value_stride;
    for (int64_t i = 0; i < floats; i += V::kLanes) V::store(out_ + i, V::zero());
    const int64_t first_block = seen_begin(first) / kKvBlock;
    const int64_t last_block = (seen_end(first + count - 1) - 1) / kKvBlock;
    Units here = units_of(first_block / kSpanBlocks, first_block, last_block);
    prefetch_first(here);
    for (int64_t span = first_block / kSpanBlocks; span <= last_block / kSpanBlocks; ++span) {
      const Units next = units_of(span + 1, first_block, last_block);
      for (int i = 0; i < count;) {
        const int rows = tile_rows(count - i);
        run_tile(span, first + i, i, rows, here, next);
        i += rows;
      }
      here = next;
    }
    for (int i = 0; i < count; ++i) finish(first + i, i);
  }

  // Tile by tile [head_dim][rows of the tile].
  void pack_queries(int first, int count) {
    for (int i = 0; i < count;) {
      const int rows = tile_rows(count - i);
      float* packed = q_ + static_cast<int64_t>(i) * task_.head_dim;
      for (int r = 0; r < rows; ++r) {
        const float* q = task_.q + offset(first + i + r);
        for (int d = 0; d < task_.head_dim; ++d) packed[d * rows + r] = q[d];
      }
      i += rows;
    }
  }

  // What rows [query, query + rows) see of the span that starts at token `base`; false if nothing.
  bool visible(int64_t base, int query, int rows, TileSpan& span) const {
    const auto inside = [base](int64_t position) {
      const int64_t t = position - base;
      return static_cast<int>(t < 0 ? 0 : t > kSpan ? kSpan : t);
    };
    for (int i = 0; i < rows; ++i) {
      span.row_begin[i] = inside(seen_begin(query + i));
      span.row_end[i] = inside(seen_end(query + i));
    }
    // Both ends only grow with the position.
    span.begin = span.row_begin[0];
    span.end = span.row_end[rows - 1];
    span.common_begin = span.row_begin[rows - 1];
    span.common_end = span.row_end[0];
    if (span.common_begin >= span.common_end) span.common_begin = span.common_end = span.end;
    return span.begin < span.end;
  }

  // A tile goes through the keys of a span's blocks, then their values: the units of prefetching. While at one unit it asks for the one
  // kAhead further on, in this span or the next.
  struct Units {
    int64_t first_block = 0;
    int count = 0;  // blocks
  };
  Units units_of(int64_t span_index, int64_t first_block, int64_t last_block) const {
    const int64_t base = span_index * kSpanBlocks;
    const int64_t first = first_block > base ? first_block : base;
    const int64_t end = last_block + 1 < base + kSpanBlocks ? last_block + 1 : base + kSpanBlocks;
    return {first, end > first ? static_cast<int>(end - first) : 0};
  }
  uintptr_t unit_address(const Units& units, int unit) const {
    const bool values = unit >= units.count;
    const std::byte* piece = task_.blocks[units.first_block + (values ? unit - units.count : unit)];
    return reinterpret_cast<uintptr_t>(piece + (values ? layout_.values : 0));
  }

  // Those of the first span that no tile asks for in time.
  void prefetch_first(const Units& units) const {
    const size_t bytes = static_cast<size_t>(task_.head_dim) * kKvBlock * sizeof(E);
    for (int unit = 0; unit < 2 * units.count && unit < kAhead; ++unit) {
      const uintptr_t start = unit_address(units, unit);
      for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(reinterpret_cast<const void*>(start + at), 0, kPrefetchLevel);
    }
  }

  // The distances in bytes; blocks count from the start of the span.
  void plan_prefetch(int64_t span_index, const Units& here, const Units& next, TileSpan& span, int64_t* key_ahead) const {
    const int first = static_cast<int>(here.first_block - span_index * kSpanBlocks);
    for (int unit = 0; unit < 2 * here.count; ++unit) {
      const int target = unit + kAhead;
      const int beyond = target - 2 * here.count;
      if (beyond >= 2 * next.count) continue;
      const uintptr_t address = beyond < 0 ? unit_address(here, target) : unit_address(next, beyond);
      const auto distance = static_cast<int64_t>(address - unit_address(here, unit));
      (unit < here.count ? key_ahead[first + unit] : span.value_ahead[first + unit - here.count]) = distance;
    }
  }

  // `query` counts in the task, `slot` in the group. The first tile of a group fetches for all.
  void run_tile(int64_t span_index, int query, int slot, int rows, const Units& here, const Units& next) {
    TileSpan span;
    if (!visible(span_index * kSpan, query, rows, span)) return;
    int64_t key_ahead[kSpanBlocks] = {};
    if (slot == 0) plan_prefetch(span_index, here, next, span, key_ahead);
    const float* q = q_ + static_cast<int64_t>(slot) * task_.head_dim;
    const E* values[kSpanBlocks] = {};
    const float* key_scales[kSpanBlocks] = {};
    const float* value_scales[kSpanBlocks] = {};
    for (int b = span.begin / kKvBlock; b * kKvBlock < span.end; ++b) {
      const std::byte* piece = task_.blocks[span_index * kSpanBlocks + b];
      values[b] = reinterpret_cast<const E*>(piece + layout_.values);
      key_scales[b] = reinterpret_cast<const float*>(piece + layout_.key_scales);
      value_scales[b] = reinterpret_cast<const float*>(piece + layout_.value_scales);
      kScoreTile[rows](q, reinterpret_cast<const E*>(piece), task_.head_dim, key_ahead[b], score_ + b * kKvBlock);
    }
    float keep[kMaxTileRows];
    for (int i = 0; i < rows; ++i) {
      keep[i] = soften(score_ + i * kSpan, span.row_begin[i], span.row_end[i], key_scales, value_scales, slot + i);
    }
    kValueTiles[rows](span, score_, keep, values, layout_.value_stride, static_cast<int>(layout_.value_stride / V::kLanes),
                      out_ + slot * layout_.value_stride, layout_.value_stride);
  }

  // Turns the scores of tokens [begin, end) into probabilities relative to the row's running maximum, times the values' scales.
  // Returns the factor for what was summed before. Slots outside may hold anything and are not looked at, except to be replaced.
  float soften(float* score, int begin, int end, const float* const* key_scales, const float* const* value_scales, int slot) {
    if (begin >= end) return 1;
    const int from = begin / V::kLanes * V::kLanes;
    const F scale = V::set1(task_.scale);
    F largest = V::set1(-kInfinity);
    for (int t = from; t < end; t += V::kLanes) {
      F s = V::mul(V::load(score + t), scale);
      if constexpr (kScaled) s = V::mul(s, V::load(key_scales[t / kKvBlock] + t % kKvBlock));
      if (t < begin || t + V::kLanes > end) s = V::keep_range(s, t, begin, end);
      V::store(score + t, s);
      largest = V::max(largest, s);
    }
    const float before = max_[slot];
    const float here = V::largest(largest);
    const float now = here > before ? here : before;
    const F base = V::set1(now == -kInfinity ? 0 : now);
    F sum = V::zero();
    for (int t = from; t < end; t += V::kLanes) {
      F p = V::exp(V::sub(V::load(score + t), base));
      sum = V::add(sum, p);
      if constexpr (kScaled) p = V::mul(p, V::load(value_scales[t / kKvBlock] + t % kKvBlock));
      V::store(score + t, p);
    }
    const F keep = V::exp(V::sub(V::set1(before), base));
    sum_[slot] = V::first_lane(V::fma(V::set1(sum_[slot]), keep, V::set1(V::sum(sum))));
    max_[slot] = now;
    return V::first_lane(keep);
  }

  void finish(int query, int slot) {
    const float inverse = sum_[slot] == 0 ? 0 : 1 / sum_[slot];
    const float* from = out_ + slot * layout_.value_stride;
    float* out = task_.out + offset(query);
    for (int d = 0; d < task_.head_dim; d += V::kLanes) {
      const int left = task_.head_dim - d;
      V::store_first(out + d, left < V::kLanes ? left : V::kLanes, V::mul(V::load(from + d), V::set1(inverse)));
    }
  }

  using ScoreTile = void (*)(const float*, const E*, int, int64_t, float*);
  using ValueTiles = void (*)(const TileSpan&, const float*, const float*, const E* const*, int64_t, int, float*, int64_t);
  static constexpr ScoreTile kScoreTile[kMaxTileRows + 1] = {nullptr,
                                                             score_tile<V, E, 1>,
                                                             score_tile<V, E, 2>,
                                                             score_tile<V, E, 3>,
                                                             score_tile<V, E, 4>,
                                                             score_tile<V, E, 5>,
                                                             score_tile<V, E, 6>,
                                                             nullptr,
                                                             nullptr,
                                                             nullptr,
                                                             nullptr,
                                                             nullptr,
                                                             score_tile<V, E, kRows>};
  static constexpr ValueTiles kValueTiles[kMaxTileRows + 1] = {nullptr,
                                                               value_tiles<V, E, 1>,
                                                               value_tiles<V, E, 2>,
                                                               value_tiles<V, E, 3>,
                                                               value_tiles<V, E, 4>,
                                                               value_tiles<V, E, 5>,
                                                               value_tiles<V, E, 6>,
                                                               nullptr,
                                                               nullptr,
                                                               nullptr,
                                                               nullptr,
                                                               nullptr,
                                                               value_tiles<V, E, kRows>};

  const AttentionTask& task_;
  const KvLayout layout_;
  float* out_;    // [kQueryGroup][value_stride], not yet divided by the sum
  float* q_;      // packed queries
  float* score_;  // [kMaxTileRows][kSpan]
  float* max_;    // [kQueryGroup]
  float* sum_;
};

template <class V>
void simd_attend(KvType type, const AttentionTask& task) {
  switch (type) {
    case KvType::kF32: return Attention<V, KvType::kF32>(task).run();
    case KvType::kF16: return Attention<V, KvType::kF16>(task).run();
    case KvType::kQ8: return Attention<V, KvType::kQ8>(task).run();
  }
}

}  // namespace ondol
