// Any bytes as the config file: an error or a configuration, never a crash.
#include "app/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ondol::ServerConfig config;
  (void)ondol::parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.yaml", config).has_value();
  return 0;
}
