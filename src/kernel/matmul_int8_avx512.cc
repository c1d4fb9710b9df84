// Quantised weights by int8 activations with vpdpbusd: a tile is up to 6 rows of activations by the 32 features of a
// panel: 6 rows x 2 vectors x (int32 + float) = 24 of the 32 registers.
#include "kernel/matmul_avx512.h"

namespace ondol {
namespace {

// Rows from which on a group asks for the weights of a later one. The arithmetic of many rows keeps the hardware's prefetch from running
// ahead (4-bit weights with a minimum, 4 rows: 190 GOPS without, 290 with), but a core has 24 misses of its own in flight, 24 x 64 bytes
// in 100 ns or 15 GB/s: where a tile needs more than that, the hardware does better alone. Measured on Zen 4, from memory.
constexpr int prefetched_rows(const QuantLayout& layout) {
  if (layout.code_bits == 4) return layout.has_min ? 2 : 4;
  return layout.code_bits == 5 ? 6 : kMatmulTileRows + 1;
}
constexpr int kPrefetchBytes = 4096;  // 7 groups of 4 bits: 250 ns at 6 rows

int word_at(const int8_t* at) {
  int word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

__m512 halves_at(const uint8_t* at) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))); }
__m128i bytes_at(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

// a | (v >> count & bits), for bytes: the shift of 16-bit lanes moves strangers in, which `bits` masks off.
inline __attribute__((always_inline)) __m512i or_bits(__m512i a, __m512i v, unsigned count, char bits) {
  constexpr int kOrOfAnd = 0xF8;  // a | (b & c)
  return _mm512_ternarylogic_epi32(a, _mm512_srli_epi16(v, count), _mm512_set1_epi8(bits), kOrOfAnd);
}
inline __attribute__((always_inline)) __m512i take_bits(__m512i v, unsigned count, char bits) {
  return _mm512_and_si512(_mm512_srli_epi16(v, count), _mm512_set1_epi8(bits));
}

// Codes of quad `quad` for features side * 16 .. side * 16 + 15.
template <QuantLayout kL>
inline __attribute__((always_inline)) __m512i codes(const uint8_t* group, int quad, int side) {
  const auto vector = [group, side](int i) { return _mm512_loadu_si512(group + kL.vector_offset(i) + side * 64); };
  if constexpr (kL.code_bits == 8) {
    return vector(quad);
  } else if constexpr (kL.code_bits == 4) {
    const __m512i pair = vector(quad / 2);
    return quad % 2 == 0 ? _mm512_and_si512(pair, _mm512_set1_epi8(15)) : take_bits(pair, 4, 15);
  } else if constexpr (kL.code_bits == 5) {
    if (quad < 5) return _mm512_and_si512(vector(quad), _mm512_set1_epi8(31));
    if (quad < 7) return or_bits(take_bits(vector(quad * 2 - 10), 5, 7), vector(quad * 2 - 9), 2, 24);
    return or_bits(or_bits(take_bits(vector(4), 5, 7), vector(1), 4, 8), vector(3), 3, 16);
  } else {
    const int first = quad / 4 * 3;
    if (quad % 4 < 3) return _mm512_and_si512(vector(first + quad % 4), _mm512_set1_epi8(63));
    return or_bits(or_bits(take_bits(vector(first), 2, 48), vector(first + 1), 4, 12), vector(first + 2), 6, 3);
  }
}

// The f16 numbers of a 256-block's header, once for its eight groups.
struct Header {
  __m512 d[2];
  __m512 d_min[2];
};

template <QuantLayout kL>
inline __attribute__((always_inline)) Header read_header(const uint8_t* at) {
  Header h = {};
  for (int side = 0; side < 2; ++side) {
    if constexpr (kL.blocks_of_256) h.d[side] = halves_at(at + side * 32);
    if constexpr (kL.blocks_of_256 && kL.has_min) h.d_min[side] = halves_at(at + 64 + side * 32);
  }
  return h;
}

template <QuantLayout kL>
inline __attribute__((always_inline)) __m512 scale(const Header& header, const uint8_t* group, int half, int side) {
  const uint8_t* at = group + kL.scale_offset();
  if constexpr (!kL.blocks_of_256) return halves_at(at + side * 32);
  const __m128i bytes = bytes_at(at + half * 32 + side * 16);
  const __m512i wide = kL.has_min ? _mm512_cvtepu8_epi32(bytes) : _mm512_cvtepi8_epi32(bytes);
  return _mm512_mul_ps(_mm512_cvtepi32_ps(wide), header.d[side]);
}

template <QuantLayout kL>
inline __attribute__((always_inline)) __m512 minimum(const Header& header, const uint8_t* group, int side) {
  const uint8_t* at = group + kL.scale_offset();
  if constexpr (!kL.blocks_of_256) return halves_at(at + 64 + side * 32);
  const __m512i wide = _mm512_cvtepu8_epi32(bytes_at(at + 32 + side * 16));
  return _mm512_mul_ps(_mm512_cvtepi32_ps(wide), header.d_min[side]);
}

// The group of the tile's row `row`, given that of row 0.
inline __attribute__((always_inline)) const ActGroup& in_row(const TileArgs& t, const std::byte* first, int row) {
  return *reinterpret_cast<const ActGroup*>(first + row * t.stride);
}

// The accumulators' start: -zero * sum of the activations of this half group.
template <QuantLayout kL>
inline __attribute__((always_inline)) __m512i start(const ActGroup& x, int half) {
  if constexpr (kL.zero_shift == 0) return _mm512_setzero_si512();
  const int32_t sum = kL.halves == 1 ? x.sum : half == 0 ? x.first_half : x.sum - x.first_half;
  return _mm512_slli_epi32(_mm512_set1_epi32(sum), static_cast<unsigned>(kL.zero_shift));
}

// One group of 32 inputs. The order of the operations on an element is the same for all kRows: results do not depend on the tiling.
template <QuantLayout kL, int kRows>
inline __attribute__((always_inline)) void add_group(const TileArgs& t, const Header& header, const uint8_t* group, const std::byte* x,
                                                     __m512 (&sum)[kRows][2]) {
  constexpr int kQuads = 8 / kL.halves;
  if constexpr (kRows >= prefetched_rows(kL)) {
    for (int at = 0; at < kL.group_bytes(); at += 64) _mm_prefetch(reinterpret_cast<const char*>(group) + kPrefetchBytes + at, _MM_HINT_T0);
  }
#pragma GCC unroll 2
  for (int half = 0; half < kL.halves; ++half) {
    __m512i dot[kRows][2];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) dot[r][0] = dot[r][1] = start<kL>(in_row(t, x, r), half);
#pragma GCC unroll 8
    for (int q = half * kQuads; q < (half + 1) * kQuads; ++q) {
      // Hides that `group` is the same: the compiler would keep vectors that later quads use too, and spill.
      if constexpr (kL.code_bits == 5 || kL.code_bits == 6) __asm__("" : "+r"(group));
      const __m512i w0 = codes<kL>(group, q, 0);
      const __m512i w1 = codes<kL>(group, q, 1);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const __m512i a = _mm512_set1_epi32(word_at(in_row(t, x, r).values + q * 4));
        dot[r][0] = _mm512_dpbusd_epi32(dot[r][0], w0, a);
        dot[r][1] = _mm512_dpbusd_epi32(dot[r][1], w1, a);
      }
    }
    const __m512 s0 = scale<kL>(header, group, half, 0);
    const __m512 s1 = scale<kL>(header, group, half, 1);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const __m512 a = _mm512_set1_ps(in_row(t, x, r).scale);
      sum[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[r][0]), _mm512_mul_ps(s0, a), sum[r][0]);
      sum[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[r][1]), _mm512_mul_ps(s1, a), sum[r][1]);
    }
  }
  if constexpr (kL.has_min) {
    const __m512 m0 = minimum<kL>(header, group, 0);
    const __m512 m1 = minimum<kL>(header, group, 1);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const __m512 a = _mm512_set1_ps(in_row(t, x, r).offset);
      sum[r][0] = _mm512_fnmadd_ps(m0, a, sum[r][0]);
      sum[r][1] = _mm512_fnmadd_ps(m1, a, sum[r][1]);
    }
  }
}

