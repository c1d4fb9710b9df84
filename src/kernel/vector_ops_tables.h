// The tables of vector_kernels(), one for each instruction set. Inside the kernel room only.
#pragma once

#include "kernel/vector_ops.h"

namespace ondol {

// sqrt(2 / pi) and the cubic coefficient of gelu_tanh(x) = x / 2 * (1 + tanh(u)), u = sqrt(2 / pi) * (x + 0.044715 * x^3)
// (Hendrycks and Gimpel 2016). Computed as x / (1 + exp(-2 * u)), the same function without cancellation.
inline constexpr float kGeluRoot = 0.79788456F;
inline constexpr float kGeluCubic = 0.044715F;

extern const VectorKernels kVectorScalar;
extern const VectorKernels kVectorAvx2;
extern const VectorKernels kVectorAvx512;

}  // namespace ondol
