#include "device/rngd_files.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(RngdVersion, IsWrittenAsSemanticVersioningDoes) {
  EXPECT_EQ(parse_rngd_version("2026.3.0, 5a2b9c1")->text(), "2026.3.0+5a2b9c1");
  EXPECT_EQ(parse_rngd_version("2026.3.0~rc1, 5a2b9c1")->text(), "2026.3.0-rc1+5a2b9c1");
  EXPECT_EQ(parse_rngd_version("1.20.3")->text(), "1.20.3");
  for (const char* wrong : {"", "2026", "2026.3", "a.b.c", "2026.3.-1", "2026.3.0.1", "2026..0", "99999999999.0.0", "2026.3.0\x01"}) {
    EXPECT_FALSE(parse_rngd_version(wrong)) << wrong;
  }
}

TEST(RngdClocks, AreMegahertzOfEachPe) {
  EXPECT_EQ(parse_rngd_clocks("2000000000\n1750500000").value(), (std::vector<double>{2000, 1750.5}));
  for (const char* wrong : {"", "2 GHz", "2000000000\n\n2000000000", "-1", "10000000001", "99999999999999999999", "2000000000 0"}) {
    EXPECT_FALSE(parse_rngd_clocks(wrong)) << wrong;
  }
  std::string many;
  for (size_t i = 0; i <= kMaxRngdPes; ++i) many += "1\n";
  EXPECT_FALSE(parse_rngd_clocks(many));
}

TEST(RngdOccupancy, IsZeroOrOne) {
  EXPECT_EQ(parse_rngd_occupancy("0\n1\n0").value(), (std::vector<bool>{false, true, false}));
  for (const char* wrong : {"", "2", "0\n01", "yes"}) EXPECT_FALSE(parse_rngd_occupancy(wrong)) << wrong;
}

TEST(RngdMemory, NeedsAllFourFigures) {
  const RngdMemory memory =
      parse_rngd_memory("dram_capacity: 0x17c000000\ndram_usage: 0x10\nnewer_key: 0x1\nshared_capacity: 0x40\nshared_usage: 0x4").value();
  EXPECT_EQ(memory.dram_total, 0x17c000000u);
  EXPECT_EQ(memory.dram_used, 0x10u);
  EXPECT_EQ(memory.shared_total, 0x40u);
  EXPECT_EQ(memory.shared_used, 0x4u);
  const auto error = [](const char* text) { return parse_rngd_memory(text).error().message; };
  EXPECT_EQ(error(""), "is empty");
  EXPECT_EQ(error("dram_capacity: 0x1\ndram_usage: 0x0\nshared_capacity: 0x0"), "lacks shared_usage");
  EXPECT_EQ(error("dram_capacity: 0x1\ndram_capacity: 0x1"), "has dram_capacity twice");
  EXPECT_EQ(error("dram_capacity: 0x1\ndram_usage: 0x2\nshared_capacity: 0x0\nshared_usage: 0x0"),
            "says that more memory is used than there is");
  EXPECT_EQ(error("dram_capacity: 12 GB"), "dram_capacity: \"12 GB\" is not a hexadecimal number");
  EXPECT_FALSE(parse_rngd_memory("dram_capacity: 0xffffffffffffffff\ndram_usage: 0x0\nshared_capacity: 0x0\nshared_usage: 0x0"));
}

TEST(RngdCounters, AreHexadecimal) {
  const RngdCounters counters = parse_rngd_counters("CycleCount: 0xFFFFFFFFFFFFFFFF\nTaskCycleCount: 0x5").value();
  EXPECT_EQ(counters.cycles, UINT64_MAX);
  EXPECT_EQ(counters.task_cycles, 5u);
  EXPECT_FALSE(parse_rngd_counters("CycleCount: 0x10000000000000000\nTaskCycleCount: 0x5"));
  EXPECT_FALSE(parse_rngd_counters("CycleCount: 0x1"));
}

TEST(RngdHex, TakesBothSpellings) {
  EXPECT_EQ(parse_rngd_hex("0x1F").value(), 31u);
  EXPECT_EQ(parse_rngd_hex("1f").value(), 31u);
  for (const char* wrong : {"", "0x", "0x-1", "-1", "0xZZ", "0x 1"}) EXPECT_FALSE(parse_rngd_hex(wrong)) << wrong;
}

