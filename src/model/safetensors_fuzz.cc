#include <cstdlib>

#include "model/safetensors.h"

// Every tensor of a file that was accepted must stay inside its bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = ondol::SafetensorsFile::parse(std::as_bytes(std::span(data, size)));
  if (!file) return 0;
  for (const std::string_view name : file->tensor_names()) {
    if (const auto values = file->floats(name); values && values->size() > size) std::abort();
    if (const auto values = file->int32s(name); values && values->size() > size) std::abort();
    (void)file->shape(name);
  }
  return 0;
}
