#include "device/cpu_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

class CpuReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.sysroot = tree_.path();
    tree_.write("proc/stat", "cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 100 0 0 400 0 0 0 0 0 0\ncpu1 0 0 0 500 0 0 0 0 0 0\nintr 1\n");
    tree_.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Gold\nmicrocode\t: 0x2b000603\n");
    tree_.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n");
    tree_.write("proc/sys/kernel/osrelease", "6.1.0\n");
    tree_.write("sys/devices/system/node/node0/cpulist", "0-1\n");
    tree_.write("sys/devices/system/node/online", "0\n");
    for (const char* policy : {"policy0", "policy1"}) {
      const std::string folder = std::string("sys/devices/system/cpu/cpufreq/") + policy;
      tree_.write(folder + "/scaling_cur_freq", std::string(policy) == "policy0" ? "2000000\n" : "3000000\n");
      tree_.write(folder + "/scaling_governor", "schedutil\n");
    }
    tree_.write("sys/class/hwmon/hwmon0/name", "nvme\n");
    tree_.write("sys/class/hwmon/hwmon0/temp1_input", "99000\n");
    tree_.write("sys/class/hwmon/hwmon1/name", "coretemp\n");
    tree_.write("sys/class/hwmon/hwmon1/temp1_input", "55000\n");
    tree_.write("sys/class/hwmon/hwmon1/temp1_label", "Package id 0\n");
    tree_.write("sys/class/hwmon/hwmon1/temp2_input", "58000\n");
    tree_.write("sys/class/hwmon/hwmon1/temp2_label", "Core 3\n");
    zone("intel-rapl:0", "package-0", 100'000'000);
    zone("intel-rapl:0:0", "dram", 7'000'000);
    zone("intel-rapl:1", "package-1", 200'000'000);
    zone("intel-rapl:2", "psys", 900'000'000);
  }
  void zone(const std::string& zone, const std::string& name, int64_t uj) {
    const std::string folder = "sys/class/powercap/" + zone;
    tree_.write(folder + "/name", name + "\n");
    tree_.write(folder + "/energy_uj", std::to_string(uj) + "\n");
    tree_.write(folder + "/max_energy_range_uj", "262143328850\n");
    tree_.write(folder + "/constraint_0_power_limit_uw", "150000000\n");
  }

  TestFolder tree_;
  DeviceReaderOptions options_;
  ManualClock clock_;
};

TEST_F(CpuReaderTest, ReadsTheMachineAsOneDevice) {
  CpuReader reader(options_, clock_);
  const auto devices = reader.read();
  ASSERT_EQ(devices.size(), 1u);
  const DeviceSnapshot& cpu = devices[0];
  EXPECT_EQ(cpu.id, "cpu");
  EXPECT_EQ(cpu.product, "Intel(R) Xeon(R) Gold");
  EXPECT_EQ(cpu.firmware_version, "0x2b000603");
  EXPECT_EQ(cpu.driver_version, "6.1.0");
  EXPECT_EQ(cpu.numa_node, 0);
  EXPECT_EQ(cpu.memory_total_bytes, 1024000u);
  EXPECT_EQ(cpu.memory_used_bytes, 614400u);
  EXPECT_DOUBLE_EQ(cpu.clock_mhz.value(), 2500);
  EXPECT_EQ(cpu.governor, "schedutil");
  EXPECT_EQ(cpu.temperatures_c, (std::map<std::string, double>{{"package 0", 55}, {"peak", 58}}));
  EXPECT_DOUBLE_EQ(cpu.energy_j.value(), 300);
  EXPECT_DOUBLE_EQ(cpu.power_limit_w.value(), 300);
  EXPECT_EQ(cpu.power_w, std::nullopt);      // no time has passed yet
  EXPECT_EQ(cpu.utilization, std::nullopt);  // likewise
  EXPECT_EQ(cpu.cores.size(), 2u);
  EXPECT_EQ(cpu.unhealthy, "");
  EXPECT_NE(reader.source().find("RAPL energy of 2 packages"), std::string::npos);
}