TEST(RngdThrottle, KnowsBothTables) {
  using Reasons = std::vector<std::string>;
  EXPECT_EQ(rngd_throttle_reasons(0, RngdThrottleTable::kNew), Reasons{});
  EXPECT_EQ(rngd_throttle_reasons(0x7F, RngdThrottleTable::kNew),
            (Reasons{"idle", "thermal", "application power cap", "application clock cap", "hardware clock cap", "hardware bus limit",
                     "hardware power cap"}));
  EXPECT_EQ(rngd_throttle_reasons(0x80, RngdThrottleTable::kOld), Reasons{"other"});
  EXPECT_EQ(rngd_throttle_reasons(0x180, RngdThrottleTable::kNew), (Reasons{"governor clock cap", "other"}));
  EXPECT_EQ(rngd_throttle_reasons(0x80, RngdThrottleTable::kUnknown), Reasons{"governor clock cap or other"});
  EXPECT_EQ(rngd_throttle_reasons(0x100, RngdThrottleTable::kOld), Reasons{"unknown 0x100"});
  EXPECT_EQ(rngd_throttle_reasons(uint64_t{1} << 63, RngdThrottleTable::kNew), Reasons{"unknown 0x8000000000000000"});
  EXPECT_EQ(rngd_throttle_table(parse_rngd_version("2026.3.0").value()), RngdThrottleTable::kOld);
  EXPECT_EQ(rngd_throttle_table(parse_rngd_version("2026.4.0").value()), RngdThrottleTable::kNew);
  EXPECT_EQ(rngd_throttle_table(std::nullopt), RngdThrottleTable::kUnknown);
}

TEST(RngdNodeName, TakesBothSpellingsOfTheManagementNode) {
  EXPECT_EQ(parse_rngd_node_name("npu0mgmt")->part, "mgmt");
  EXPECT_EQ(parse_rngd_node_name("npu12_mgmt")->part, "mgmt");
  EXPECT_EQ(parse_rngd_node_name("npu12_mgmt")->card, 12);
  const auto quad = parse_rngd_node_name("npu3pe4-7").value();
  EXPECT_EQ(quad.part, "pe4-7");
  EXPECT_EQ(quad.first_pe, 4);
  EXPECT_EQ(quad.last_pe, 7);
  EXPECT_EQ(parse_rngd_node_name("npu3pe5")->last_pe, 5);
  EXPECT_EQ(parse_rngd_node_name("npu3ch1r")->first_pe, -1);
  for (const char* wrong : {"", "npu", "npu0", "npu0_", "npux", "npu99999mgmt", "npu0pe", "npu0pe7-4", "npu0pe0-", "npu0pe64", "npu0pe0-3x",
                            "gpu0mgmt", "npu0a_very_long_name_of_a_part"}) {
    EXPECT_FALSE(parse_rngd_node_name(wrong)) << wrong;
  }
}

TEST(RngdFiles, KnowAddressesSpeedsAndSensors) {
  EXPECT_TRUE(is_pci_address("0000:3b:00.0"));
  for (const char* wrong : {"", "3b:00.0", "0000:3B:00.0", "0000:3b:00.8", "0000:3b:00.0/", "../../../etc"}) {
    EXPECT_FALSE(is_pci_address(wrong)) << wrong;
  }
  EXPECT_EQ(parse_link_speed("32.0 GT/s PCIe"), 32);
  EXPECT_EQ(parse_link_speed("2.5 GT/s"), 2.5);
  for (const char* wrong : {"", "Unknown", "32", "inf GT/s", "nan GT/s", "-1 GT/s"}) EXPECT_FALSE(parse_link_speed(wrong)) << wrong;
  const auto sensor = parse_rngd_sensor_line("2: HBM0 41.5");
  ASSERT_TRUE(sensor);
  EXPECT_EQ(sensor->sensor, 2);
  EXPECT_EQ(sensor->value, 41.5);
  EXPECT_EQ(parse_rngd_sensor_line("1:40")->value, 40);
  for (const char* wrong : {"", "SoC 40", "1: hot", "1: nan", "1:"}) EXPECT_FALSE(parse_rngd_sensor_line(wrong)) << wrong;
}

TEST(RngdFiles, TakeOneLineOfPlainTextAndNumbersInTheirRange) {
  EXPECT_EQ(parse_rngd_text("09512C86-0702").value(), "09512C86-0702");
  for (const std::string& wrong : {std::string(), std::string("a\nb"), std::string("\xff"), std::string(96, 'a'), std::string("a\0b", 3)}) {
    EXPECT_FALSE(parse_rngd_text(wrong)) << wrong;
  }
  EXPECT_EQ(parse_rngd_number("-5", -5, 5).value(), -5);
  for (const char* wrong : {"", "6", "5x", "1e3", "99999999999999999999"}) EXPECT_FALSE(parse_rngd_number(wrong, -5, 5)) << wrong;
}

}  // namespace
}  // namespace ondol
