#include "kernel/simd_avx512.h"
#include "kernel/vector_ops_simd.h"

namespace ondol {

constinit const VectorKernels kVectorAvx512 = VectorOps<Avx512>::kTable;

}  // namespace ondol
