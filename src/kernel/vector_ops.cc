#include "kernel/vector_ops.h"

#include "kernel/vector_ops_tables.h"

namespace ondol {

const VectorKernels& vector_kernels(Isa isa) {
  switch (isa) {
    case Isa::kAvx512: return kVectorAvx512;
    case Isa::kAvx2: return kVectorAvx2;
    case Isa::kScalar: break;
  }
  return kVectorScalar;
}

}  // namespace ondol
