#include "device/nvidia_reader.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

// Keeps the fake library open, so that what a test sets is what its reader meets.
class NvidiaReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    library_ = ::dlopen(ONDOL_FAKE_NVML, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << ::dlerror();
    reinterpret_cast<void (*)()>(::dlsym(library_, "fake_nvml_reset"))();
    folder_.write("sys/bus/pci/devices/0000:3b:00.0/numa_node", "1\n");
    folder_.write("sys/bus/pci/devices/0000:3c:00.0/numa_node", "-1\n");
    folder_.write("proc/100/comm", "python3\n");
    options_.sysroot = folder_.path();
  }
  void TearDown() override { ::dlclose(library_); }
  void set(const char* what, int value) { reinterpret_cast<void (*)(const char*, int)>(::dlsym(library_, "fake_nvml_set"))(what, value); }

  TestFolder folder_;
  DeviceReaderOptions options_;
  void* library_ = nullptr;
};

TEST_F(NvidiaReaderTest, ReadsAGpu) {
  NvidiaReader reader(options_, ONDOL_FAKE_NVML);
  const auto devices = reader.read();
  ASSERT_EQ(devices.size(), 3u);
  const DeviceSnapshot& gpu = devices[0];
  EXPECT_EQ(gpu.kind, DeviceKind::kNvidia);
  EXPECT_EQ(gpu.id, "GPU-aaaa");
  EXPECT_EQ(gpu.name, "gpu0");
  EXPECT_EQ(gpu.product, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpu.serial, "1654922000123");
  EXPECT_EQ(gpu.bdf, "0000:3b:00.0");
  EXPECT_EQ(gpu.numa_node, 1);
  EXPECT_EQ(gpu.driver_version, "550.54.15");
  EXPECT_EQ(gpu.firmware_version, "96.00.74.00.01");
  EXPECT_EQ(gpu.nodes, (std::vector<std::string>{"/dev/nvidia0"}));
  EXPECT_EQ(gpu.unhealthy, "");
  EXPECT_DOUBLE_EQ(gpu.power_w.value(), 312.5);
  EXPECT_DOUBLE_EQ(gpu.power_limit_w.value(), 700);
  EXPECT_DOUBLE_EQ(gpu.energy_j.value(), 123456.789);
  EXPECT_EQ(gpu.temperatures_c.at("gpu"), 61);
  EXPECT_EQ(gpu.clock_mhz, 1980);
  EXPECT_EQ(gpu.memory_clock_mhz, 2619);
  EXPECT_DOUBLE_EQ(gpu.utilization.value(), 0.87);
  EXPECT_EQ(gpu.memory_total_bytes, 80ULL << 30);
  EXPECT_EQ(gpu.memory_used_bytes, 40ULL << 30);
  EXPECT_EQ(gpu.throttle_reasons, (std::vector<std::string>{"power cap", "thermal"}));
  EXPECT_EQ(gpu.pcie->width, 8);
  EXPECT_EQ(gpu.pcie->max_width, 16);
  EXPECT_EQ(gpu.pcie->speed_gts, 16);
  EXPECT_EQ(gpu.pcie->max_speed_gts, 32);
  EXPECT_TRUE(gpu.parts.empty());
  EXPECT_NE(reader.source().find("driver 550.54.15"), std::string::npos);
}

TEST_F(NvidiaReaderTest, ListsProcessesWithWhatIsKnownOfThem) {
  NvidiaReader reader(options_, ONDOL_FAKE_NVML);
  const auto gpu = reader.read().at(0);
  ASSERT_EQ(gpu.processes.size(), 2u);
  EXPECT_EQ(gpu.processes[0].command, "python3");
  EXPECT_EQ(gpu.processes[0].memory_bytes, 1ULL << 30);
  EXPECT_EQ(gpu.processes[1].pid, 101);
  EXPECT_EQ(gpu.processes[1].command, "");
  EXPECT_EQ(gpu.processes[1].memory_bytes, std::nullopt);
  set("processes", 200);  // more than the first buffer holds
  EXPECT_EQ(reader.read().at(0).processes.size(), 200u);
  set("processes", 5000);  // more than are kept
  EXPECT_EQ(reader.read().at(0).processes.size(), 0u);
}

TEST_F(NvidiaReaderTest, ListsMigInstances) {
  const auto gpu = NvidiaReader(options_, ONDOL_FAKE_NVML).read().at(1);
  EXPECT_EQ(gpu.utilization, std::nullopt);
  EXPECT_EQ(gpu.numa_node, std::nullopt);
  ASSERT_EQ(gpu.parts.size(), 2u);
  EXPECT_EQ(gpu.parts[0].name, "mig 1g.5gb 7");
  EXPECT_EQ(gpu.parts[0].uuid, "MIG-1111");
  EXPECT_EQ(gpu.parts[0].memory_total_bytes, 5ULL << 30);
  EXPECT_EQ(gpu.parts[1].name, "mig 3g.20gb 2");
}

