// Helpers of the chat-template tests.
//
// Owner: the tests. Any thread. Nothing to bound.
#pragma once

#include <boost/json/parse.hpp>
#include <string>
#include <string_view>

#include "model/chat_template.h"

namespace ondol {

// 2023-11-14 22:13:20 UTC.
constexpr int64_t kTestNow = 1700000000;

// What `source` renders with the JSON object `context`, or the error's code and message: "invalid_argument: ...".
inline std::string rendered(std::string_view source, std::string_view context = "{}", const TemplateLimits& limits = {}) {
  const auto parsed = ChatTemplate::parse(source, limits);
  if (!parsed) return std::string(code_name(parsed.error().code)) + ": " + parsed.error().message;
  const auto text = parsed->render(boost::json::parse(context).as_object(), kTestNow);
  if (!text) return std::string(code_name(text.error().code)) + ": " + text.error().message;
  return *text;
}

}  // namespace ondol
