#include "device/furiosa_smi.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ondol {
namespace {

// A library of two devices, of which the second has gone.
int start_well() { return 0; }
int start_badly() { return 6; }
int two_handles(void* out) {
  const uint32_t answer[] = {2, 40, 41};
  std::memcpy(out, answer, sizeof answer);
  return 0;
}
int countless_handles(void* out) {
  const uint32_t count = 0xFFFFFFFF;
  std::memcpy(out, &count, sizeof count);
  return 0;
}
int info(uint32_t handle, void* out) {
  if (handle != 40) return 5;
  char* bytes = static_cast<char*>(out);
  std::strcpy(bytes + 16, "npu0");
  std::strcpy(bytes + 16 + 96, "RNGD000206");
  std::strcpy(bytes + 16 + 2 * 96, "09512C86-0702-4303-8F40-454746474A40");
  std::strcpy(bytes + 16 + 3 * 96, "0000:3b:00.0");
  return 0;
}
int other_info(uint32_t, void* out) {
  std::memset(out, 'x', 1000);  // a structure of another form
  return 0;
}
int alive(uint32_t, void* out) {
  *static_cast<bool*>(out) = true;
  return 0;
}
int power(uint32_t, void* out) {
  const double watts = 38.4;
  std::memcpy(out, &watts, sizeof watts);
  return 0;
}
int temperatures(uint32_t, void* out) {
  const double degrees[] = {40.98, 1e300};
  std::memcpy(out, degrees, sizeof degrees);
  return 0;
}
int powersave(uint32_t, void* out) {
  const uint32_t profile = 1;
  std::memcpy(out, &profile, sizeof profile);
  return 0;
}
int failing(uint32_t, void*) { return 17; }

TEST(FuriosaSmi, SaysWhyItCannotBeUsed) {
  EXPECT_EQ(FuriosaSmi::open("libondol_no_such_library.so").error().code, Code::kNotFound);
  EXPECT_EQ(FuriosaSmi::open("libm.so.6").error().code, Code::kUnimplemented);
  FuriosaSmiFunctions functions{start_badly, two_handles, info};
  EXPECT_EQ(FuriosaSmi::start(functions).error().message, "furiosa_smi_init failed with code 6");
}

TEST(FuriosaSmi, ReadsWhatTheLibraryHas) {
  FuriosaSmiFunctions functions{start_well, two_handles, info, alive, power, temperatures, powersave, failing};
  const auto devices = FuriosaSmi::start(functions)->read();
  ASSERT_EQ(devices.size(), 1u) << "the lost one is left out";
  EXPECT_EQ(devices[0].uuid, "09512C86-0702-4303-8F40-454746474A40");
  EXPECT_EQ(devices[0].serial, "RNGD000206");
  EXPECT_EQ(devices[0].bdf, "0000:3b:00.0");
  EXPECT_EQ(devices[0].alive, true);
  EXPECT_EQ(devices[0].power_w, 38.4);
  EXPECT_EQ(devices[0].peak_c, 40.98);
  EXPECT_EQ(devices[0].ambient_c, std::nullopt) << "no temperature";
  EXPECT_EQ(devices[0].governor, "powersave");
  EXPECT_EQ(devices[0].throttle_bits, std::nullopt);
}

TEST(FuriosaSmi, LeavesOutWhatAnOlderLibraryLacksAndWhatHasAnotherForm) {
  FuriosaSmiFunctions functions{start_well, two_handles, info};
  const auto devices = FuriosaSmi::start(functions)->read();
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].power_w, std::nullopt);
  functions.info = other_info;
  EXPECT_TRUE(FuriosaSmi::start(functions)->read().empty());
  functions = {start_well, countless_handles, info};
  EXPECT_TRUE(FuriosaSmi::start(functions)->read().empty());
}

}  // namespace
}  // namespace ondol
