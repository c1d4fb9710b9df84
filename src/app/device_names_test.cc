#include "app/device_names.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(DeviceNames, AreWhatDevicesCallThemselves) {
  EXPECT_EQ(device_names("npu:007:0-3,8,gpu:1"), (std::vector<std::string>{"npu7", "npu8", "gpu1"}));
  EXPECT_EQ(device_names("rbln0"), std::vector<std::string>{"rbln0"});
  EXPECT_EQ(device_names(""), std::vector<std::string>{""});
}

}  // namespace
}  // namespace ondol
