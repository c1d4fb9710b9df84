// The vector operations for one vector type V (simd_*.h): included by vector_ops_avx2.cc and vector_ops_avx512.cc only.
// Lanes of a last partial vector are computed like the others and not stored. Any thread.
#pragma once

#include <cstdint>

#include "kernel/vector_ops_tables.h"

namespace ondol {

template <class V>
struct VectorOps {
  using F = typename V::F;
  static constexpr int kLanes = V::kLanes;
  static constexpr float kInfinity = __builtin_inff();
  static constexpr float kNan = __builtin_nanf("");

  // out[i] = op(a[i], b[i])
  template <class Op>
  static void map(const float* a, const float* b, int64_t n, float* out, const Op& op) {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) V::store(out + i, op(V::load(a + i), V::load(b + i)));
    const int64_t left = n - i;
    if (left > 0) V::store_first(out + i, left, op(V::load_first(a + i, left, 0), V::load_first(b + i, left, 0)));
  }

  // step(accumulator, x) over the row in four interleaved accumulators, then join() over them; lanes past the end are `fill`.
  template <class Step, class Join>
  static F reduce(const float* x, int64_t n, F start, float fill, const Step& step, const Join& join) {
    F a = start;
    F b = start;
    F c = start;
    F d = start;
    int64_t i = 0;
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
      a = step(a, V::load(x + i));
      b = step(b, V::load(x + i + kLanes));
      c = step(c, V::load(x + i + 2 * kLanes));
      d = step(d, V::load(x + i + 3 * kLanes));
    }
    for (; i + kLanes <= n; i += kLanes) a = step(a, V::load(x + i));
    if (i < n) b = step(b, V::load_first(x + i, n - i, fill));
    return join(join(a, b), join(c, d));
  }

  static void rms_norm(const float* x, const float* weight, float eps, int64_t n, float* out) {
    const auto step = [](F sum, F v) { return V::fma(v, v, sum); };
    const float sum = V::sum(reduce(x, n, V::zero(), 0, step, [](F a, F b) { return V::add(a, b); }));
    const float mean = sum / static_cast<float>(n);
    const F inverse = V::set1(1 / __builtin_sqrtf(mean + eps));
    map(x, weight, n, out, [inverse](F v, F w) { return V::mul(V::mul(v, inverse), w); });
  }

  static void layer_norm(const float* x, const float* weight, const float* bias, float eps, int64_t n, float* out) {
    const auto join = [](F a, F b) { return V::add(a, b); };
    const float mean = V::sum(reduce(x, n, V::zero(), 0, join, join)) / static_cast<float>(n);
    const F center = V::set1(mean);
    const auto step = [center](F sum, F v) {
      const F d = V::sub(v, center);
      return V::fma(d, d, sum);
    };
    const float variance = V::sum(reduce(x, n, V::zero(), mean, step, join)) / static_cast<float>(n);
    const F inverse = V::set1(1 / __builtin_sqrtf(variance + eps));
    map(x, weight, n, out, [center, inverse](F v, F w) { return V::mul(V::mul(V::sub(v, center), inverse), w); });
    add(out, bias, n);
  }

  static void add(float* x, const float* y, int64_t n) {
    map(x, y, n, x, [](F a, F b) { return V::add(a, b); });
  }

  static void add_scaled(float* x, const float* y, float a, int64_t n) {
    map(x, y, n, x, [a = V::set1(a)](F v, F w) { return V::fma(a, w, v); });
  }

  static void scale(float* x, float a, int64_t n) {
    map(x, x, n, x, [a = V::set1(a)](F v, F) { return V::mul(v, a); });
  }

  static void rope(float* x, const float* cos, const float* sin, int64_t half) {
    float* y = x + half;
    int64_t j = 0;
    for (; j + kLanes <= half; j += kLanes) {
      const F a = V::load(x + j);
      const F b = V::load(y + j);
      const F c = V::load(cos + j);
      const F s = V::load(sin + j);
      V::store(x + j, V::neg_fma(b, s, V::mul(a, c)));
      V::store(y + j, V::fma(a, s, V::mul(b, c)));
    }
    const int64_t left = half - j;
    if (left <= 0) return;
    const F a = V::load_first(x + j, left, 0);
    const F b = V::load_first(y + j, left, 0);
    const F c = V::load_first(cos + j, left, 0);
    const F s = V::load_first(sin + j, left, 0);
    V::store_first(x + j, left, V::neg_fma(b, s, V::mul(a, c)));
    V::store_first(y + j, left, V::fma(a, s, V::mul(b, c)));
  }

  // min and max return their second operand for NaN: it passes through.
  static void silu_mul(const float* gate, const float* up, float limit, int64_t n, float* out) {
    const F high = V::set1(limit > 0 ? limit : kInfinity);
    const F low = V::sub(V::zero(), high);
    map(gate, up, n, out, [high, low](F g, F u) {
      g = V::min(high, g);
      u = V::max(low, V::min(high, u));
      return V::mul(V::div(g, V::add(V::set1(1), V::exp(V::sub(V::zero(), g)))), u);
    });
  }

  static void gelu_mul(const float* gate, const float* up, int64_t n, float* out) {
    map(gate, up, n, out, [](F g, F u) {
      const F cube = V::mul(V::mul(V::mul(V::set1(kGeluCubic), g), g), g);
      const F angle = V::mul(V::set1(kGeluRoot), V::add(g, cube));
      return V::mul(V::div(g, V::add(V::set1(1), V::exp(V::mul(V::set1(-2), angle)))), u);
    });
  }

  // x * Phi(x) with Phi(x) = 1 - h for positive x and h for negative ones, h = erfc(|x| / sqrt(2)) / 2: so max(x, 0) - |x| * h.
  static void gelu_erf(const float* x, int64_t n, float* out) {
    map(x, x, n, out, [](F v, F) {
      const F size = V::max(V::sub(V::zero(), v), v);
      const F t = V::div(V::set1(1), V::fma(V::set1(kErfcP), size, V::set1(1)));
      F p = V::fma(V::set1(kErfcA5), t, V::set1(kErfcA4));
      p = V::fma(p, t, V::set1(kErfcA3));
      p = V::fma(p, t, V::set1(kErfcA2));
      p = V::fma(p, t, V::set1(kErfcA1));
      const F bell = V::exp(V::mul(V::mul(V::set1(-0.5F), v), v));
      const F h = V::mul(V::mul(V::mul(V::set1(0.5F), p), t), bell);
      return V::neg_fma(size, h, V::max(V::zero(), v));
    });
  }

  // max(a, b) is b where either is NaN, so the accumulator stands second.
  static float max(const float* x, int64_t n) {
    const auto larger = [](F best, F v) { return V::max(v, best); };
    return V::largest(reduce(x, n, V::set1(-kInfinity), kNan, larger, larger));
  }

  // First i with x[i] == value, or n.
  static int64_t find(const float* x, float value, int64_t n) {
    for (int64_t i = 0; i < n; i += kLanes) {
      const int64_t left = n - i;
      const F v = left < kLanes ? V::load_first(x + i, left, kNan) : V::load(x + i);
      const uint32_t hits = V::equal_bits(v, V::set1(value));
      if (hits != 0) return i + __builtin_ctz(hits);
    }
    return n;
  }

  static int64_t argmax(const float* x, int64_t n) {
    constexpr int64_t kChunk = 2048;  // 8 KiB: the second look finds the chunk in the first-level cache
    float best = -kInfinity;
    int64_t chunk = -1;
    for (int64_t i = 0; i < n; i += kChunk) {
      const float here = max(x + i, n - i < kChunk ? n - i : kChunk);
      if (here > best) {
        best = here;
        chunk = i;
      }
    }
    const int64_t start = chunk < 0 ? 0 : chunk;
    const int64_t index = start + find(x + start, best, n - start);
    return index < n ? index : 0;
  }

  static double sum_exp(const float* x, float max, float inv_temperature, int64_t n) {
    const F base = V::set1(max);
    const F factor = V::set1(inv_temperature);
    auto low = V::zero_double();
    auto high = V::zero_double();
    const auto take = [&](F v) {
      low = V::add(low, V::low_double(v));
      high = V::add(high, V::high_double(v));
    };
    const auto term = [&](F v) { return V::exp(V::mul(V::sub(v, base), factor)); };
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) take(term(V::load(x + i)));
    if (i < n) {
      float last[kLanes] = {};
      V::store_first(last, n - i, term(V::load_first(x + i, n - i, max)));
      take(V::load(last));
    }
    return V::sum(V::add(low, high));
  }

  static constexpr VectorKernels kTable = {.rms_norm = rms_norm,
                                           .layer_norm = layer_norm,
                                           .add = add,
                                           .add_scaled = add_scaled,
                                           .scale = scale,
                                           .rope = rope,
                                           .silu_mul = silu_mul,
                                           .gelu_mul = gelu_mul,
                                           .gelu_erf = gelu_erf,
                                           .argmax = argmax,
                                           .max = max,
                                           .sum_exp = sum_exp};
};

}  // namespace ondol
