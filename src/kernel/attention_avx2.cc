#include "kernel/attention_simd.h"
#include "kernel/attention_store.h"
#include "kernel/simd_avx2.h"

namespace ondol {

constinit const AttentionKernels kAttentionAvx2 = {.store = simd_store<Avx2>, .attend = simd_attend<Avx2>};

}  // namespace ondol
