#include "device/device_floor.h"

#include <gtest/gtest.h>

#include "base/test_folder_test_util.h"
#include "device/device_json.h"
#include "device/rngd_tree.h"

namespace ondol {
namespace {

class FixedReader final : public DeviceReader {
 public:
  explicit FixedReader(std::vector<DeviceSnapshot> devices) : devices_(std::move(devices)) {}
  std::vector<DeviceSnapshot> read() override { return devices_; }
  std::string source() const override { return "fixed"; }

 private:
  std::vector<DeviceSnapshot> devices_;
};

DeviceSnapshot device(DeviceKind kind, std::string name, std::string id) {
  DeviceSnapshot device;
  device.kind = kind;
  device.name = std::move(name);
  device.id = std::move(id);
  return device;
}

TEST(DeviceFloor, SortsByKindAndNumber) {
  std::vector<std::unique_ptr<DeviceReader>> readers;
  readers.push_back(std::make_unique<FixedReader>(std::vector{device(DeviceKind::kCpu, "cpu", "c")}));
  readers.push_back(std::make_unique<FixedReader>(std::vector{
      device(DeviceKind::kRngd, "npu10", "x"), device(DeviceKind::kRngd, "npu2", "b"), device(DeviceKind::kRngd, "npu2", "a")}));
  DeviceFloor floor(std::move(readers));
  std::string order;
  for (const DeviceSnapshot& one : floor.read()) order += one.id;
  EXPECT_EQ(order, "abxc");
  EXPECT_EQ(floor.sources(), (std::vector<std::string>{"fixed", "fixed"}));
}

TEST(DeviceFloor, ReadsAFabricatedTree) {
  const TestFolder folder;
  ASSERT_TRUE(RngdTree::create(folder.path("tree"), 12));
  DeviceFloor floor(DeviceReaderOptions{folder.path("tree"), false});
  std::vector<std::string> names;
  for (const DeviceSnapshot& one : floor.read()) {
    if (one.kind == DeviceKind::kRngd) names.push_back(one.name);
  }
  ASSERT_EQ(names.size(), 12u);
  EXPECT_EQ(names[2], "npu2");
  EXPECT_EQ(names[11], "npu11");
  EXPECT_EQ(floor.sources().size(), 4u);
}

TEST(BeforeByNumber, TakesDigitsForNumbers) {
  EXPECT_TRUE(before_by_number("npu2", "npu10"));
  EXPECT_FALSE(before_by_number("npu10", "npu2"));
  EXPECT_TRUE(before_by_number("npu", "npu0"));
  EXPECT_TRUE(before_by_number("a99999999999999999999999", "a100000000000000000000000"));
  EXPECT_FALSE(before_by_number("npu2", "npu2"));
  EXPECT_NE(before_by_number("npu02", "npu2"), before_by_number("npu2", "npu02")) << "an order, for equal numbers too";
}

TEST(FindDevice, TakesWhateverNamesIt) {
  std::vector<DeviceSnapshot> devices = {device(DeviceKind::kRngd, "npu0", "u0"), device(DeviceKind::kRngd, "npu1", "u1")};
  devices[1].bdf = "0000:4b:00.0";
  devices[0].serial = devices[1].serial = "same";
  EXPECT_EQ(find_device(devices, "u0"), &devices[0]);
  EXPECT_EQ(find_device(devices, "npu1"), &devices[1]);
  EXPECT_EQ(find_device(devices, "0000:4b:00.0"), &devices[1]);
  EXPECT_EQ(find_device(devices, "same"), nullptr);
  EXPECT_EQ(find_device(devices, "npu7"), nullptr);
  EXPECT_EQ(find_device(devices, ""), nullptr);
}

TEST(DeviceJson, WritesWhatIsUnknownAsNull) {
  DeviceSnapshot one = device(DeviceKind::kRngd, "npu0", "u0");
  one.power_w = 38.4;
  one.unhealthy = "vanished";
  one.cores.emplace_back();
  one.cores[0].occupied = true;
  one.temperatures_c["peak"] = 41;
  const boost::json::object json = device_json(one);
  EXPECT_EQ(json.at("kind"), "rngd");
  EXPECT_EQ(json.at("power_w"), 38.4);
  EXPECT_TRUE(json.at("power_limit_w").is_null());
  EXPECT_TRUE(json.at("pcie").is_null());
  EXPECT_EQ(json.at("healthy"), false);
  EXPECT_EQ(json.at("cores").at(0).at("occupied"), true);
  EXPECT_TRUE(json.at("cores").at(0).at("cycles").is_null());
  EXPECT_EQ(json.at("temperatures_c").at("peak"), 41.0);
}

}  // namespace
}  // namespace ondol
