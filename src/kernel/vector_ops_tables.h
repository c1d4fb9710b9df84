// The tables of vector_kernels(), one for each instruction set. Inside the kernel room only.
#pragma once

#include "kernel/vector_ops.h"

namespace ondol {

// sqrt(2 / pi) and the cubic coefficient of gelu_tanh(x) = x / 2 * (1 + tanh(u)), u = sqrt(2 / pi) * (x + 0.044715 * x^3)
// (Hendrycks and Gimpel 2016). Computed as x / (1 + exp(-2 * u)), the same function without cancellation.
inline constexpr float kGeluRoot = 0.79788456F;
inline constexpr float kGeluCubic = 0.044715F;

// erfc(y) = (a1 * t + a2 * t^2 + .. + a5 * t^5) * exp(-y^2) with t = 1 / (1 + p * y), y >= 0, within 1.5e-7 (Abramowitz and Stegun 1964,
// 7.1.26). kErfcP is p / sqrt(2): it takes y * sqrt(2), which is what gelu has.
inline constexpr float kErfcP = 0.3275911F * 0.70710678F;
inline constexpr float kErfcA1 = 0.254829592F;
inline constexpr float kErfcA2 = -0.284496736F;
inline constexpr float kErfcA3 = 1.421413741F;
inline constexpr float kErfcA4 = -1.453152027F;
inline constexpr float kErfcA5 = 1.061405429F;

extern const VectorKernels kVectorScalar;
extern const VectorKernels kVectorAvx2;
extern const VectorKernels kVectorAvx512;

}  // namespace ondol
