// Quantised weights by int8 activations with vpmaddubsw: a tile is up to 4 rows of activations by 8 features at a time, or 1 row by 32.
//
// vpmaddubsw adds two products in 16 bits and saturates, so sums move to 32 bits before they can reach 32767: with activations up to 127
// a pair of products is at most 15 * 127 * 2 = 3810 for 4 bits (8 pairs fit), 7874 for 5 bits (4), 16002 for 6 bits (2). For 8 bits the
// weights become signed and their sign goes to the activation: 128 * 127 * 2 = 32512 (1).
#include "kernel/matmul_avx2.h"

namespace ondol {
namespace {

constexpr int quads_in_16_bits(int code_bits) { return code_bits == 4 ? 8 : code_bits == 5 ? 4 : code_bits == 6 ? 2 : 1; }

__m256i broadcast_word(const int8_t* at) {
  int word;
  std::memcpy(&word, at, sizeof word);
  return _mm256_set1_epi32(word);
}

__m256 halves_at(const uint8_t* at) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))); }
__m128i eight_bytes_at(const uint8_t* at) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)); }

// v >> count & bits, for bytes: the shift of 16-bit lanes moves strangers in, which `bits` masks off.
inline __attribute__((always_inline)) __m256i take_bits(__m256i v, int count, char bits) {
  return _mm256_and_si256(_mm256_srli_epi16(v, count), _mm256_set1_epi8(bits));
}
inline __attribute__((always_inline)) __m256i or_bits(__m256i a, __m256i v, int count, char bits) {
  return _mm256_or_si256(a, take_bits(v, count, bits));
}

// Codes of quad `quad` for features slice * 8 .. slice * 8 + 7.
template <QuantLayout kL>
inline __attribute__((always_inline)) __m256i codes(const uint8_t* group, int quad, int slice) {
  const auto vector = [group, slice](int i) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(group + kL.vector_offset(i) + slice * 32));
  };
  if constexpr (kL.code_bits == 8) {
    return vector(quad);
  } else if constexpr (kL.code_bits == 4) {
    const __m256i pair = vector(quad / 2);
    return quad % 2 == 0 ? _mm256_and_si256(pair, _mm256_set1_epi8(15)) : take_bits(pair, 4, 15);
  } else if constexpr (kL.code_bits == 5) {
    if (quad < 5) return _mm256_and_si256(vector(quad), _mm256_set1_epi8(31));
    if (quad < 7) return or_bits(take_bits(vector(quad * 2 - 10), 5, 7), vector(quad * 2 - 9), 2, 24);
    return or_bits(or_bits(take_bits(vector(4), 5, 7), vector(1), 4, 8), vector(3), 3, 16);
  } else {
    const int first = quad / 4 * 3;
    if (quad % 4 < 3) return _mm256_and_si256(vector(first + quad % 4), _mm256_set1_epi8(63));
    return or_bits(or_bits(take_bits(vector(first), 2, 48), vector(first + 1), 4, 12), vector(first + 2), 6, 3);
  }
}

template <QuantLayout kL>
inline __attribute__((always_inline)) __m256 scale(const uint8_t* header, const uint8_t* group, int half, int slice) {
  const uint8_t* at = group + kL.scale_offset();
  if constexpr (!kL.blocks_of_256) return halves_at(at + slice * 16);
  const __m128i bytes = eight_bytes_at(at + half * 32 + slice * 8);
  const __m256i wide = kL.has_min ? _mm256_cvtepu8_epi32(bytes) : _mm256_cvtepi8_epi32(bytes);
  return _mm256_mul_ps(_mm256_cvtepi32_ps(wide), halves_at(header + slice * 16));
}

template <QuantLayout kL>
inline __attribute__((always_inline)) __m256 minimum(const uint8_t* header, const uint8_t* group, int slice) {
  const uint8_t* at = group + kL.scale_offset();
  if constexpr (!kL.blocks_of_256) return halves_at(at + 64 + slice * 16);
  const __m256i wide = _mm256_cvtepu8_epi32(eight_bytes_at(at + 32 + slice * 8));
  return _mm256_mul_ps(_mm256_cvtepi32_ps(wide), halves_at(header + 64 + slice * 16));
}

// The group of the tile's row `row`, given that of row 0.
inline __attribute__((always_inline)) const ActGroup& in_row(const TileArgs& t, const std::byte* first, int row) {
  return *reinterpret_cast<const ActGroup*>(first + row * t.stride);
}

// The accumulators' start: -zero * sum of the activations of this half group. 8-bit weights are signed by then.
template <QuantLayout kL>
inline __attribute__((always_inline)) __m256i start(const ActGroup& x, int half) {
  if constexpr (kL.zero_shift == 0 || kL.code_bits == 8) return _mm256_setzero_si256();
  const int32_t sum = kL.halves == 1 ? x.sum : half == 0 ? x.first_half : x.sum - x.first_half;
  return _mm256_set1_epi32(sum * (1 << kL.zero_shift));
}

template <QuantLayout kL>
inline __attribute__((always_inline)) __m256i multiply(__m256i w, __m256i a) {
  if constexpr (kL.code_bits == 8) return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
  return _mm256_maddubs_epi16(w, a);
}

// Keeps the additions in the order of the source: GCC would turn a group's sums into a tree, whose leaves do not fit the registers.
inline __attribute__((always_inline)) void pin(__m256i& v) { __asm__("" : "+x"(v)); }

// Adds to `dot` the products of half a group (a whole one where it has one scale).
template <QuantLayout kL, int kRows, int kSlices>
inline __attribute__((always_inline)) void dot_products(const TileArgs& t, const std::byte* x, const uint8_t* group, int half, int slice,
                                                        __m256i (&dot)[kRows][kSlices]) {
  constexpr int kQuads = 8 / kL.halves;
  constexpr int kPart = quads_in_16_bits(kL.code_bits);
#pragma GCC unroll 8
  for (int part = half * kQuads; part < (half + 1) * kQuads; part += kPart) {
    __m256i narrow[kRows][kSlices];
#pragma GCC unroll 8
    for (int q = part; q < part + kPart; ++q) {
      // Hides that `group` is the same: the compiler would keep vectors that later quads use too, and spill.
      if constexpr (kL.code_bits == 5 || kL.code_bits == 6) __asm__("" : "+r"(group));
      __m256i w[kSlices];
#pragma GCC unroll 4
      for (int s = 0; s < kSlices; ++s) {
        w[s] = codes<kL>(group, q, slice + s);
        if constexpr (kL.code_bits == 8) w[s] = _mm256_xor_si256(w[s], _mm256_set1_epi8(-128));
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m256i a = broadcast_word(in_row(t, x, r).values + q * 4);
#pragma GCC unroll 4
        for (int s = 0; s < kSlices; ++s) {
          const __m256i products = multiply<kL>(w[s], a);
          narrow[r][s] = q == part ? products : _mm256_add_epi16(narrow[r][s], products);
          pin(narrow[r][s]);
        }
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < kSlices; ++s) {
        dot[r][s] = _mm256_add_epi32(dot[r][s], _mm256_madd_epi16(narrow[r][s], _mm256_set1_epi16(1)));
        pin(dot[r][s]);
      }
    }
  }
}

// One group of 32 inputs. The order of the operations on an element is the same for all kRows and kSlices.
template <QuantLayout kL, int kRows, int kSlices>
inline __attribute__((always_inline)) void add_group(const TileArgs& t, const uint8_t* header, const uint8_t* group, const std::byte* x,
                                                     int slice, __m256 (&sum)[kRows][kSlices]) {
#pragma GCC unroll 2
  for (int half = 0; half < kL.halves; ++half) {
    __m256i dot[kRows][kSlices];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < kSlices; ++s) dot[r][s] = start<kL>(in_row(t, x, r), half);
    }
    dot_products<kL, kRows, kSlices>(t, x, group, half, slice, dot);
#pragma GCC unroll 4
    for (int s = 0; s < kSlices; ++s) {
      const __m256 weight_scale = scale<kL>(header, group, half, slice + s);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m256 both = _mm256_mul_ps(weight_scale, _mm256_set1_ps(in_row(t, x, r).scale));
        sum[r][s] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[r][s]), both, sum[r][s]);
      }
    }
  }
  if constexpr (kL.has_min) {
#pragma GCC unroll 4
    for (int s = 0; s < kSlices; ++s) {
      const __m256 m = minimum<kL>(header, group, slice + s);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        sum[r][s] = _mm256_fnmadd_ps(m, _mm256_set1_ps(in_row(t, x, r).offset), sum[r][s]);
      }
    }
  }
}

template <QuantLayout kL, int kRows, int kSlices>
void tile(const TileArgs& args) {
  const TileArgs t = args;
  for (int slice = 0; slice * kSlice < t.features; slice += kSlices) {
    __m256 sum[kRows][kSlices];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < kSlices; ++s) sum[r][s] = _mm256_setzero_ps();
    }
    const uint8_t* at = t.panel;
    const auto* x = static_cast<const std::byte*>(t.values);
    for (int64_t g = 0; g < t.groups;) {
      const uint8_t* header = at;
      at += kL.header_bytes();
      for (int i = 0; i < kL.groups_per_block(); ++i, ++g, x += sizeof(ActGroup)) {
        add_group<kL, kRows, kSlices>(t, header, at, x, slice, sum);
        at += kL.group_bytes();
      }
    }
    store_tile<kRows, kSlices>(t, slice, sum);
  }
}

// 4 accumulators of each kind (16-bit, 32-bit, float) of 16 registers: a lone row reads the panel once, in its order in memory.
template <DType kType>
constexpr TileSet tiles() {
  constexpr QuantLayout kL = quant_layout(kType);
  return {{tile<kL, 1, 4>, tile<kL, 2, 2>, tile<kL, 3, 1>, tile<kL, 4, 1>}, 4};
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

const TileSet& int8_tiles_avx2(DType type) {
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
