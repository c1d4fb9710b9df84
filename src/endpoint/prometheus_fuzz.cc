// Metrics: samples point into the text, and there are no more of them than lines.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "endpoint/prometheus.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto page = ondol::parse_prometheus(text);
  if (!page) return 0;
  if (page->size() > static_cast<size_t>(std::ranges::count(text, '\n')) + 1) std::abort();
  for (const auto& sample : *page) {
    if (sample.name.empty() || sample.name.data() < text.data() || sample.name.data() + sample.name.size() > text.data() + size)
      std::abort();
    if (!sample.labels.empty() && sample.labels.data() + sample.labels.size() >= text.data() + size) std::abort();
  }
  (void)ondol::metric_sum(*page, {"a", "b"}, "x=\"y\"");
  (void)ondol::metric_mean(*page, {"a"});
  return 0;
}
