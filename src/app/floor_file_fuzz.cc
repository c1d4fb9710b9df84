// Any bytes as the floor file: an error or a plan, never a crash.
#include "app/floor_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto spec = ondol::parse_floor({reinterpret_cast<const char*>(data), size});
  if (!spec) return 0;
  const auto no_files = [](const std::string&) -> ondol::Result<std::string> { return ondol::fail(ondol::Code::kNotFound, "no files"); };
  (void)ondol::plan_floor(std::move(*spec), no_files).has_value();
  return 0;
}