TEST_F(NvidiaReaderTest, ALostGpuIsUnhealthyAndTheOthersAreRead) {
  NvidiaReader reader(options_, ONDOL_FAKE_NVML);
  auto devices = reader.read();
  EXPECT_EQ(devices.at(2).id, "gpu2");
  EXPECT_NE(devices[2].unhealthy.find("GPU is lost"), std::string::npos);
  EXPECT_EQ(devices[2].power_w, std::nullopt);
  set("lost", 0);
  devices = reader.read();
  ASSERT_EQ(devices.size(), 4u);
  EXPECT_EQ(devices[0].id, "GPU-aaaa");  // still known by what it answered before
  EXPECT_NE(devices[0].unhealthy.find("GPU is lost"), std::string::npos);
  EXPECT_EQ(devices[1].unhealthy, "");
  EXPECT_EQ(devices[2].id, "GPU-cccc");
  EXPECT_EQ(devices[3].id, "gpu2");  // the nameless one is gone, told once
  EXPECT_EQ(reader.read().size(), 3u);
}

TEST_F(NvidiaReaderTest, AGpuLostBetweenTwoQuestionsTellsNoHalf) {
  NvidiaReader reader(options_, ONDOL_FAKE_NVML);
  (void)reader.read();
  set("lost while asked", 0);
  const auto gpu = reader.read().at(0);
  EXPECT_EQ(gpu.id, "GPU-aaaa");
  EXPECT_NE(gpu.unhealthy, "");
  EXPECT_EQ(gpu.energy_j, std::nullopt);
}

TEST_F(NvidiaReaderTest, AVanishedGpuIsToldOfOnce) {
  NvidiaReader reader(options_, ONDOL_FAKE_NVML);
  (void)reader.read();
  set("count", 1);
  const auto devices = reader.read();
  ASSERT_EQ(devices.size(), 3u);
  EXPECT_EQ(devices[1].id, "GPU-bbbb");
  EXPECT_NE(devices[1].unhealthy.find("vanished"), std::string::npos);
  EXPECT_EQ(reader.read().size(), 1u);
}

TEST_F(NvidiaReaderTest, ADriverThatComesLaterIsFound) {
  set("init", kNvmlDriverNotLoaded);
  NvidiaReader reader(options_, ONDOL_FAKE_NVML);
  EXPECT_TRUE(reader.read().empty());
  EXPECT_NE(reader.source().find("Driver Not Loaded"), std::string::npos);
  set("init", kNvmlSuccess);
  EXPECT_EQ(reader.read().size(), 3u);
  set("count value", 999);
  for (const DeviceSnapshot& device : reader.read()) EXPECT_NE(device.unhealthy, "");
  set("count value", kNvmlSuccess);
  EXPECT_EQ(reader.read().size(), 3u);
}

TEST_F(NvidiaReaderTest, AnOldLibraryLeavesFieldsEmpty) {
  NvidiaReader reader(options_, ONDOL_FAKE_NVML_OLD);
  const auto gpu = reader.read().at(1);
  EXPECT_DOUBLE_EQ(gpu.power_w.value(), 312.5);
  EXPECT_EQ(gpu.energy_j, std::nullopt);
  EXPECT_EQ(gpu.pcie, std::nullopt);
  EXPECT_EQ(gpu.firmware_version, "");
  EXPECT_TRUE(gpu.throttle_reasons.empty());
  EXPECT_TRUE(gpu.parts.empty());
  EXPECT_TRUE(gpu.processes.empty());
  EXPECT_EQ(gpu.unhealthy, "");
}

TEST(NvidiaReaderWithoutLibrary, SaysWhyItFindsNothing) {
  NvidiaReader missing({}, "/nowhere/libnvidia-ml.so.1");
  EXPECT_TRUE(missing.read().empty());
  EXPECT_NE(missing.source().find("/nowhere/libnvidia-ml.so.1 cannot be opened"), std::string::npos);
  NvidiaReader other({}, "libm.so.6");
  EXPECT_TRUE(other.read().empty());
  EXPECT_NE(other.source().find("lacks nvmlInit_v2"), std::string::npos);
  NvidiaReader off({.sysroot = "/", .vendor_libraries = false}, ONDOL_FAKE_NVML);
  EXPECT_TRUE(off.read().empty());
  EXPECT_NE(off.source().find("switched off"), std::string::npos);
}

}  // namespace
}  // namespace ondol
