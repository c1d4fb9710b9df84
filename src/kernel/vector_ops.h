// Element-wise and row-wise operations on floats. `n` is any length; pointers need no alignment; in-place use is fine where noted.
// Each result is a function of its own row only. Any thread.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace ondol {

struct VectorKernels {
  // out = x / sqrt(mean(x^2) + eps) * weight. out may be x.
  void (*rms_norm)(const float* x, const float* weight, float eps, int64_t n, float* out);
  // out = (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias, the variance being that of the whole row (over n). out may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, int64_t n, float* out);
  // x += y
  void (*add)(float* x, const float* y, int64_t n);
  // x += a * y
  void (*add_scaled)(float* x, const float* y, float a, int64_t n);
  // x *= a
  void (*scale)(float* x, float a, int64_t n);
  // NeoX rotation in place: pairs (x[j], x[j + half]), angles given by cos[j], sin[j], j < half.
  void (*rope)(float* x, const float* cos, const float* sin, int64_t half);
  // out = silu(gate) * up; with limit > 0: gate clamped to at most limit, up to [-limit, limit] first. out may be gate or up.
  void (*silu_mul)(const float* gate, const float* up, float limit, int64_t n, float* out);
  // out = gelu_tanh(gate) * up. out may be gate or up.
  void (*gelu_mul)(const float* gate, const float* up, int64_t n, float* out);
  // out = gelu(x) = x / 2 * (1 + erf(x / sqrt(2))), within 4e-7 of the magnitude of x; NaN for x that is not finite. out may be x.
  void (*gelu_erf)(const float* x, int64_t n, float* out);
  // Index of the largest value, the first one among equals; n >= 1. NaN never wins; all NaN gives 0.
  int64_t (*argmax)(const float* x, int64_t n);
  // Largest value (NaN ignored; -inf if none).
  float (*max)(const float* x, int64_t n);
  // sum over exp((x - max) * inv_temperature), in double, in a fixed order.
  double (*sum_exp)(const float* x, float max, float inv_temperature, int64_t n);
};

const VectorKernels& vector_kernels(Isa isa);

}  // namespace ondol