TEST_F(CpuReaderTest, MeasuresUseAndPowerBetweenReadings) {
  CpuReader reader(options_, clock_);
  (void)reader.read();
  tree_.write("proc/stat", "cpu  160 0 0 940 0 0 0 0 0 0\ncpu0 160 0 0 400 0 0 0 0 0 0\ncpu1 0 0 0 540 0 0 0 0 0 0\n");
  zone("intel-rapl:0", "package-0", 140'000'000);
  zone("intel-rapl:1", "package-1", 210'000'000);
  clock_.advance_us(500'000);
  const auto cpu = reader.read().at(0);
  EXPECT_DOUBLE_EQ(cpu.utilization.value(), 0.6);
  EXPECT_DOUBLE_EQ(cpu.cores[0].utilization.value(), 1);
  EXPECT_DOUBLE_EQ(cpu.cores[1].utilization.value(), 0);
  EXPECT_DOUBLE_EQ(cpu.energy_j.value(), 350);
  EXPECT_DOUBLE_EQ(cpu.power_w.value(), 100);
}

TEST_F(CpuReaderTest, AnEnergyCounterThatWrapsGoesOn) {
  zone("intel-rapl:0", "package-0", 262'143'328'850 - 3'000'000);
  CpuReader reader(options_, clock_);
  const double before = reader.read().at(0).energy_j.value();
  zone("intel-rapl:0", "package-0", 2'000'000);
  EXPECT_NEAR(reader.read().at(0).energy_j.value() - before, 5, 1e-6);
}

TEST_F(CpuReaderTest, EnergyThatIsForRootOnlyIsUnknownNotUnhealthy) {
  if (::geteuid() == 0) {
    tree_.write("sys/class/powercap/intel-rapl:0/energy_uj", "secret\n");  // root may read every file
  } else {
    ::chmod(tree_.path("sys/class/powercap/intel-rapl:0/energy_uj").c_str(), 0);
  }
  CpuReader reader(options_, clock_);
  const auto cpu = reader.read().at(0);
  EXPECT_EQ(cpu.energy_j, std::nullopt);
  EXPECT_EQ(cpu.unhealthy, "");
  const std::string source = reader.source();
  EXPECT_TRUE(source.find("by root only") != std::string::npos || source.find("holds no energy") != std::string::npos) << source;
}

TEST_F(CpuReaderTest, ABareMachineHasWhatItHas) {
  for (const char* folder : {"sys", "proc/meminfo", "proc/cpuinfo"}) std::filesystem::remove_all(tree_.path(folder));
  CpuReader reader(options_, clock_);
  const auto cpu = reader.read().at(0);
  EXPECT_EQ(cpu.product, "CPU");
  EXPECT_EQ(cpu.memory_total_bytes, std::nullopt);
  EXPECT_EQ(cpu.clock_mhz, std::nullopt);
  EXPECT_TRUE(cpu.temperatures_c.empty());
  EXPECT_EQ(cpu.unhealthy, "");
  EXPECT_NE(reader.source().find("no RAPL"), std::string::npos);
  tree_.write("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
  tree_.write("sys/class/thermal/thermal_zone0/temp", "47000\n");
  EXPECT_EQ(reader.read().at(0).temperatures_c, (std::map<std::string, double>{{"peak", 47}}));
}

TEST_F(CpuReaderTest, GarbageIsUnhealthyAndNoTreeIsNoDevice) {
  CpuReader reader(options_, clock_);
  (void)reader.read();
  tree_.write("proc/stat", "cpu what\n");
  EXPECT_NE(reader.read().at(0).unhealthy.find("garbled"), std::string::npos);
  std::filesystem::remove(tree_.path("proc/stat"));
  EXPECT_TRUE(reader.read().empty());
}

TEST(CpuReaderHere, ReadsThisMachine) {
  const auto reader = make_cpu_reader({});
  const auto cpu = reader->read().at(0);
  EXPECT_EQ(cpu.unhealthy, "");
  EXPECT_GT(cpu.memory_total_bytes.value(), 0u);
  EXPECT_GE(cpu.cores.size(), 1u);
}

}  // namespace
}  // namespace ondol
