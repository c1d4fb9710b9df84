// The two inner products of attention as register tiles: scores = q * keys and output += p * values.
//
// A tile is up to TileShape<V>::kRows query vectors. One score is one chain of fused multiply-adds over head_dim in ascending order, one
// output element one chain over the tokens that its query sees, in order of position: whatever the tile's shape, the same bits. V is the
// vector type (simd_*.h), E the stored element. Only for attention_simd.h. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/attention_layout.h"
#include "kernel/unroll.h"

namespace ondol {

// What one tile sees of one span; token numbers count from the span's first.
struct TileSpan {
  int begin = 0;  // tokens that some row sees
  int end = 0;
  int common_begin = 0;  // tokens that every row sees; both are `end` if there are none
  int common_end = 0;
  int row_begin[kMaxTileRows] = {};
  int row_end[kMaxTileRows] = {};
  int64_t value_ahead[kSpanBlocks] = {};  // for each block, see prefetch()
};

template <class V>
struct TileShape {
  // Two vectors of each stream per row, the accumulators leaving room for the operands: 12 x 2 of 32 registers, 6 x 2 of 16.
  static constexpr int kRows = V::kRegisters >= 32 ? 12 : 6;
  // Vectors of values for a tile of `rows` rows: few rows need more of them to hide the latency of the multiply-add.
  static constexpr int value_vectors(int rows) {
    if (rows == 1) return 8;
    const int most = V::kRegisters >= 32 ? 24 : 12;
    return most / rows >= 8 ? 8 : most / rows >= 4 ? 4 : 2;
  }
};

// Decode reads every byte of the cache once, from memory, and the processor's own prefetcher stops at the end of every page: asking for
// the bytes ourselves doubles the speed. Into the second-level cache (level 2 of __builtin_prefetch): the first is full of the tile's own
// data, measured at 10 against 17 GB/s.
inline constexpr int kPrefetchLevel = 2;
// How far ahead, in units of one block's keys or values. Two are 16 KiB with head_dim 128 and f16: what memory of 30 GB/s delivers in
// 0.5 us, a loaded latency. Four and eight were not faster.
inline constexpr int kAhead = 2;

// Asks for the cache lines `ahead` bytes after the NV vectors at `at`; with 0 for those that are being read, which costs nothing.
template <class V, class E, int NV>
ONDOL_INLINE inline void prefetch(const E* at, int64_t ahead) {
  constexpr int kLine = 64;
  constexpr int kLines = (NV * V::kLanes * static_cast<int>(sizeof(E)) + kLine - 1) / kLine;
  const uintptr_t address = reinterpret_cast<uintptr_t>(at) + static_cast<uintptr_t>(ahead);
  unroll<kLines>([&](auto j) ONDOL_INLINE { __builtin_prefetch(reinterpret_cast<const void*>(address + j * kLine), 0, kPrefetchLevel); });
}

// score[i * kSpan + t] for R rows and the kKvBlock tokens of one block, not yet scaled. q is packed [head_dim][R].
template <class V, class E, int R>
void score_tile(const float* q, const E* keys, int head_dim, int64_t ahead, float* score) {
  constexpr int kVectors = 2;
  for (int column = 0; column < kKvBlock; column += kVectors * V::kLanes) {
    typename V::F sum[R][kVectors];
    unroll<R>([&](auto i) ONDOL_INLINE { unroll<kVectors>([&](auto j) ONDOL_INLINE { sum[i][j] = V::zero(); }); });
    const E* key = keys + column;
    const float* query = q;
    for (int d = 0; d < head_dim; ++d, key += kKvBlock, query += R) {
      typename V::F k[kVectors];
      unroll<kVectors>([&](auto j) ONDOL_INLINE { k[j] = V::load(key + j * V::kLanes); });
      prefetch<V, E, kVectors>(key, ahead);
      unroll<R>([&](auto i) ONDOL_INLINE {
        const auto x = V::set1(query[i]);
        unroll<kVectors>([&](auto j) ONDOL_INLINE { sum[i][j] = V::fma(x, k[j], sum[i][j]); });
      });
    }
    unroll<R>([&](auto i) ONDOL_INLINE {
      unroll<kVectors>([&](auto j) ONDOL_INLINE { V::store(score + i * kSpan + column + j * V::kLanes, sum[i][j]); });
    });
  }
}

// out[i * out_stride + ..] = out * keep[i] + sum over the row's tokens of p[i * kSpan + t] * values[t], for NV vectors of head_dim.
// values[b] points at the block's values, already moved to the first of these head_dim elements.
template <class V, class E, int R, int NV>
void value_tile(const TileSpan& span, const float* p, const float* keep, const E* const* values, int64_t value_offset, int64_t value_stride,
                float* out, int64_t out_stride) {
  typename V::F sum[R][NV];
  unroll<R>([&](auto i) ONDOL_INLINE {
    const auto factor = V::set1(keep[i]);
    unroll<NV>([&](auto j) ONDOL_INLINE { sum[i][j] = V::mul(V::load(out + i * out_stride + j * V::kLanes), factor); });
  });
  // A token that some rows of the tile do not see: they must not touch it, its value may be NaN.
  const auto edge = [&](const E* value, int t) ONDOL_INLINE {
    unroll<R>([&](auto i) ONDOL_INLINE {
      if (t < span.row_begin[i] || t >= span.row_end[i]) return;
      const auto x = V::set1(p[i * kSpan + t]);
      unroll<NV>([&](auto j) ONDOL_INLINE { sum[i][j] = V::fma(x, V::load(value + j * V::kLanes), sum[i][j]); });
    });
  };
  for (int t = span.begin; t < span.end;) {
    const int block = t / kKvBlock;
    const int block_end = (block + 1) * kKvBlock;
    const int end = block_end < span.end ? block_end : span.end;
    const int common_begin = span.common_begin < end ? span.common_begin : end;
    const int common_end = span.common_end < end ? span.common_end : end;
    const int64_t ahead = span.value_ahead[block];
    const E* value = values[block] + value_offset + (t - block * kKvBlock) * value_stride;
    for (; t < common_begin; ++t, value += value_stride) edge(value, t);
    for (; t < common_end; ++t, value += value_stride) {
      typename V::F v[NV];
      unroll<NV>([&](auto j) ONDOL_INLINE { v[j] = V::load(value + j * V::kLanes); });
      prefetch<V, E, NV>(value, ahead);
      unroll<R>([&](auto i) ONDOL_INLINE {
        const auto x = V::set1(p[i * kSpan + t]);
        unroll<NV>([&](auto j) ONDOL_INLINE { sum[i][j] = V::fma(x, v[j], sum[i][j]); });
      });
    }
    for (; t < end; ++t, value += value_stride) edge(value, t);
  }
  unroll<R>([&](auto i)
                ONDOL_INLINE { unroll<NV>([&](auto j) ONDOL_INLINE { V::store(out + i * out_stride + j * V::kLanes, sum[i][j]); }); });
}

// The whole width of head_dim, in value_vectors() at a time, then two, then one.
template <class V, class E, int R>
void value_tiles(const TileSpan& span, const float* p, const float* keep, const E* const* values, int64_t value_stride, int vectors,
                 float* out, int64_t out_stride) {
  constexpr int kWide = TileShape<V>::value_vectors(R);
  int j = 0;
  for (; j + kWide <= vectors; j += kWide) {
    const int64_t at = static_cast<int64_t>(j) * V::kLanes;
    value_tile<V, E, R, kWide>(span, p, keep, values, at, value_stride, out + at, out_stride);
  }
  if constexpr (kWide > 2) {
    for (; j + 2 <= vectors; j += 2) {
      const int64_t at = static_cast<int64_t>(j) * V::kLanes;
      value_tile<V, E, R, 2>(span, p, keep, values, at, value_stride, out + at, out_stride);
    }
  }
  for (; j < vectors; ++j) {
    const int64_t at = static_cast<int64_t>(j) * V::kLanes;
    value_tile<V, E, R, 1>(span, p, keep, values, at, value_stride, out + at, out_stride);
  }
}

}  // namespace ondol
