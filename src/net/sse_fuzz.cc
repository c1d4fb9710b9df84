// Server-sent events must read the same in one piece and byte by byte, within the bound.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/client.h"

namespace {

std::string read(std::string_view bytes, size_t step, size_t limit) {
  ondol::SseReader reader(limit);
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += step) {
    const auto status = reader.push(bytes.substr(at, step), [&](std::string_view event, std::string_view data) {
      if (event.size() + data.size() > limit) std::abort();
      out.append(event).append("\1").append(data).append("\2");
    });
    if (!status) return out + "\3";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = read(bytes, bytes.size() + 1, size + 1);
  for (const size_t step : {1u, 2u, 5u})
    if (read(bytes, step, size + 1) != whole) std::abort();
  read(bytes, 3, 16);
  return 0;
}
