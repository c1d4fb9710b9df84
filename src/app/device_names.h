// Devices as node files and floors write them, by the names that they give themselves.
//
// Owner: pure function. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ondol {

// "npu:0" and "npu:0:0-3": npu0. "npu:0,1", "npu:0:0-3,npu:1:0-3": npu0, npu1. "gpu:1": gpu1. Anything else is a name as it stands. Each
// once.
std::vector<std::string> device_names(std::string_view written);

}  // namespace ondol
