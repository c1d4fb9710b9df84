// Random numbers that are the same on every machine and with every standard library: SplitMix64 (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", OOPSLA 2014).
//
// Owner: value type; one thread.
#pragma once

#include <cstdint>

namespace ondol {

struct SplitMix {
  uint64_t state = 0;

  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // In (0, 1]: its logarithm is finite.
  double unit() { return (static_cast<double>(next() >> 11) + 1) * 0x1p-53; }
};

// The seed of one of many independent streams under a common seed.
inline uint64_t mix_seed(uint64_t seed, uint64_t stream) {
  SplitMix outer{seed};
  SplitMix inner{outer.next() ^ stream};
  return inner.next();
}

}  // namespace ondol
