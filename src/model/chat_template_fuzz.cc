// Input: the template's source, then, behind the first zero byte, the JSON of its context.

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view source = input.substr(0, input.find('\0'));
  const std::string_view json = input.substr(std::min(source.size() + 1, input.size()));
  constexpr TemplateLimits kSmall = {
      .max_source_bytes = 1 << 14, .max_output_bytes = 1 << 16, .max_steps = 20'000, .max_depth = 32, .max_memory_bytes = 1 << 20};
  const auto parsed = ChatTemplate::parse(source, kSmall);
  if (!parsed) return 0;
  boost::system::error_code error;
  const boost::json::value context = boost::json::parse(json, error);
  const auto text = parsed->render(!error && context.is_object() ? context.get_object() : boost::json::object(), 1700000000);
  if (text && text->size() > kSmall.max_output_bytes) __builtin_trap();
  return 0;
}
