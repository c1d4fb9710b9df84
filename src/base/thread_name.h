// The name of the calling thread, as `top -H` and /proc show it: at most 15 bytes count.
#pragma once

#include <pthread.h>

namespace ondol {

inline void name_this_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

}  // namespace ondol
