// Any bytes as the events of a streamed answer: text or an error, never a crash. Events are separated by zero bytes.
#include <algorithm>

#include "app/chat_client.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  ondol::ChatStreamReader reader;
  while (!rest.empty()) {
    const std::string_view event = rest.substr(0, rest.find('\0'));
    (void)reader.event(event).has_value();
    rest.remove_prefix(std::min(rest.size(), event.size() + 1));
  }
  return 0;
}
