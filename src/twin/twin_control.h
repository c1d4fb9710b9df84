// Private to this room: the control port of a floor. POST /twin/fault {"engine","kind","factor","seconds"}, GET /twin/floor.
//
// Owner: a TwinFloor; called on the control server's thread. Bodies of at most kMaxControlBody.
#pragma once

#include <memory>

#include "net/server.h"
#include "twin/twin_floor.h"

namespace ondol {

inline constexpr size_t kMaxControlBody = 64 << 10;
void handle_control(TwinFloor& floor, Exchange& exchange);

}  // namespace ondol
