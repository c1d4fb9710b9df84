#include "kernel/attention_simd.h"
#include "kernel/attention_store.h"
#include "kernel/simd_avx512.h"

namespace ondol {

constinit const AttentionKernels kAttentionAvx512 = {.store = simd_store<Avx512>, .attend = simd_attend<Avx512>};

}  // namespace ondol
