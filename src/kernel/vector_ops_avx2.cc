#include "kernel/simd_avx2.h"
#include "kernel/vector_ops_simd.h"

namespace ondol {

constinit const VectorKernels kVectorAvx2 = VectorOps<Avx2>::kTable;

}  // namespace ondol
