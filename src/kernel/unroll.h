// Loops over register arrays that the compiler must not keep as loops: an accumulator indexed by a variable would live in memory.
// For the kernel templates. No owner, any thread.
#pragma once

#include <utility>

namespace ondol {

#define ONDOL_INLINE __attribute__((always_inline))

template <int N>
struct Constant {
  static constexpr int value = N;
  constexpr operator int() const { return N; }
};

// f(Constant<0>{}), ..., f(Constant<N - 1>{}). `f` should be an ONDOL_INLINE lambda.
template <int N, class F>
ONDOL_INLINE inline void unroll(const F& f) {
  [&]<int... kIndex>(std::integer_sequence<int, kIndex...>)
      ONDOL_INLINE { (f(Constant<kIndex>{}), ...); }(std::make_integer_sequence<int, N>{});
}

}  // namespace ondol
