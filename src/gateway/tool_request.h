// The tools of a chat request: what may be called, and whether something must be.
//
// Owner: value types; a pure function. Any thread. Bounded: kMaxTools tools with schemas of kMaxSchemaBytes each.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/api_error.h"
#include "endpoint/field_reader.h"

namespace ondol {

inline constexpr size_t kMaxTools = 128;
inline constexpr size_t kMaxSchemaBytes = 64 << 10;

struct Tool {
  std::string name;
  std::string description;
  boost::json::object parameters;  // a JSON Schema of an object
  bool strict = false;
};

struct ToolRequest {
  enum class Choice { kNone, kAuto, kRequired };

  std::vector<Tool> tools;  // names differ
  Choice choice = Choice::kAuto;
  std::vector<std::string> allowed;  // names; empty: all
  bool one = false;                  // exactly one call: tool_choice names the function
  bool parallel = true;              // more than one call in an answer

  // The tools that an answer may call; none with tool_choice "none".
  std::vector<const Tool*> callable() const;
  // As templates read them: [{"type": "function", "function": {name, description, parameters}}].
  boost::json::array for_template() const;
};

// 1 to 64 letters, digits, "_" and "-", as OpenAI has it.
bool is_function_name(std::string_view name);

// Reads tools, tool_choice and parallel_tool_calls; refuses the old functions and function_call by name.
ApiResult<ToolRequest> parse_tool_request(FieldReader& fields);

}  // namespace ondol
