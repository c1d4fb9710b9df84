// Any bytes as each of the RNGD driver's files: values or an error, never a crash.
#include "device/rngd_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto version = ondol::parse_rngd_version(text);
  if (version) (void)version->text();
  (void)ondol::parse_rngd_clocks(text).has_value();
  (void)ondol::parse_rngd_occupancy(text).has_value();
  (void)ondol::parse_rngd_memory(text).has_value();
  (void)ondol::parse_rngd_counters(text).has_value();
  (void)ondol::parse_rngd_number(text, -100, 100).has_value();
  (void)ondol::parse_rngd_text(text).has_value();
  (void)ondol::parse_rngd_node_name(text).has_value();
  (void)ondol::parse_link_speed(text).has_value();
  (void)ondol::parse_rngd_sensor_line(text).has_value();
  (void)ondol::is_pci_address(text);
  if (const auto bits = ondol::parse_rngd_hex(text)) (void)ondol::rngd_throttle_reasons(*bits, ondol::RngdThrottleTable::kUnknown);
  return 0;
}
