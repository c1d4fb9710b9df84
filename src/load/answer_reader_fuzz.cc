// Any bytes as a streamed answer, in two pieces: a sample that can be reported, never a crash.
#include <cstddef>
#include <cstdint>

#include "load/answer_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  RequestSample sample;
  AnswerReader reader(sample);
  if (reader.push(text.substr(0, size / 2), 10)) reader.push(text.substr(size / 2), 25);
  reader.finish();
  if (sample.ok() && sample.output_tokens() == 0) __builtin_trap();
  if (!sample.ok() && sample.message.empty()) __builtin_trap();
  if (sample.chunks > 0 && (sample.first_us < 10 || sample.last_us < sample.first_us)) __builtin_trap();
  return 0;
}
