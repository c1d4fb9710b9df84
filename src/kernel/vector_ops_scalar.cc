// The reference of the vector operations. Loops are plain so that the compiler may use the baseline's vectors where order allows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernel/exp.h"
#include "kernel/vector_ops_tables.h"

namespace ondol {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void rms_norm(const float* x, const float* weight, float eps, int64_t n, float* out) {
  // Lanes, not one chain: rounding errors stay small on long rows.
  constexpr int kLanes = 16;
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] += x[i + j] * x[i + j];
  }
  float sum = 0;
  for (; i < n; ++i) sum += x[i] * x[i];
  for (const float lane : lanes) sum += lane;
  const float inverse = 1 / std::sqrt(sum / static_cast<float>(n) + eps);
  for (i = 0; i < n; ++i) out[i] = x[i] * inverse * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, int64_t n, float* out) {
  // In double: one chain is exact enough, and this is what the others are compared with.
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
  const auto inverse = static_cast<float>(1 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(eps)));
  const auto center = static_cast<float>(mean);
  for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - center) * inverse * weight[i] + bias[i];
}

void add(float* x, const float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += y[i];
}

void add_scaled(float* x, const float* y, float a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += a * y[i];
}

void scale(float* x, float a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= a;
}

void rope(float* x, const float* cos, const float* sin, int64_t half) {
  for (int64_t j = 0; j < half; ++j) {
    const float a = x[j];
    const float b = x[j + half];
    x[j] = a * cos[j] - b * sin[j];
    x[j + half] = b * cos[j] + a * sin[j];
  }
}

// Comparisons are written so that NaN passes through.
void silu_mul(const float* gate, const float* up, float limit, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    float g = gate[i];
    float u = up[i];
    if (limit > 0) {
      g = g > limit ? limit : g;
      u = u > limit ? limit : u < -limit ? -limit : u;
    }
    out[i] = g / (1 + exp_scalar(-g)) * u;
  }
}

void gelu_mul(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = gate[i];
    const float angle = kGeluRoot * (g + kGeluCubic * g * g * g);
    out[i] = g / (1 + exp_scalar(-2 * angle)) * up[i];
  }
}

void gelu_erf(const float* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float size = std::fabs(x[i]);
    const float h = std::erfc(size * 0.70710678F) / 2;
    out[i] = (x[i] > 0 ? x[i] : 0) - size * h;
  }
}

int64_t argmax(const float* x, int64_t n) {
  int64_t best = -1;
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isnan(x[i]) && (best < 0 || x[i] > x[best])) best = i;
  }
  return best < 0 ? 0 : best;
}

float max(const float* x, int64_t n) {
  float best = -kInfinity;
  for (int64_t i = 0; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

double sum_exp(const float* x, float max, float inv_temperature, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(exp_scalar((x[i] - max) * inv_temperature));
  return sum;
}

}  // namespace

constinit const VectorKernels kVectorScalar = {.rms_norm = rms_norm,
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

}  // namespace ondol
