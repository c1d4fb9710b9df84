// <immintrin.h> without GCC 12's false alarms: its *_undefined_* values, which the masked intrinsics never read, count as uninitialised
// (GCC PR 105593). Include only from *_avx2.cc, *_avx512.cc and their private headers.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop
