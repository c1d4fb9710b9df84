// Any bytes as saved samples: an error, or a run that every report can be made of.
#include <cstddef>
#include <cstdint>

#include "load/report_html.h"
#include "load/report_json.h"
#include "load/samples_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const auto run = parse_samples({reinterpret_cast<const char*>(data), size});
  if (!run) return 0;
  const LoadReport report = make_report(run->info, run->samples, {.ttft_ms = 100, .tpot_ms = 10});
  if (report_json(report).empty() || report_html(report, run->samples).empty()) __builtin_trap();
  const auto again = parse_samples(samples_text(*run));
  if (!again || again->samples.size() != run->samples.size()) __builtin_trap();
  return 0;
}
