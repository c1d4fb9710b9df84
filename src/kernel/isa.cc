#include "kernel/isa.h"

#include <cpuid.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace ondol {
namespace {

struct Cpuid {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Cpuid cpuid(uint32_t leaf, uint32_t subleaf) {
  Cpuid r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

// The register states that the operating system saves at a context switch (XCR0).
uint64_t enabled_states() {
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

constexpr bool all(uint64_t value, uint64_t bits) { return (value & bits) == bits; }
constexpr uint32_t bit(int n) { return uint32_t{1} << n; }

// Bit numbers: Intel SDM volume 2, CPUID; volume 1, section 13.3 (XCR0).
Isa detect() {
  const Cpuid one = cpuid(1, 0);
  constexpr uint32_t kFma = bit(12), kOsXsave = bit(27), kAvx = bit(28), kF16c = bit(29);
  if (!all(one.ecx, kFma | kOsXsave | kAvx | kF16c)) return Isa::kScalar;
  const uint64_t states = enabled_states();
  const Cpuid seven = cpuid(7, 0);
  constexpr uint32_t kAvx2 = bit(5), kBmi2 = bit(8);
  constexpr uint64_t kXmmYmm = 0x6, kZmm = 0xE6;
  if (!all(seven.ebx, kAvx2 | kBmi2) || !all(states, kXmmYmm)) return Isa::kScalar;
  constexpr uint32_t kF = bit(16), kDq = bit(17), kBw = bit(30), kVl = bit(31), kVnni = bit(11), kBf16 = bit(5);
  const bool avx512 = all(seven.ebx, kF | kDq | kBw | kVl) && all(seven.ecx, kVnni) && all(cpuid(7, 1).eax, kBf16) && all(states, kZmm);
  return avx512 ? Isa::kAvx512 : Isa::kAvx2;
}

constexpr Isa kAll[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
  }
  return "unknown";
}

Isa limit_isa(Isa best, std::string_view limit) {
  const auto* found = std::ranges::find(kAll, limit, isa_name);
  return found == std::end(kAll) ? best : std::min(best, *found);
}

Isa best_isa() {
  static const Isa isa = [] {
    const char* limit = std::getenv("ONDOL_ISA");
    return limit_isa(detect(), limit == nullptr ? "" : limit);
  }();
  return isa;
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> isas(std::begin(kAll), std::end(kAll));
  std::erase_if(isas, [best = detect()](Isa isa) { return isa > best; });
  return isas;
}

}  // namespace ondol
