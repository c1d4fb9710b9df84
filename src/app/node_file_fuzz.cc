// Node files: any bytes are a declaration or an error that names the file.
#include <cstdint>
#include <cstdlib>

#include "app/node_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = ondol::parse_node_file({reinterpret_cast<const char*>(data), size}, "FILE");
  if (!parsed && !parsed.error().message.starts_with("FILE")) std::abort();
  if (parsed && !ondol::check_declared(*parsed)) std::abort();
  return 0;
}
