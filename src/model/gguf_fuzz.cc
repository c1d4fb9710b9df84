#include <cstdlib>
#include <vector>

#include "model/gguf.h"

// Every answer about a file that was accepted must stay inside its bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = ondol::GgufFile::parse(std::as_bytes(std::span(data, size)));
  if (!file) return 0;
  for (const std::string_view key : file->keys()) {
    (void)file->string(key);
    (void)file->integer(key);
    (void)file->number(key);
    (void)file->boolean(key);
    (void)file->integers(key);
    (void)file->numbers(key);
    if (const auto strings = file->strings(key)) {
      for (const std::string_view text : *strings) {
        if (!text.empty() && (text.front() ^ text.back()) == 0x7F) break;  // touches the bytes
      }
    }
  }
  std::vector<float> row;
  for (const std::string_view name : file->tensor_names()) {
    const auto tensor = file->tensor(name);
    if (!tensor) continue;
    if (tensor->data.size() > size) std::abort();
    row.resize(static_cast<size_t>(tensor->cols));
    ondol::dequantize_row(tensor->dtype, tensor->slice(tensor->depth - 1).row(tensor->rows - 1), tensor->cols, row.data());
  }
  return 0;
}