template <QuantLayout kL, int kRows>
void tile(const TileArgs& args) {
  const TileArgs t = args;
  __m512 sum[kRows][2];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  prefetch_out<kRows>(t);
  const uint8_t* at = t.panel;
  const auto* x = static_cast<const std::byte*>(t.values);
  for (int64_t g = 0; g < t.groups;) {
    const Header header = read_header<kL>(at);
    at += kL.header_bytes();
    for (int i = 0; i < kL.groups_per_block(); ++i, ++g, x += sizeof(ActGroup)) {
      add_group<kL, kRows>(t, header, at, x, sum);
      at += kL.group_bytes();
    }
  }
  store_tile<kRows>(t, sum);
}

template <DType kType>
constexpr TileSet tiles() {
  constexpr QuantLayout kL = quant_layout(kType);
  return {{tile<kL, 1>, tile<kL, 2>, tile<kL, 3>, tile<kL, 4>, tile<kL, 5>, tile<kL, 6>}, 6};
}

constexpr TileSet kQ4_0 = tiles<DType::kQ4_0>();
constexpr TileSet kQ4_1 = tiles<DType::kQ4_1>();
constexpr TileSet kQ5_0 = tiles<DType::kQ5_0>();
constexpr TileSet kQ5_1 = tiles<DType::kQ5_1>();
constexpr TileSet kQ8_0 = tiles<DType::kQ8_0>();
constexpr TileSet kQ4_K = tiles<DType::kQ4_K>();
constexpr TileSet kQ5_K = tiles<DType::kQ5_K>();
constexpr TileSet kQ6_K = tiles<DType::kQ6_K>();

}  // namespace

const TileSet& int8_tiles_avx512(DType type) {
  switch (type) {
    case DType::kQ4_0: return kQ4_0;
    case DType::kQ4_1: return kQ4_1;
    case DType::kQ5_0: return kQ5_0;
    case DType::kQ5_1: return kQ5_1;
    case DType::kQ4_K: return kQ4_K;
    case DType::kQ5_K: return kQ5_K;
    case DType::kQ6_K: return kQ6_K;
    default: return kQ8_0;
  }
}

}  // namespace ondol
