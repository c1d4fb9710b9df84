// Which vector instructions the kernels use; chosen once by CPUID, lowered by the ONDOL_ISA environment variable for tests.
#pragma once

#include <string_view>
#include <vector>

namespace ondol {

enum class Isa { kScalar, kAvx2, kAvx512 };  // kAvx2: AVX2 + FMA + F16C; kAvx512: F, BW, DQ, VL, VNNI and BF16

std::string_view isa_name(Isa isa);  // "scalar", "avx2", "avx512"
// The best one that this CPU and operating system run, not above ONDOL_ISA=scalar|avx2|avx512 if that is set. Cached after the first call.
Isa best_isa();
// All that this CPU runs, for tests that compare them (ignores ONDOL_ISA).
std::vector<Isa> supported_isas();
// `best`, or the one named `limit` if that is lower. An empty or unknown name limits nothing.
Isa limit_isa(Isa best, std::string_view limit);

}  // namespace ondol
