#include "app/doctor.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "app/cmd_doctor.h"
#include "base/metrics.h"
#include "net/server.h"

namespace ondol {
namespace {

constexpr std::string_view kCpuinfo =
    "processor\t: 0\nmodel name\t: Fast CPU\nflags\t\t: fpu avx2 fma avx512f_not f16c\n\nprocessor\t: 1\nmodel name\t: Other\n";

TEST(CheckCpu, NamesTheCpuItsFeaturesAndTheChoice) {
  const Finding finding = check_cpu(kCpuinfo, Isa::kAvx2);
  EXPECT_EQ(finding.health, Health::kOk);
  EXPECT_EQ(finding.what, "Fast CPU: kernels use avx2; it has avx2 fma f16c");
  EXPECT_EQ(finding.fix, "");
}

TEST(CheckCpu, WarnsOfScalarKernels) {
  EXPECT_EQ(check_cpu("", Isa::kScalar).health, Health::kWarning);
  EXPECT_NE(check_cpu("", Isa::kScalar).fix, "");
}

TEST(CheckCores, SeesTheContainersLimit) {
  EXPECT_EQ(check_cores(4, "").health, Health::kOk);
  EXPECT_EQ(check_cores(4, "max 100000\n").health, Health::kOk);
  EXPECT_EQ(check_cores(4, "400000 100000\n").health, Health::kOk);
  const Finding limited = check_cores(4, "150000 100000\n");
  EXPECT_EQ(limited.health, Health::kWarning);
  EXPECT_NE(limited.fix.find("--threads 1"), std::string::npos) << limited.fix;
  EXPECT_EQ(check_cores(1, "").health, Health::kWarning);
}

TEST(CheckHugePages, SaysHowToSwitchThemOn) {
  EXPECT_EQ(check_huge_pages("always [madvise] never\n").health, Health::kOk);
  EXPECT_EQ(check_huge_pages("[always] madvise never\n").health, Health::kOk);
  const Finding off = check_huge_pages("always madvise [never]\n");
  EXPECT_EQ(off.health, Health::kWarning);
  EXPECT_NE(off.fix.find("echo madvise"), std::string::npos);
  EXPECT_EQ(check_huge_pages("").health, Health::kWarning);
}

TEST(CheckMemory, IsBadWhenNothingFits) {
  EXPECT_EQ(check_memory({8ull << 30, 4ull << 30}).health, Health::kOk);
  EXPECT_EQ(check_memory({8ull << 30, 100ull << 20}).health, Health::kBad);
}

TEST(CheckClock, WarnsOfSlowSources) {
  EXPECT_EQ(check_clock("tsc\n").health, Health::kOk);
  EXPECT_EQ(check_clock("kvm-clock\n").health, Health::kOk);
  EXPECT_EQ(check_clock("acpi_pm\n").health, Health::kWarning);
  EXPECT_EQ(check_clock("").health, Health::kOk);
}

TEST(CheckPort, TellsFreeFromTaken) {
  Registry metrics;
  uint16_t port = 0;
  {
    const auto server = HttpServer::start({}, metrics, [](std::shared_ptr<Exchange>) {}).value();
    port = server->port();
    EXPECT_EQ(check_port("127.0.0.1", port).health, Health::kWarning);
  }
  EXPECT_EQ(check_port("127.0.0.1", port).health, Health::kOk);
}

TEST(CheckDisk, LooksAtTheFolderThatExists) {
  EXPECT_NE(check_disk("/tmp/ondol-not-there/models").what.find("free for models"), std::string::npos);
  EXPECT_EQ(check_disk("/proc/ondol").health, Health::kWarning);
}

TEST(CheckFit, SaysWhichContextFits) {
  const MemoryNeed need{.weight_bytes = 1 << 30, .kv_token_bytes = 1 << 20, .kv_window_bytes = 0, .max_context = 32'768};
  EXPECT_EQ(check_fit("m", need, {0, 1 << 29}).health, Health::kBad);
  const Finding tight = check_fit("m", need, {0, (1ull << 30) + (1000ull << 20)});
  EXPECT_EQ(tight.health, Health::kWarning);
  EXPECT_NE(tight.what.find("room for 1000 of its 32768 tokens"), std::string::npos) << tight.what;
  EXPECT_EQ(check_fit("m", need, {0, 16ull << 30}).health, Health::kOk);
}

TEST(Report, FailsOnlyOnBadFindings) {
  const std::vector<Finding> warned = {{"a", Health::kOk, "fine", ""}, {"b", Health::kWarning, "slow", "do this"}};
  const std::vector<Finding> bad = {{"c", Health::kBad, "broken", "do that"}};
  testing::internal::CaptureStdout();
  EXPECT_TRUE(report(warned, true));
  const boost::json::value out = boost::json::parse(testing::internal::GetCapturedStdout());
  EXPECT_EQ(out.at("ok"), true);
  EXPECT_EQ(out.at("findings").at(1).at("health"), "warning");
  EXPECT_EQ(out.at("findings").at(1).at("fix"), "do this");
  testing::internal::CaptureStdout();
  EXPECT_FALSE(report(bad, false));
  EXPECT_NE(testing::internal::GetCapturedStdout().find("-> do that"), std::string::npos);
}

}  // namespace
}  // namespace ondol
