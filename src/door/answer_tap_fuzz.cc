// Any bytes as a stream of events: they read the same in one piece and byte by byte, nothing is lost, and what is added stands in the
// usage.
#include <cstdint>
#include <string>
#include <vector>

#include "door/answer_tap.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> whole, pieces;
  ondol::EventSplitter one, many;
  one.push(text, [&](std::string_view event) { whole.emplace_back(event); });
  for (const char c : text) many.push({&c, 1}, [&](std::string_view event) { pieces.emplace_back(event); });
  std::string joined;
  for (const std::string& event : whole) {
    joined += event;
    const ondol::EventSight sight = ondol::look_at_event(event);
    if (!sight.usage) continue;
    if (sight.usage->closing_bracket >= event.size() || event[sight.usage->closing_bracket] != '}') __builtin_trap();
    const ondol::EventSight again = ondol::look_at_event(ondol::with_account(event, *sight.usage, "{\"energy_j\":1}"));
    if (!again.usage || again.usage->prompt_tokens != sight.usage->prompt_tokens) __builtin_trap();
  }
  if (whole != pieces || one.rest() != many.rest() || joined + one.rest() != text) __builtin_trap();
  return 0;
}
