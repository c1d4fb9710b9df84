// A relay's stream: in any pieces the same texts, which are no longer than what came.
#include <cstdint>
#include <cstdlib>

#include "twin/relay_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto read = [&](size_t piece) {
    ondol::RelayReader reader;
    std::string texts;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      const auto status = reader.push(bytes.substr(at, piece), [&](std::string text) {
        if (text.empty()) std::abort();
        texts += text + "\n";
      });
      if (!status) return texts + "!";
    }
    return texts + std::string(reader.finish());
  };
  const std::string whole = read(size + 1);
  if (whole.size() > 3 * size + 8) std::abort();
  if (read(1) != whole) std::abort();
  return 0;
}
